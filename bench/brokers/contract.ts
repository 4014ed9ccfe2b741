import type { Qos } from '../load/job.ts'
import type { Processes } from './processes.ts'

export interface Credentials {
  readonly username?: string
  readonly password?: string
}

export interface StartOptions {
  readonly processes: Processes
  /** An empty directory, removed after the run. */
  readonly dataDir: string
  readonly profile: string
  /** How many MQTT connections will come, so that a broker with accounts can make them beforehand. */
  readonly connections: number
  /** The core to pin the broker to. */
  readonly core: number
}

/** One live broker process. */
export interface RunningBroker {
  readonly pid: number
  readonly host: string
  readonly port: number
  credentials(i: number): Credentials
  topic(i: number): string
  /** A filter that matches every `topic(i)`. */
  readonly filter: string
  /** How the process ended by itself, `undefined` while it runs. */
  death(): string | undefined
  stop(): Promise<void>
}

export interface Broker {
  readonly name: string
  /** What can be configured between throughput and safety; one table row each. */
  profiles(qos: Qos): readonly string[]
  /** `missing` says why this broker cannot run here. */
  version(): Promise<{ readonly version: string } | { readonly missing: string }>
  start(options: StartOptions): Promise<RunningBroker>
}

/** The topics that all brokers use: the first level is the channel of a hub. */
export const BENCH_TOPICS: Pick<RunningBroker, 'topic' | 'filter'> = { topic: i => `bench/${i}`, filter: 'bench/+' }
