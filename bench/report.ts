import type { DiskReading } from './disk.ts'
import type { HostFacts } from './host.ts'
import type { LoadResult, Qos } from './load/job.ts'
import type { Shape } from './shapes.ts'

/** One line of the table. `failed` says what happened instead of a measurement. */
export interface Row {
  readonly shape: Shape
  readonly qos: Qos
  readonly broker: string
  readonly profile: string
  readonly outcome: { readonly result: LoadResult } | { readonly failed: string }
}

export interface Report {
  readonly title: string
  readonly command: string
  readonly host: HostFacts
  readonly disk: DiskReading
  readonly peers: readonly { readonly name: string; readonly version: string }[]
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
  readonly notes: readonly string[]
  readonly rows: readonly Row[]
}

// A disturbed broker can look better per message, not worse, because it finds larger batches: such a row gets no ratio.
// Kernel threads stay below this.
const OTHERS_SHARE_MAX = 0.05

const COLUMNS = [
  'shape',
  'QoS',
  'broker',
  'profile',
  'msg/s',
  '× mosquitto',
  'broker µs/msg',
  'broker CPU %',
  'load CPU %',
  'others CPU %',
  'p50 ms',
  'p99 ms',
  'RSS MiB',
  'peak MiB',
  'lost',
  'duplicated',
] as const

/** The whole result as Markdown. */
export function toMarkdown(report: Report): string {
  const { host, disk } = report
  const lines = [
    `# ${report.title}`,
    '',
    `- date: ${host.date}, commit ${host.commit}`,
    `- command: \`${report.command}\``,
    `- machine: ${host.cpu}, ${host.cores} cores, ${mebibytes(host.memoryBytes)} MiB, ${host.kernel}, load average before: ${host.loadAverage.toFixed(2)}`,
    `- node ${host.node}`,
    ...report.peers.map(peer => `- ${peer.name} ${peer.version}`),
    `- bare disk, ${disk.directory}: write ${disk.bytesPerWrite} B + fdatasync p50 ${disk.p50Ms.toFixed(3)} ms, p99 ${disk.p99Ms.toFixed(3)} ms (${disk.writes} writes)`,
    ...report.notes.map(note => `- ${note}`),
    ...report.missing.map(peer => `- left out: ${peer.name} (${peer.reason})`),
    '',
    `| ${COLUMNS.join(' | ')} |`,
    `|${COLUMNS.map((_, index) => (index < 4 ? '---|' : '---:|')).join('')}`,
    ...report.rows.map(row => `| ${cells(row, report.rows).join(' | ')} |`),
    '',
  ]
  const verdicts = report.rows.flatMap(failuresOf)
  if (verdicts.length > 0) lines.push('What went wrong:', '', ...verdicts.map(verdict => `- ${verdict}`), '')
  return lines.join('\n')
}

/** What in a row breaks a promise, in words; empty when all is well. */
export function failuresOf(row: Row): string[] {
  const label = `${row.broker} (${row.profile}), ${row.shape.title}, QoS ${row.qos}`
  if ('failed' in row.outcome) return [`${label}: ${row.outcome.failed}`]
  const { tally, stalls, latency, drained } = row.outcome.result
  const others = othersShare(row.outcome.result) ?? 0
  const failures: string[] = []
  const tell = (count: number, what: string) => count > 0 && failures.push(`${label}: ${whole(count)} ${what}`)
  if (!drained) tell(tally.lost, 'deliveries still to come when the bench stopped waiting, so none is proved lost')
  else tell(tally.lost, row.qos === 1 ? 'deliveries of acknowledged messages lost' : 'deliveries dropped')
  tell(row.qos === 1 ? tally.sent - tally.acked : 0, 'messages never acknowledged')
  tell(tally.duplicated, 'duplicate deliveries')
  tell(tally.reordered, 'deliveries out of order')
  tell(tally.corrupt, 'payloads not as they were sent')
  tell(stalls, 'times a publisher waited 500 ms for deliveries in vain')
  if (isDisturbed(row.outcome.result)) {
    failures.push(`${label}: NOT COMPARABLE, other processes took ${Math.round(others * 100)} % of a core`)
  }
  if (latency && 'missing' in latency) failures.push(`${label}: latency not measured, ${latency.missing}`)
  return failures
}

function cells(row: Row, rows: readonly Row[]): string[] {
  const head = [row.shape.title, String(row.qos), row.broker, row.profile]
  if ('failed' in row.outcome) {
    const word = /\bdied\b/.test(row.outcome.failed) ? 'died' : 'failed'
    return [...head, word, ...COLUMNS.slice(head.length + 1).map(() => '—')]
  }
  const { result } = row.outcome
  const rate = rateOf(result)
  const mosquitto = rows.find(
    other => other.broker === 'mosquitto' && other.shape === row.shape && other.qos === row.qos,
  )
  const base = mosquitto && 'result' in mosquitto.outcome ? mosquitto.outcome.result : undefined
  const ratio = base && !isDisturbed(base) && !isDisturbed(result) ? rate / rateOf(base) : undefined
  const cpu = result.brokerCpuSeconds
  const latency = result.latency && 'p50Ms' in result.latency ? result.latency : undefined
  return [
    ...head,
    whole(rate),
    optional(ratio, value => value.toFixed(2)),
    optional(cpu, value => (result.delivered > 0 ? ((value * 1e6) / result.delivered).toFixed(2) : '—')),
    optional(cpu, value => percent(value, result.windowSeconds)),
    percent(result.loadCpuSeconds, result.windowSeconds),
    optional(othersShare(result), share => Math.round(share * 100).toString()),
    optional(latency?.p50Ms, milliseconds),
    optional(latency?.p99Ms, milliseconds),
    optional(result.brokerRssBytes, mebibytes),
    optional(result.brokerRssPeakBytes, mebibytes),
    result.drained ? whole(result.tally.lost) : '—',
    whole(result.tally.duplicated),
  ]
}

/** The larger share of the two cores that went to processes which are no part of the bench. */
function othersShare(result: LoadResult): number | undefined {
  const others = result.othersCpuSeconds
  return others && Math.max(others.brokerCore, others.loadCore) / result.windowSeconds
}

function isDisturbed(result: LoadResult): boolean {
  return (othersShare(result) ?? 0) > OTHERS_SHARE_MAX
}

export function rateOf(result: LoadResult): number {
  return result.delivered / result.windowSeconds
}

function optional(value: number | undefined, format: (value: number) => string): string {
  return value === undefined || Number.isNaN(value) ? '—' : format(value)
}

function whole(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

function percent(part: number, total: number): string {
  return Math.round((part / total) * 100).toString()
}

function milliseconds(value: number): string {
  return value.toFixed(value < 1 ? 3 : 2)
}

function mebibytes(bytes: number): string {
  return whole(bytes / 1_048_576)
}
