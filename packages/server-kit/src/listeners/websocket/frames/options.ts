import type { Dialect } from '../../../contracts/index.ts'
import { checkOptions, type OptionRules, withDefaults } from '../../../contracts/options.ts'

/** All have defaults; times and sizes carry their unit in the name. */
export interface MessageFramesOptions {
  /** Before `/{channel}/messages`. `/channels`. */
  readonly path?: string | undefined
  /** Other paths than `/{channel}/messages` below that, and what they stand for. None. The first that claims a path reads it. */
  readonly dialects?: readonly Dialect[] | undefined
  /** Of one frame from a client, and so of what it publishes. 262,144. */
  readonly frameBytesMax?: number | undefined
  /** Until it is known who comes. 8,192. */
  readonly unprovenBytesMax?: number | undefined
  /** From the upgrade until it is known who comes. 5,000. */
  readonly openTimeoutMs?: number | undefined
  /** How long a token may still be good for that comes in the query. 3,600; 0 for none. */
  readonly queryTokenSecondsMax?: number | undefined
  /** Of one client, not yet in the log; it is not read from while there are as many. 64. */
  readonly publishesMax?: number | undefined
  /** Subscriptions of one client that read the log; each holds a page of it at most. 16. */
  readonly logSubscriptionsMax?: number | undefined
  /** Of one message that a client publishes. 16. */
  readonly headersMax?: number | undefined
  /** The same, names and values together. 4,096. */
  readonly headerBytesMax?: number | undefined
  /** Waiting on one socket before at-most-once messages to it are dropped. 1,048,576. */
  readonly socketBytesMax?: number | undefined
  /** How long what waits on a socket may not move before the client is cut. 10,000. */
  readonly drainTimeoutMs?: number | undefined
  /** Whoever is silent for that long is asked for a sign of life, and cut after as long again. 30,000. */
  readonly keepAliveMs?: number | undefined
  readonly connectionsMax?: number | undefined
  readonly connectionsPerAddressMax?: number | undefined
}

export type FramesLimits = {
  readonly [Name in keyof MessageFramesOptions]-?: Exclude<MessageFramesOptions[Name], undefined>
}

const defaults: FramesLimits = {
  path: '/channels',
  dialects: [],
  frameBytesMax: 256 * 1024,
  unprovenBytesMax: 8 * 1024,
  openTimeoutMs: 5_000,
  queryTokenSecondsMax: 3_600,
  publishesMax: 64,
  logSubscriptionsMax: 16,
  headersMax: 16,
  headerBytesMax: 4 * 1024,
  socketBytesMax: 1024 * 1024,
  drainTimeoutMs: 10_000,
  keepAliveMs: 30_000,
  connectionsMax: 100_000,
  connectionsPerAddressMax: 10_000,
}

const rules: OptionRules<MessageFramesOptions> = {
  frameBytesMax: [262_144, 1],
  unprovenBytesMax: [8_192, 1],
  publishesMax: [64, 1],
  connectionsMax: [100_000, 1],
  connectionsPerAddressMax: [10_000, 1],
}

export function resolveFramesOptions(options: MessageFramesOptions): FramesLimits {
  checkOptions('messageFrames', options, defaults, rules)
  return withDefaults(defaults, options as Partial<FramesLimits>)
}
