import { defaultTopicLimits, timerMsMax } from '@thingmesh/core'
import type { OptionRules } from '../contracts/options.ts'

/** What the pipeline bounds, on every protocol. What one protocol alone bounds is an option of its listener. */
export interface HubLimits {
  readonly topicBytesMax: number
  readonly topicLevelsMax: number
  readonly topicControlCharacters: boolean
  readonly payloadBytesMax: number
  readonly clientIdBytesMax: number
  readonly willBytesMax: number
  readonly subscriptionsPerSessionMax: number
  /** Sessions that have one shared subscription. */
  readonly sharedMembersMax: number
  /** Messages that one shared subscription passes over because only members without room may have them, before it waits for those. */
  readonly sharedPassedOverMax: number
  /**
   * Un-acknowledged deliveries to one peer. Each costs a number and not the message, and with few of them what one peer can receive is a matter
   * of its round trip.
   */
  readonly windowMax: number
  /** Exactly-once transfers from one peer that are not released. */
  readonly transfersMax: number
  /** Idempotency keys that are remembered: of one publisher, and of all together. The oldest goes first. */
  readonly keysPerPublisherMax: number
  readonly keysMax: number
  readonly sessionExpirySecondsMax: number
  readonly sessionsMax: number
  readonly sessionsPerPrincipalMax: number
  /** Principals without a session of which the hub remembers when they were there. */
  readonly presencesMax: number
  readonly retainedPerDomainMax: number
  readonly retainedBytesMax: number
  /** Last values that are kept in memory because they were read, of all domains together. */
  readonly lastValuesBytesMax: number
  /** Waiting to be written, before at-least-once publishing is refused with `unavailable`. */
  readonly commitBytesMax: number
  /** Waiting to be written, before at-most-once messages are no longer recorded. */
  readonly recordBytesMax: number
  /** Held in memory for one session that does not keep up, before it is fed from the log. */
  readonly queueMessagesMax: number
  readonly queueBytesMax: number
  /** The same for all sessions together. */
  readonly queuesBytesMax: number
  readonly waitMsMax: number
  readonly pruneIntervalMs: number
  /** How often `$SYS/#` tells what has changed; 0 turns it off. */
  readonly systemIntervalMs: number
}

export const defaultHubLimits: HubLimits = {
  ...defaultTopicLimits,
  topicControlCharacters: false,
  payloadBytesMax: 256 * 1024,
  clientIdBytesMax: 64,
  willBytesMax: 4096,
  subscriptionsPerSessionMax: 100,
  sharedMembersMax: 100,
  sharedPassedOverMax: 16_384,
  windowMax: 1024,
  transfersMax: 100,
  keysPerPublisherMax: 4_096,
  keysMax: 100_000,
  sessionExpirySecondsMax: 7 * 24 * 3600,
  sessionsMax: 100_000,
  sessionsPerPrincipalMax: 10,
  presencesMax: 100_000,
  retainedPerDomainMax: 100_000,
  retainedBytesMax: 64 * 1024,
  lastValuesBytesMax: 16 * 1024 * 1024,
  commitBytesMax: 64 * 1024 * 1024,
  recordBytesMax: 16 * 1024 * 1024,
  queueMessagesMax: 16_384,
  queueBytesMax: 4 * 1024 * 1024,
  queuesBytesMax: 64 * 1024 * 1024,
  waitMsMax: 30_000,
  pruneIntervalMs: 60_000,
  systemIntervalMs: 10_000,
}

/** Where 0 would let nothing through at all, where it turns something off that else has a time, and what bounds a timer. */
export const hubLimitRules: OptionRules<HubLimits> = {
  topicBytesMax: [256, 1],
  topicLevelsMax: [16, 1],
  clientIdBytesMax: [64, 1],
  windowMax: [1_024, 1],
  sessionsMax: [100_000, 1],
  sessionsPerPrincipalMax: [10, 1],
  commitBytesMax: [67_108_864, 1],
  waitMsMax: [30_000, 0, timerMsMax],
  systemIntervalMs: [10_000, 0, timerMsMax],
}
