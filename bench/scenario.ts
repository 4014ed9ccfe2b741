import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Broker, RunningBroker } from './brokers/contract.ts'
import type { Processes } from './brokers/processes.ts'
import type { ClientSpec, LoadJob, LoadReport, Qos } from './load/job.ts'
import type { MqttBenchOptions } from './options.ts'
import type { Row } from './report.ts'
import { copiesPerMessage, type Shape, subscriberFilter } from './shapes.ts'

const BROKER_CORE = 0
const LOAD_CORE = 1
// Connects, drains and a slow start, on top of the phases whose length is known.
const SLACK_MS = 120_000
// A dying process closes its sockets a moment before its exit is reported.
const DEATH_NOTICE_MS = 1_000

export interface ScenarioOptions {
  readonly shape: Shape
  readonly qos: Qos
  readonly broker: Broker
  readonly profile: string
  readonly bench: MqttBenchOptions
  readonly processes: Processes
  readonly workDir: string
}

/** One row: a fresh broker, a fresh generator. Never throws for what a broker does; that becomes the outcome. */
export async function runScenario(options: ScenarioOptions): Promise<Row['outcome']> {
  const { shape, broker, profile, processes, workDir } = options
  const dataDir = mkdtempSync(join(workDir, `${broker.name}-`))
  let running: RunningBroker | undefined
  try {
    const connections = shape.publishers + shape.subscribers
    running = await broker.start({ processes, dataDir, profile, connections, core: BROKER_CORE })
    const report = await runGenerator(jobOf(options, running), processes)
    if (report.kind === 'done') return { result: report.result }
    await Promise.race([delay(DEATH_NOTICE_MS), untilDead(running)])
    const death = running.death()
    const happened = death === undefined ? report.reason : `died (${death})`
    return { failed: `${happened} in the ${report.phase} phase, after ${report.delivered} deliveries` }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  } finally {
    await running?.stop()
    // What a start that failed half way left behind.
    await processes.stopAll()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function untilDead(running: RunningBroker): Promise<void> {
  while (running.death() === undefined) await delay(20)
}

function jobOf(options: ScenarioOptions, running: RunningBroker): LoadJob {
  const { shape, qos, bench } = options
  const topic = (i: number) => running.topic(i)
  const spec = (connection: number, about: string): ClientSpec => ({
    clientId: `bench-${connection}`,
    topic: about,
    ...running.credentials(connection),
  })
  return {
    host: running.host,
    port: running.port,
    brokerPid: running.pid,
    cores: options.processes.canPin ? { broker: BROKER_CORE, load: LOAD_CORE } : undefined,
    qos,
    publishers: Array.from({ length: shape.publishers }, (_, i) => spec(i, topic(i))),
    subscribers: Array.from({ length: shape.subscribers }, (_, i) =>
      spec(shape.publishers + i, subscriberFilter(shape, i, topic, running.filter)),
    ),
    copiesPerMessage: copiesPerMessage(shape),
    payloadBytes: bench.payloadBytes,
    inFlight: bench.inFlight ?? shape.inFlight,
    ackWindow: bench.ackWindow,
    warmupMs: bench.warmupSeconds * 1_000,
    windowMs: bench.seconds * 1_000,
    latencyRate: bench.latencySeconds > 0 ? bench.latencyRate : 0,
    latencyMs: bench.latencySeconds * 1_000,
  }
}

async function runGenerator(job: LoadJob, processes: Processes): Promise<LoadReport> {
  const script = fileURLToPath(new URL('./load/main.ts', import.meta.url))
  const generator = processes.start(LOAD_CORE, [process.execPath, script], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const limitMs = job.warmupMs * 2 + job.windowMs + job.latencyMs + SLACK_MS
  const timer = new AbortController()
  try {
    return await Promise.race([
      new Promise<LoadReport>(resolve => {
        generator.child.once('message', message => resolve(message as LoadReport))
        generator.child.send(job)
      }),
      generator.exited.then(() => {
        throw new Error(`the load generator ended: ${generator.death()}`)
      }),
      delay(limitMs, undefined, { signal: timer.signal }).then(() => {
        throw new Error(`timed out after ${limitMs} ms`)
      }),
    ])
  } finally {
    timer.abort()
    await generator.stop()
  }
}
