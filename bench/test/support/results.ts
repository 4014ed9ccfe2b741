import type { DrainResult, FiltersResult, FlowResult, IdleResult, Qos, Window } from '../../load/job.ts'
import type { LoadResult } from '../../load/work.ts'
import type { Outcome, Row } from '../../report/rows.ts'
import { SHAPES, type Shape } from '../../shapes.ts'

/** One calm second in which everybody had time to spare. */
export function windowOf(changes: Partial<Window> = {}): Window {
  return {
    seconds: 1,
    startMicros: 0,
    endMicros: 1_000_000,
    brokerCpuSeconds: 0.9,
    brokerRssBytes: 100 * 1_048_576,
    brokerRssPeakBytes: 100 * 1_048_576,
    loadCpuSeconds: 0.5,
    othersCpuSeconds: { brokerCore: 0.01, loadCore: 0.01 },
    ...changes,
  }
}

export const disturbed: Window = windowOf({ othersCpuSeconds: { brokerCore: 0.2, loadCore: 0 } })
export const loadBound: Window = windowOf({ loadCpuSeconds: 0.99 })

/** A flawless second of that many deliveries. */
export function flowOf(delivered: number, changes: Partial<FlowResult> = {}): FlowResult {
  const nothing = { lost: 0, duplicated: 0, reordered: 0, corrupt: 0, unreleased: 0, misused: 0 }
  return {
    kind: 'flow',
    window: windowOf(),
    delivered,
    stalls: 0,
    tally: { sent: delivered, acked: delivered, expected: delivered, delivered, ...nothing },
    drained: true,
    latency: { samples: 1, p50Ms: 1, p99Ms: 2, maxMs: 3 },
    ...changes,
  }
}

export function idleOf(connections: number, kibibytesEach: number, seconds = 1): IdleResult {
  const rssBeforeBytes = 100 * 1_048_576
  return {
    kind: 'idle',
    window: windowOf({ seconds }),
    connections,
    rssBeforeBytes,
    rssAfterBytes: rssBeforeBytes + connections * kibibytesEach * 1_024,
    rssCollectedBytes: undefined,
    alive: connections,
  }
}

export function filtersOf(few: number, many: number): FiltersResult {
  const reading = { filters: 100, window: windowOf(), subscribeSeconds: 1 }
  const readingOf = (delivered: number) => ({ ...reading, delivered })
  return { kind: 'filters', few: readingOf(few), many: readingOf(many), misrouted: 0, lost: 0 }
}

export function drainOf(queued: number, seconds: number, growthMebibytes: number): DrainResult {
  return {
    kind: 'drain',
    window: windowOf({ seconds }),
    queued,
    fillSeconds: 1,
    delivered: queued,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    rssEmptyBytes: 50 * 1_048_576,
    rssFullBytes: 100 * 1_048_576,
    rssPeakBytes: (100 + growthMebibytes) * 1_048_576,
  }
}

export function rowOf(
  shape: Shape['id'],
  qos: Qos,
  [broker, profile]: readonly [string, string],
  ...results: readonly (LoadResult | Outcome)[]
): Row {
  const outcomes = results.map(result => ('kind' in result ? { result } : result))
  return { shape: SHAPES.find(({ id }) => id === shape)!, qos, broker, profile, outcomes }
}
