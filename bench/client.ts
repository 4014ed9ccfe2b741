import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { frugal } from './brokers/hub.ts'
import { firstLine, Processes } from './brokers/processes.ts'
import { thingmesh } from './brokers/thingmesh.ts'
import type { CodecReading, PublishJob, PublishResult } from './client/job.ts'
import type { ClientBenchOptions } from './client/options.ts'
import { type ClientReport, type ClientResult, type ClientRow, clientNames, toClientMarkdown } from './client/report.ts'
import { sampleDisk, toDiskReading } from './disk.ts'
import { BROKER_CORE, LOAD_CORE } from './generator.ts'
import { readFileSystem, readHost } from './host.ts'
import { readProcess } from './proc.ts'
import { whole } from './report/text.ts'

const DISK_MS = 1_000
const CODEC_TIMEOUT_MS = 300_000

/** Our client beside MQTT.js against the same hub, and the codecs of both; settles with the Markdown. Progress goes to standard error. */
export async function runClientBench(options: ClientBenchOptions, command: string): Promise<string> {
  const processes = new Processes()
  const workDir = mkdtempSync(join(options.dataDir, 'thingmesh-bench-'))
  const cleanUp = async (): Promise<void> => {
    await processes.stopAll()
    rmSync(workDir, { recursive: true, force: true })
  }
  const onSignal = (): void => void cleanUp().finally(() => process.exit(130))
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    const host = readHost()
    const disk = toDiskReading(sampleDisk(workDir, DISK_MS))
    const codec = await measureCodec(processes)
    const rows: ClientRow[] = []
    for (const profile of options.profiles) rows.push(...(await measureProfile(processes, workDir, options, profile)))
    const report: ClientReport = {
      command,
      host,
      disk: { ...disk, directory: options.dataDir, fileSystem: readFileSystem(options.dataDir) },
      notes: notesOf(options, processes.canPin),
      codec,
      rows,
    }
    const markdown = toClientMarkdown(report)
    if (options.out !== undefined) {
      mkdirSync(dirname(options.out), { recursive: true })
      writeFileSync(options.out, markdown)
    }
    return markdown
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await cleanUp()
  }
}

async function measureCodec(processes: Processes): Promise<CodecReading> {
  const running = processes.start(LOAD_CORE, commandOf('./client/codec-process.ts', []))
  try {
    return JSON.parse(await firstLine(running, CODEC_TIMEOUT_MS)) as CodecReading
  } finally {
    await running.stop()
  }
}

/** One hub for all clients, which take turns, so that a machine that drifts is nobody's luck. */
async function measureProfile(
  processes: Processes,
  workDir: string,
  options: ClientBenchOptions,
  profile: 'disk' | 'memory',
): Promise<ClientRow[]> {
  const dataDir = mkdtempSync(join(workDir, `${profile}-`))
  const isWeighed = false
  const connections = clientNames.length
  const facts = { processes, dataDir, profile, connections, isWeighed, core: BROKER_CORE, profileDir: undefined }
  const hub = await thingmesh({ dist: options.dist }).start(facts)
  const rows = clientNames.map((client): ClientRow & { results: ClientResult[] } => ({ client, profile, results: [] }))
  try {
    for (let run = 0; run < options.repeat; run++) {
      for (const [i, { client, results }] of rows.entries()) {
        const { username = '', password = '' } = hub.credentials(i)
        const directory = mkdtempSync(join(workDir, 'outbox-'))
        const { host, port } = hub
        const { payloadBytes, window, warmupSeconds, seconds } = options
        const sizes = { payloadBytes, window, warmupSeconds, seconds }
        const topic = hub.topic(i)
        const before = readProcess(hub.pid)?.cpuSeconds ?? Number.NaN
        const result = await publish(processes, { client, host, port, username, password, topic, directory, ...sizes })
        results.push({ ...result, hubCpuSeconds: (readProcess(hub.pid)?.cpuSeconds ?? Number.NaN) - before })
        process.stderr.write(`${client} (${profile}): ${whole(result.messages / result.seconds)} msg/s\n`)
      }
    }
  } finally {
    await hub.stop()
  }
  return rows
}

async function publish(processes: Processes, job: PublishJob): Promise<PublishResult> {
  const running = processes.start(LOAD_CORE, commandOf('./client/publisher-process.ts', [JSON.stringify(job)]))
  try {
    const timeoutMs = (job.warmupSeconds + job.seconds) * 1_000 + 30_000
    return JSON.parse(await firstLine(running, timeoutMs)) as PublishResult
  } finally {
    await running.stop()
  }
}

function commandOf(script: string, args: readonly string[]): string[] {
  return [process.execPath, ...process.execArgv, fileURLToPath(new URL(script, import.meta.url)), ...args]
}

function notesOf(options: ClientBenchOptions, canPin: boolean): string[] {
  const { seconds, warmupSeconds, payloadBytes, window, repeat } = options
  return [
    canPin ? 'hub pinned to core 0, client to core 1 (taskset)' : 'NOT pinned, there is no taskset here',
    `one hub for each profile, under node ${frugal}; ${repeat} runs of each client, in turns, each in a process of its own; figures are medians`,
    `QoS 1, ${payloadBytes} B payload, ${seconds} s measured after ${warmupSeconds} s of warm-up; msg/s are what the hub has acknowledged`,
    `at most ${window} publishes of the program without an acknowledgement, MQTT.js at most 64: it sends what it is given, and a hub takes no more at once of who does not ask for it`,
    'with a larger window: the program asks the hub for a Receive Maximum that large when it connects, as our client does by itself, and counts what is under way',
    "outbox in a file: each publish is synced to disk before it is sent, many in one sync, and forgotten at the hub's acknowledgement; MQTT.js keeps its own in memory",
    'with keys: each message has an idempotency key, so that it is stored once however often it is sent, as our client’s always has',
    'a client’s CPU is that of its whole process, all threads, in the measured time; the hub’s is from one client’s start to its end, warm-up too',
    'codecs: one thread, by its CPU time, in turns; PUBLISH is MQTT 5, QoS 1, 64 B payload, with a content type; mqtt-packet is what MQTT.js encodes and parses with',
  ]
}
