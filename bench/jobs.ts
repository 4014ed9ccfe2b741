import type { RunningBroker } from './brokers/contract.ts'
import type { ClientSpec, MqttJob, Qos } from './load/job.ts'
import type { LoadJob } from './load/work.ts'
import type { MqttBenchOptions } from './options.ts'
import {
  copiesPerMessage,
  DRAIN_SESSIONS,
  type FlowShape,
  filterSpreads,
  type Shape,
  subscriberFilter,
} from './shapes.ts'

const IDLE_CONNECTS_AT_ONCE = 64
const DRAIN_QUIET_MS = 15_000
const FILTERS_IN_FLIGHT = 4_000

export interface JobOptions {
  readonly shape: Shape
  readonly qos: Qos
  readonly bench: MqttBenchOptions
  readonly running: RunningBroker
  readonly cores: LoadJob['cores']
}

/** What the load generator is asked for. */
export function jobOf(options: JobOptions): MqttJob {
  const { shape, bench, running } = options
  const base = {
    host: running.host,
    port: running.port,
    brokerPid: running.pid,
    cores: options.cores,
    collectsGarbage: running.collectsGarbage,
    qos: options.qos,
    payloadBytes: bench.payloadBytes,
    ackWindow: bench.ackWindow,
  }
  const phases = { warmupMs: bench.warmupSeconds * 1_000, windowMs: bench.seconds * 1_000 }
  const client = clientsOf(running)
  switch (shape.kind) {
    case 'flow':
      return { ...base, ...phases, kind: 'flow', ...flowOf(shape, options) }
    case 'idle': {
      const clients = Array.from({ length: bench.sizes.connections }, (_, i) => client(i, running.topic(i)))
      return { ...base, kind: 'idle', clients, atOnce: IDLE_CONNECTS_AT_ONCE, settleMs: bench.settleSeconds * 1_000 }
    }
    case 'filters': {
      const { few, many } = filterSpreads(bench.sizes.filters)
      return {
        ...base,
        ...phases,
        kind: 'filters',
        publisher: client(many.sessions, ''),
        subscribers: Array.from({ length: many.sessions }, (_, i) => client(i, '')),
        channel: running.channel,
        few,
        many,
        inFlight: bench.inFlight ?? FILTERS_IN_FLIGHT,
      }
    }
    case 'drain':
      return {
        ...base,
        kind: 'drain',
        publishers: Array.from({ length: DRAIN_SESSIONS }, (_, i) => client(i, running.topic(i))),
        subscribers: Array.from({ length: DRAIN_SESSIONS }, (_, i) => ({
          ...client(DRAIN_SESSIONS + i, running.topic(i)),
          persistent: true,
        })),
        messagesPerSession: Math.ceil(bench.sizes.queued / DRAIN_SESSIONS),
        quietMs: DRAIN_QUIET_MS,
      }
  }
}

function flowOf(shape: FlowShape, { bench, running }: JobOptions) {
  const topic = (i: number) => running.topic(i)
  const client = clientsOf(running)
  return {
    publishers: Array.from({ length: shape.publishers }, (_, i) => client(i, topic(i))),
    subscribers: Array.from({ length: shape.subscribers }, (_, i) => ({
      ...client(shape.publishers + i, subscriberFilter(shape, i, topic, running.filter)),
      persistent: shape.persistent,
    })),
    copiesPerMessage: copiesPerMessage(shape),
    inFlight: bench.inFlight ?? shape.inFlight,
    latencyRate: bench.latencySeconds > 0 ? bench.latencyRate : 0,
    latencyMs: bench.latencySeconds * 1_000,
  }
}

function clientsOf(running: RunningBroker): (connection: number, topic: string) => ClientSpec {
  return (connection, topic) => ({ clientId: `bench-${connection}`, topic, ...running.credentials(connection) })
}

/** How long a job takes at the very most, on top of the connects and drains that nobody can foresee. */
export function plannedMs(job: MqttJob): number {
  switch (job.kind) {
    case 'flow':
      return job.warmupMs * 2 + job.windowMs + job.latencyMs
    case 'idle':
      return job.settleMs
    case 'filters':
      return (job.warmupMs + job.windowMs) * 2
    case 'drain':
      // At 5,000 messages a second, once in and once out.
      return (job.messagesPerSession * job.publishers.length * 2) / 5
  }
}
