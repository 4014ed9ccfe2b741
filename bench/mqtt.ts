import { aedes } from './brokers/aedes.ts'
import type { Broker } from './brokers/contract.ts'
import { frugal } from './brokers/hub.ts'
import { mosquitto } from './brokers/mosquitto.ts'
import { nats } from './brokers/nats.ts'
import { relay } from './brokers/relay.ts'
import { thingmesh } from './brokers/thingmesh.ts'
import { sampleDisk, toDiskReading } from './disk.ts'
import { BROKER_CORE } from './generator.ts'
import { readFileSystem, readHost } from './host.ts'
import { jobOf, plannedMs } from './jobs.ts'
import type { Qos } from './load/job.ts'
import type { BrokerName, MqttBenchOptions } from './options.ts'
import { barsOf } from './report/bars.ts'
import { profilesSection, toMarkdown, trieSection } from './report/markdown.ts'
import { remarksOn } from './report/remarks.ts'
import { figureOf, type Outcome, type Row } from './report/rows.ts'
import { tablesOf } from './report/tables.ts'
import { whole } from './report/text.ts'
import { runScenario } from './scenario.ts'
import { connectionsOf, type Shape } from './shapes.ts'
import { measureTrie } from './trie.ts'
import { emptyDirectory, findPresent, inWorkplace, save, turnsOf, type Workplace } from './workplace.ts'

const DISK_MS = 1_000

/** Runs every row, one fresh broker process each, and settles with the Markdown. Progress goes to standard error. */
export function runMqttBench(options: MqttBenchOptions, command: string): Promise<string> {
  return inWorkplace(options.dataDir, async workplace => {
    const { processes, workDir } = workplace
    const host = readHost()
    const disk = toDiskReading(sampleDisk(workDir, DISK_MS))
    const { present, peers, missing } = await findPresent(options.brokers.map(name => brokerOf(name, options)))
    const asked = options.shapes.some(shape => shape.kind === 'filters') && options.brokers.includes('thingmesh')
    const trie = asked ? await measureTrie(processes, BROKER_CORE, options.sizes.filters) : undefined
    const rows: MutableRow[] = []
    const report = (): string =>
      toMarkdown({
        title: 'MQTT bench',
        command,
        host,
        disk: { ...disk, directory: options.dataDir, fileSystem: readFileSystem(options.dataDir) },
        peers,
        missing,
        notes: notesOf(options, processes.canPin),
        bars: barsOf({ rows, sizes: options.sizes, trie }),
        tables: [...tablesOf(rows), ...trieSection(trie)],
        remarks: rows.flatMap(remarksOn),
        profiles: profilesSection(
          rows.map(row => ({ ...row, label: `${row.broker} (${row.profile}), ${row.shape.title}, QoS ${row.qos}` })),
        ),
      })
    for (const { run, plan } of turnsOf(plansOf(options, present), options.repeat, groupOf)) {
      const outcome = await runPlan(plan, run, options, workplace)
      if (workplace.isInterrupted()) break
      const row = rowOf(rows, plan)
      row.outcomes.push(outcome)
      process.stderr.write(`${progress(row, outcome)}\n`)
      // After every row, so that an aborted run leaves what it has measured.
      if (options.out !== undefined) save(options.out, report())
    }
    return report()
  })
}

function runPlan(
  plan: Plan,
  run: number,
  options: MqttBenchOptions,
  { processes, workDir }: Workplace,
): Promise<Outcome> {
  const { shape, qos, broker, profile } = plan
  const profileDir = profileDirOf(options, plan, run)
  return runScenario({
    name: broker.name,
    processes,
    workDir,
    againstDisk: shape.kind === 'flow' && qos > 0 && options.latencySeconds > 0 && broker.isSynced(profile),
    profileDir,
    start: dataDir => {
      const connections = connectionsOf(shape, options.sizes)
      // A restart is no way to keep what lives in memory only.
      const isWeighed = shape.kind === 'idle' || (shape.kind === 'drain' && broker.isSynced(profile))
      return broker.start({ processes, dataDir, profile, connections, isWeighed, core: BROKER_CORE, profileDir })
    },
    jobOf: (running, cores) => jobOf({ shape, qos, bench: options, running, cores }),
    plannedMs,
  })
}

function groupOf({ shape, qos }: Plan): string {
  return `${shape.id} ${qos}`
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

function profileDirOf(options: MqttBenchOptions, plan: Plan, run: number): string | undefined {
  if (options.profileDir === undefined || plan.broker.name !== 'thingmesh') return undefined
  return emptyDirectory(options.profileDir, `${plan.shape.id}-qos${plan.qos}-${plan.profile}-${run}`)
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
  return `${label}: ${FIGURES[row.shape.kind](figureOf(outcome.result))}${troubles > 0 ? `, ${troubles} remarks` : ''}`
}

const FIGURES: Readonly<Record<Shape['kind'], (figure: number) => string>> = {
  flow: rate => `${whole(rate)} msg/s`,
  idle: bytes => `${whole(bytes)} B each`,
  filters: micros => `${micros.toFixed(2)} µs/msg`,
  drain: rate => `${whole(rate)} msg/s`,
}
