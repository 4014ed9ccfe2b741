import type { RequestsTally } from '../load/coap/job.ts'
import type { Tally } from '../load/job.ts'
import type { LoadResult } from '../load/work.ts'
import { isDisturbed, isLoadBound, type Outcome, othersShare, type Row, windowsOf } from './rows.ts'
import { whole } from './text.ts'

/** What in a row breaks a promise or spoils a figure, in words; empty when all is well. */
export function remarksOn(row: Row): string[] {
  return remarksAbout(labelOf(row), row.outcomes)
}

/** The same of a row of any bench. */
export function remarksAbout(row: string, outcomes: readonly Outcome[]): string[] {
  const several = outcomes.length > 1
  return outcomes.flatMap((outcome, run) => {
    const label = `${row}${several ? `, run ${run + 1}` : ''}`
    const remarks =
      'failed' in outcome ? [outcome.failed] : [...faultsIn(outcome.result), ...doubtsAbout(outcome.result)]
    return remarks.map(remark => `${label}: ${remark}`)
  })
}

/** Whether messages went astray in any run: then its figures prove nothing, however good they are. */
export function isFaulty(row: Pick<Row, 'outcomes'>): boolean {
  return row.outcomes.some(outcome => 'failed' in outcome || faultsIn(outcome.result).length > 0)
}

function labelOf(row: Row): string {
  const { shape, broker, profile } = row
  return `${broker} (${profile}), ${shape.title}${shape.kind === 'flow' ? `, QoS ${row.qos}` : ''}`
}

function doubtsAbout(result: LoadResult): string[] {
  const doubts: string[] = []
  if (isLoadBound(result)) doubts.push('the load generator was the limit, the broker may do more')
  if (isDisturbed(result)) {
    const others = Math.max(...windowsOf(result).map(window => othersShare(window) ?? 0))
    doubts.push(`NOT COMPARABLE, other processes took ${Math.round(others * 100)} % of a core`)
  }
  if (result.kind === 'requests') {
    doubts.push(...counted([[result.tally.resent, 'requests sent again for want of an answer']]))
  }
  if (result.kind === 'flow') {
    doubts.push(...counted([[result.stalls, 'times a publisher waited 500 ms for deliveries in vain']]))
  }
  if (result.kind === 'flow' && result.latency && 'missing' in result.latency) {
    doubts.push(`latency not measured, ${result.latency.missing}`)
  }
  return doubts
}

function faultsIn(result: LoadResult): string[] {
  switch (result.kind) {
    case 'flow':
      return tallyFaults(result.tally, result.drained)
    case 'idle':
      return counted([[result.connections - result.alive, 'connections that did not answer a PINGREQ']])
    case 'filters':
      return counted([
        [result.lost, 'deliveries dropped'],
        [result.misrouted, 'deliveries to the wrong subscriber, or twice'],
      ])
    case 'drain':
      return counted([
        [result.queued - result.delivered, 'queued messages never delivered'],
        [result.duplicated, 'duplicate deliveries'],
        [result.reordered, 'deliveries out of order'],
        [result.corrupt, 'payloads not as they were sent'],
      ])
    case 'requests':
      return requestFaults(result.tally)
    case 'observers':
      return counted([
        [result.observers * result.roundsMs.length - result.notified, 'notifications that never came'],
        [result.duplicated, 'duplicate notifications'],
        [result.corrupt, 'notifications not as they should be'],
      ])
    case 'crossing':
      return tallyFaults(result.tally, true)
  }
}

function requestFaults({ sent, answered, refused, lost, duplicated, corrupt }: RequestsTally): string[] {
  return counted([
    [lost, 'requests never answered'],
    [sent - answered - lost, 'requests still without an answer when the bench stopped waiting'],
    [refused, 'requests refused'],
    [duplicated, 'answers to what was answered already'],
    [corrupt, 'answers not as they should be'],
  ])
}

function tallyFaults(tally: Tally, drained: boolean): string[] {
  const acknowledged = tally.acked > 0
  const lost = acknowledged ? 'deliveries of acknowledged messages lost' : 'deliveries dropped'
  const late = 'when the bench stopped waiting, so none is proved lost'
  return counted([
    [tally.lost, drained ? lost : `deliveries still to come ${late}`],
    [acknowledged ? tally.sent - tally.acked : 0, 'messages never acknowledged'],
    [tally.unreleased, `deliveries with QoS 2 ${drained ? 'never released' : `still to be released ${late}`}`],
    [tally.misused, 'packet ids used again before what they stood for was released'],
    [tally.duplicated, 'duplicate deliveries'],
    [tally.reordered, 'deliveries out of order'],
    [tally.corrupt, 'payloads not as they were sent'],
  ])
}

function counted(faults: readonly (readonly [count: number, what: string])[]): string[] {
  return faults.filter(([count]) => count > 0).map(([count, what]) => `${whole(count)} ${what}`)
}
