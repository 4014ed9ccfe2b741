import type { DiskReading } from '../disk.ts'
import type { HostFacts } from '../host.ts'
import { quantile } from '../quantile.ts'
import { mebibytes, toTable, whole } from '../report/text.ts'
import { type CodecReading, codecTasks, type PublishJob, type PublishResult } from './job.ts'

export const clientNames = [
  'thingmesh',
  'thingmesh-memory',
  'mqttjs',
  'mqttjs-keyed',
  'mqttjs-wide',
] as const satisfies PublishJob['client'][]

export interface ClientResult extends PublishResult {
  /** What the hub spent on this run, its warm-up included. */
  readonly hubCpuSeconds: number
}

export interface ClientRow {
  readonly client: PublishJob['client']
  readonly profile: 'disk' | 'memory'
  readonly results: readonly ClientResult[]
}

export interface ClientReport {
  readonly command: string
  readonly host: HostFacts
  readonly disk: DiskReading & { readonly directory: string; readonly fileSystem: string }
  readonly notes: readonly string[]
  readonly codec: CodecReading
  readonly rows: readonly ClientRow[]
}

/** What the issue demands: our client with its outbox at least as fast as MQTT.js without one, our codec three times as fast. */
const CLIENT_RATIO_MIN = 1
const CODEC_RATIO_MIN = 3
/** Above this somebody else was at work when the bench began. */
const BUSY_LOAD = 1

const titles: Readonly<Record<PublishJob['client'], string>> = {
  thingmesh: 'thingmesh, outbox in a file',
  'thingmesh-memory': 'thingmesh, outbox in memory',
  mqttjs: 'MQTT.js 5.16.0',
  'mqttjs-keyed': 'MQTT.js 5.16.0, with keys',
  'mqttjs-wide': 'MQTT.js 5.16.0, with a larger window',
}

export function toClientMarkdown({ command, host, disk, notes, codec, rows }: ClientReport): string {
  const { p50Ms, p99Ms, bytesPerWrite } = disk
  return [
    '# Client bench',
    '',
    `- date: ${host.date}, commit ${host.commit}`,
    `- command: \`${command}\``,
    `- machine: ${host.cpu}, ${host.cores} cores, ${mebibytes(host.memoryBytes)} MiB, ${host.kernel}, load average before: ${host.loadAverage.toFixed(2)}`,
    `- node ${host.node}`,
    `- bare disk, ${disk.directory} (${disk.fileSystem}): write ${bytesPerWrite} B + fdatasync p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms`,
    ...notes.map(note => `- ${note}`),
    ...(host.loadAverage > BUSY_LOAD
      ? ['- OTHERS USED THE MACHINE: msg/s are theirs as much as ours; CPU and ratios say a little']
      : []),
    '',
    '## Bars',
    '',
    ...toTable(['what', 'demanded', 'measured', 'verdict'], 4, [...clientBars(rows), ...codecBars(codec)]),
    '## Publishing',
    '',
    ...toTable(
      ['hub', 'client', 'msg/s', 'lowest', 'highest', 'client CPU µs/msg', 'hub CPU µs/msg'],
      2,
      rows.map(row => {
        const cpus = [cpuOf(row), hubCpuOf(row)].map(cpu => cpu.toFixed(1))
        return [row.profile, titles[row.client], ...ratesOf(row).map(whole), ...cpus]
      }),
    ),
    '## Codec',
    '',
    ...toTable(
      ['what', 'thingmesh ns', 'mqtt-packet ns', 'ratio'],
      1,
      codecTasks.map(task => {
        const { thingmesh, 'mqtt-packet': theirs } = codec[task]
        return [task, whole(thingmesh), whole(theirs), (theirs / thingmesh).toFixed(1)]
      }),
    ),
  ].join('\n')
}

/** Run against run, because they were made one right after the other. */
function clientBars(rows: readonly ClientRow[]): string[][] {
  return rows
    .filter(({ client }) => client === 'thingmesh')
    .map(ours => {
      const theirs = rows.find(({ client, profile }) => client === 'mqttjs' && profile === ours.profile)
      const ratios = ours.results.map((result, run) => rateOf(result) / rateOf(theirs?.results[run] ?? result))
      return barOf(`${titles.thingmesh}, hub ${ours.profile}`, 'MQTT.js', medianOf(ratios), CLIENT_RATIO_MIN)
    })
}

function codecBars(codec: CodecReading): string[][] {
  return codecTasks.map(task => {
    const { thingmesh, 'mqtt-packet': theirs } = codec[task]
    return barOf(`codec: ${task}`, 'mqtt-packet', theirs / thingmesh, CODEC_RATIO_MIN)
  })
}

function barOf(what: string, peer: string, ratio: number, min: number): string[] {
  return [what, `≥ ${min} × ${peer}`, `${ratio.toFixed(2)} ×`, ratio >= min ? 'met' : 'NOT MET']
}

function rateOf({ messages, seconds }: PublishResult): number {
  return messages / seconds
}

function ratesOf({ results }: ClientRow): number[] {
  const rates = results.map(rateOf)
  return [medianOf(rates), Math.min(...rates), Math.max(...rates)]
}

function cpuOf({ results }: ClientRow): number {
  return medianOf(results.map(({ cpuSeconds, messages }) => (cpuSeconds / messages) * 1e6))
}

function hubCpuOf({ results }: ClientRow): number {
  return medianOf(results.map(({ hubCpuSeconds, messagesInAll }) => (hubCpuSeconds / messagesInAll) * 1e6))
}

function medianOf(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  )
}
