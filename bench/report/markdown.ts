import type { DiskReading } from '../disk.ts'
import type { HostFacts } from '../host.ts'
import type { TrieReading } from '../trie.ts'
import type { Bar } from './bars.ts'
import { medianOf, OTHERS_SHARE_MAX, type Outcome } from './rows.ts'
import { mebibytes, toTable } from './text.ts'

export interface Report {
  readonly title: string
  readonly command: string
  readonly host: HostFacts
  readonly disk: DiskReading & { readonly directory: string; readonly fileSystem: string }
  readonly peers: readonly { readonly name: string; readonly version: string }[]
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
  readonly notes: readonly string[]
  readonly bars: readonly Bar[]
  /** Lines, as the following ones. */
  readonly tables: readonly string[]
  readonly remarks: readonly string[]
  readonly profiles: readonly string[]
}

/** The whole result as Markdown. */
export function toMarkdown(report: Report): string {
  const { remarks } = report
  return [
    `# ${report.title}`,
    '',
    ...factsOf(report),
    '',
    ...barsSection(report.bars),
    ...report.tables,
    ...(remarks.length > 0 ? ['## What went wrong', '', ...remarks.map(remark => `- ${remark}`), ''] : []),
    ...report.profiles,
  ].join('\n')
}

function factsOf({ host, disk, command, peers, missing, notes }: Report): string[] {
  const { bytesPerWrite, p50Ms, p99Ms, writes } = disk
  return [
    `- date: ${host.date}, commit ${host.commit}`,
    `- command: \`${command}\``,
    `- machine: ${host.cpu}, ${host.cores} cores, ${mebibytes(host.memoryBytes)} MiB, ${host.kernel}, load average before: ${host.loadAverage.toFixed(2)}`,
    `- node ${host.node}`,
    ...peers.map(peer => `- ${peer.name} ${peer.version}`),
    `- bare disk, ${disk.directory} (${disk.fileSystem}): write ${bytesPerWrite} B + fdatasync p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms (${writes} writes)`,
    ...notes.map(note => `- ${note}`),
    ...missing.map(peer => `- left out: ${peer.name} (${peer.reason})`),
  ]
}

function barsSection(bars: readonly Bar[]): string[] {
  if (bars.length === 0) return []
  const lines = bars.map(({ what, demand, measured, verdict }) => [what, demand, measured, verdict])
  return ['## Bars', '', ...toTable(['what', 'demanded', 'measured', 'verdict'], 4, lines)]
}

/** The hub's matching alone, without the way to it. */
export function trieSection(trie: TrieReading | undefined): string[] {
  if (!trie) return []
  const { few, many, othersShare } = trie
  const lines = [few, many].map(({ filters, nanoseconds }) => [String(filters), nanoseconds.toFixed(0)])
  const doubt =
    othersShare > OTHERS_SHARE_MAX ? [`NOT COMPARABLE, others had the core ${share(othersShare)} of the time.`, ''] : []
  return ['## The filter trie alone', '', ...toTable(['filters', 'ns/match'], 1, lines), ...doubt]
}

export function profilesSection(rows: readonly { label: string; outcomes: readonly Outcome[] }[]): string[] {
  const lines = rows.flatMap(({ label, outcomes }) => {
    const threads = medianOf(outcomes)?.threads ?? []
    return threads.flatMap(({ thread, busyShare, top }) => [
      `### ${label}: ${thread}, busy ${share(busyShare)}`,
      '',
      ...toTable(
        ['function', 'self %'],
        1,
        top.map(({ name, share: part }) => [`\`${name}\``, (part * 100).toFixed(1)]),
      ),
    ])
  })
  return lines.length === 0 ? [] : ['## Where the time went', '', PROFILES_NOTE, '', ...lines]
}

const PROFILES_NOTE =
  'By the clock, so that a wait for the disk or for the core is in it; `(program)` is native code and system calls.'

function share(value: number): string {
  return `${(value * 100).toFixed(0)} %`
}
