import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { aedes } from './brokers/aedes.ts'
import type { Broker } from './brokers/contract.ts'
import { mosquitto } from './brokers/mosquitto.ts'
import { nats } from './brokers/nats.ts'
import { Processes } from './brokers/processes.ts'
import { relay } from './brokers/relay.ts'
import { thingmesh } from './brokers/thingmesh.ts'
import { measureDisk } from './disk.ts'
import { readHost } from './host.ts'
import type { Qos } from './load/job.ts'
import type { BrokerName, MqttBenchOptions } from './options.ts'
import { failuresOf, type Report, type Row, rateOf, toMarkdown } from './report.ts'
import { runScenario } from './scenario.ts'
import type { Shape } from './shapes.ts'

const DISK_MS = 1_000

/** Runs every row, one fresh broker process each, and settles with the Markdown. Progress goes to standard error. */
export async function runMqttBench(options: MqttBenchOptions, command: string): Promise<string> {
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
    const disk = measureDisk(workDir, DISK_MS)
    const { present, peers, missing } = await findBrokers(options)
    const rows: Row[] = []
    const report = (): string => {
      const facts: Report = {
        title: 'MQTT bench',
        command,
        host,
        disk: { ...disk, directory: options.dataDir },
        peers,
        missing,
        notes: notesOf(options, processes.canPin),
        rows,
      }
      return toMarkdown(facts)
    }
    for (const plan of plansOf(options, present)) {
      const outcome = await runScenario({ ...plan, bench: options, processes, workDir })
      const row: Row = { ...plan, broker: plan.broker.name, outcome }
      rows.push(row)
      process.stderr.write(`${progress(row)}\n`)
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
    options.qos.flatMap(qos =>
      brokers.flatMap(broker =>
        broker
          .profiles(qos)
          .filter(wanted)
          .map(profile => ({ shape, qos, broker, profile })),
      ),
    ),
  )
}

function notesOf(options: MqttBenchOptions, canPin: boolean): string[] {
  const { seconds, warmupSeconds, payloadBytes, latencyRate, ackWindow, shapes, inFlight } = options
  const windows = shapes.map(shape => `${inFlight ?? shape.inFlight} (${shape.title})`).join(', ')
  return [
    canPin
      ? 'broker pinned to core 0, load generator to core 1 (taskset); a fresh broker process and data directory per row'
      : 'NOT pinned, there is no taskset here; a fresh broker process and data directory per row',
    `${payloadBytes} B payload; ${seconds} s measured after ${warmupSeconds} s of warm-up; msg/s are deliveries`,
    `closed loop, undelivered messages per publisher at most ${windows}; QoS 1 at most ${ackWindow} unacknowledged per publisher`,
    `latency in a phase of its own: open loop, ${latencyRate} deliveries/s over all subscribers, counted from when a message was due`,
    'lost and duplicated are judged over all phases, after the broker went quiet; a load CPU near 100 % means that the generator was the limit',
  ]
}

function progress(row: Row): string {
  const label = `${row.shape.title} QoS ${row.qos} ${row.broker} (${row.profile})`
  if ('failed' in row.outcome) return `${label}: ${row.outcome.failed}`
  const troubles = failuresOf(row).length
  return `${label}: ${Math.round(rateOf(row.outcome.result))} msg/s${troubles > 0 ? `, ${troubles} remarks` : ''}`
}

function save(path: string, markdown: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, markdown)
}
