import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { aedes } from './brokers/aedes.ts'
import type { Broker } from './brokers/contract.ts'
import { mosquitto } from './brokers/mosquitto.ts'
import { nats } from './brokers/nats.ts'
import { Processes } from './brokers/processes.ts'
import { relay } from './brokers/relay.ts'
import { frugal, thingmesh } from './brokers/thingmesh.ts'
import { sampleDisk, toDiskReading } from './disk.ts'
import { readFileSystem, readHost } from './host.ts'
import type { Qos } from './load/job.ts'
import type { BrokerName, MqttBenchOptions } from './options.ts'
import { type Report, toMarkdown } from './report/markdown.ts'
import { remarksOn } from './report/remarks.ts'
import { figureOf, type Outcome, type Row } from './report/rows.ts'
import { whole } from './report/text.ts'
import { BROKER_CORE, runScenario } from './scenario.ts'
import type { Shape } from './shapes.ts'
import { measureTrie } from './trie.ts'

const DISK_MS = 1_000

/** Runs every row, one fresh broker process each, and settles with the Markdown. Progress goes to standard error. */
export async function runMqttBench(options: MqttBenchOptions, command: string): Promise<string> {
  const processes = new Processes()
  const workDir = mkdtempSync(join(options.dataDir, 'thingmesh-bench-'))
  const cleanUp = async (): Promise<void> => {
    await processes.stopAll()
    rmSync(workDir, { recursive: true, force: true })
  }
  let isInterrupted = false
  const onSignal = (): void => {
    isInterrupted = true
    void cleanUp().finally(() => process.exit(130))
  }
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    const host = readHost()
    const disk = toDiskReading(sampleDisk(workDir, DISK_MS))
    const { present, peers, missing } = await findBrokers(options)
    const asked = options.shapes.some(shape => shape.kind === 'filters') && options.brokers.includes('thingmesh')
    const trie = asked ? await measureTrie(processes, BROKER_CORE, options.sizes.filters) : undefined
    const rows: MutableRow[] = []
    const report = (): string => {
      const facts: Report = {
        title: 'MQTT bench',
        command,
        host,
        disk: { ...disk, directory: options.dataDir, fileSystem: readFileSystem(options.dataDir) },
        peers,
        missing,
        notes: notesOf(options, processes.canPin),
        sizes: options.sizes,
        trie,
        rows,
      }
      return toMarkdown(facts)
    }
    for (const { run, plan } of turnsOf(plansOf(options, present), options.repeat)) {
      const profileDir = profileDirOf(options, plan, run)
      const outcome = await runScenario({ ...plan, bench: options, processes, workDir, profileDir })
      // The row failed of it, and the next one would find the directory gone.
      if (isInterrupted) break
      const row = rowOf(rows, plan)
      row.outcomes.push(outcome)
      process.stderr.write(`${progress(row, outcome)}\n`)
      // After every row, so that an aborted run leaves what it has measured.
      if (options.out !== undefined) save(options.out, report())
    }
    return report()
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await cleanUp()
  }
}

async function findBrokers(options: MqttBenchOptions) {
  const present: Broker[] = []
  const peers: { name: string; version: string }[] = []
  const missing: { name: string; reason: string }[] = []
  for (const broker of options.brokers.map(name => brokerOf(name, options))) {
    const { name } = broker
    const found = await broker.version()
    if ('missing' in found) {
      missing.push({ name, reason: found.missing })
    } else {
      present.push(broker)
      peers.push({ name, version: found.version })
    }
  }
  return { present, peers, missing }
}

function brokerOf(name: BrokerName, options: MqttBenchOptions): Broker {
  const factories: Record<BrokerName, () => Broker> = {
    thingmesh: () => thingmesh({ dist: options.dist }),
    mosquitto,
    aedes,
    nats,
    relay,
  }
  return factories[name]()
}

interface Plan {
  readonly shape: Shape
  readonly qos: Qos
  readonly broker: Broker
  readonly profile: string
}

function plansOf(options: MqttBenchOptions, brokers: readonly Broker[]): Plan[] {
  const wanted = (profile: string) => options.profiles.length === 0 || options.profiles.includes(profile)
  return options.shapes.flatMap(shape =>
    (shape.kind === 'flow' ? options.qos.filter(qos => shape.qos.includes(qos)) : shape.qos).flatMap(qos =>
      brokers.flatMap(broker =>
        broker
          .profiles(qos, shape)
          .filter(wanted)
          .map(profile => ({ shape, qos, broker, profile })),
      ),
    ),
  )
}

