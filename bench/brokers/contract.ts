import type { Qos } from '../load/job.ts'
import type { Shape } from '../shapes.ts'
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
  /** Its memory is what is measured: it is to have done nothing but start, and to collect its garbage when told to. */
  readonly isWeighed: boolean
  /** The core to pin the broker to. */
  readonly core: number
  /** Where to write CPU profiles as the broker ends, for those that can. */
  readonly profileDir: string | undefined
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
  /** The first level of every topic. */
  readonly channel: string
  /** SIGUSR2 makes it collect its garbage. Anything else would end of that signal. */
  readonly collectsGarbage: boolean
  /** How the process ended by itself, `undefined` while it runs. */
  death(): string | undefined
  stop(): Promise<void>
}

export interface Broker {
  readonly name: string
  /** What can be configured between throughput and safety; one table row each. None: it cannot do that at all. */
  profiles(qos: Qos, shape: Shape): readonly string[]
  /** Whether a positive acknowledgement waits for the disk. */
  isSynced(profile: string): boolean
  /** `missing` says why this broker cannot run here. */
  version(): Promise<{ readonly version: string } | { readonly missing: string }>
  start(options: StartOptions): Promise<RunningBroker>
}

/** The topics that all brokers use: the first level is the channel of a hub. */
export const BENCH_TOPICS: Pick<RunningBroker, 'topic' | 'filter' | 'channel'> = {
  topic: i => `bench/${i}`,
  filter: 'bench/+',
  channel: 'bench',
}