/** Rows that are held against each other take turns, so that a machine which drifts is not one broker's luck. */
function* turnsOf(plans: readonly Plan[], repeat: number): Generator<{ run: number; plan: Plan }> {
  for (const group of Map.groupBy(plans, ({ shape, qos }) => `${shape.id} ${qos}`).values()) {
    for (let run = 1; run <= repeat; run++) for (const plan of group) yield { run, plan }
  }
}

type MutableRow = Row & { readonly outcomes: Outcome[] }

function rowOf(rows: MutableRow[], { shape, qos, broker, profile }: Plan): MutableRow {
  const found = rows.find(
    row => row.shape === shape && row.qos === qos && row.broker === broker.name && row.profile === profile,
  )
  if (found) return found
  const row = { shape, qos, broker: broker.name, profile, outcomes: [] }
  rows.push(row)
  return row
}

/** One directory per run, made empty: Node's names of profiles do not say what they are of. */
function profileDirOf(options: MqttBenchOptions, plan: Plan, run: number): string | undefined {
  if (options.profileDir === undefined || plan.broker.name !== 'thingmesh') return undefined
  const name = `${plan.shape.id}-qos${plan.qos}-${plan.profile.replaceAll(' ', '-')}-${run}`
  const directory = resolve(options.profileDir, name)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  return directory
}

function notesOf(options: MqttBenchOptions, canPin: boolean): string[] {
  const { seconds, warmupSeconds, payloadBytes, latencyRate, ackWindow, shapes, inFlight, repeat, profileDir } = options
  const flows = shapes.filter(shape => shape.kind === 'flow')
  const windows = flows.map(shape => `${inFlight ?? shape.inFlight} (${shape.title})`).join(', ')
  return [
    canPin
      ? 'broker pinned to core 0, load generator to core 1 (taskset); a fresh broker process and data directory per row'
      : 'NOT pinned, there is no taskset here; a fresh broker process and data directory per row',
    ...(repeat > 1 ? [`${repeat} runs per row, brokers taking turns; figures are those of the median run`] : []),
    ...(profileDir === undefined ? [] : ['the hub was writing CPU profiles: its figures are lower than they could be']),
    `${payloadBytes} B payload; ${seconds} s measured after ${warmupSeconds} s of warm-up; msg/s are deliveries`,
    `the hub runs under node ${frugal}`,
    'the hub asks every connection for its key, a grant lets each publish and subscribe; the other brokers let anybody do anything',
    "a broker's CPU and memory are those of its whole process, all threads",
    ...(flows.length === 0 ? [] : flowNotes(windows, ackWindow, latencyRate)),
    'lost and duplicated are judged over all phases, after the broker went quiet; * at a figure: the load generator was the limit (its CPU near 100 %)',
    ...shapes.flatMap(shape => SPECIAL_NOTES[shape.id] ?? []),
  ]
}

function flowNotes(windows: string, ackWindow: number, latencyRate: number): string[] {
  return [
    `closed loop, undelivered messages per publisher at most ${windows}; QoS 1 and 2 at most ${ackWindow} unacknowledged per publisher; a delivery of QoS 2 counts at its PUBLISH`,
    `latency in a phase of its own: open loop, ${latencyRate} deliveries/s over all subscribers, counted from when a message was due; disk: a bare write + fdatasync loop right before and after that row`,
  ]
}

const SPECIAL_NOTES: Readonly<Partial<Record<Shape['id'], string>>> = {
  idle: 'idle: resident memory some seconds after the last CONNACK less that before the first CONNECT, when the hub, started anew after its things had been made, had just collected its garbage; collected: the same after it has done so again',
  filters:
    'filters: `bench/f/<n>/+`, 100 per session; one publisher, QoS 0, no topic twice, each message for one filter, in turns over all of them; few and many in one broker process, the same connections',
  drain:
    'drain: 10 sessions, a publisher each, QoS 1; growth is the highest resident memory while they come back less that right before',
}

function progress(row: Row, outcome: Outcome): string {
  const label = `${row.shape.title} QoS ${row.qos} ${row.broker} (${row.profile})`
  if ('failed' in outcome) return `${label}: ${outcome.failed}`
  const troubles = remarksOn({ ...row, outcomes: [outcome] }).length
  return `${label}: ${FIGURES[outcome.result.kind](figureOf(outcome.result))}${troubles > 0 ? `, ${troubles} remarks` : ''}`
}

const FIGURES: Readonly<Record<Shape['kind'], (figure: number) => string>> = {
  flow: rate => `${whole(rate)} msg/s`,
  idle: bytes => `${whole(bytes)} B each`,
  filters: micros => `${micros.toFixed(2)} µs/msg`,
  drain: rate => `${whole(rate)} msg/s`,
}

function save(path: string, markdown: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, markdown)
}
