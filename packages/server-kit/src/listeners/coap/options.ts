import { timerMsMax } from '@thingmesh/core'
import type { Dialect } from '../../contracts/index.ts'
import { type OptionRules, portRule } from '../../contracts/options.ts'

/** All have defaults; times and sizes carry their unit in the name. */
export interface CoapListenerOptions {
  /** Loopback unless told otherwise. */
  readonly host?: string | undefined
  /** 5683; 0 takes any free one. */
  readonly port?: number | undefined
  /** Of one datagram, as RFC 7252, section 4.6, has it. Larger ones are answered with 4.13. */
  readonly datagramBytesMax?: number | undefined
  /** Of a body that comes, or goes, in blocks. */
  readonly bodyBytesMax?: number | undefined
  /** Bodies under way in blocks, both ways together: how many, and their bytes. */
  readonly transfersMax?: number | undefined
  readonly transfersBytesMax?: number | undefined
  /** How long a transfer waits for its next block. */
  readonly transferIdleMs?: number | undefined
  /** Requests that are not answered yet: of one peer, and of all. */
  readonly requestsPerPeerMax?: number | undefined
  readonly requestsMax?: number | undefined
  /** Answered requests that are remembered, to know a repetition by: of one peer, and of all. */
  readonly exchangesPerPeerMax?: number | undefined
  readonly exchangesMax?: number | undefined
  /** How long they are (RFC 7252, section 4.8.2, EXCHANGE_LIFETIME). */
  readonly exchangeLifetimeMs?: number | undefined
  /** Addresses with their ports of which anything is remembered. */
  readonly peersMax?: number | undefined
  readonly observersPerPeerMax?: number | undefined
  readonly observersMax?: number | undefined
  /** Notifications that wait for the one under way: of one observer, and the bytes of all. Beyond it the hub keeps them. */
  readonly notificationsMax?: number | undefined
  readonly notificationsBytesMax?: number | undefined
  /** A notification is confirmable at the latest after so many that were not, or after so long. */
  readonly confirmEvery?: number | undefined
  readonly confirmEveryMs?: number | undefined
  /** An observer of whom nothing was heard for so long is pinged. */
  readonly observerSilenceMs?: number | undefined
  /** A request that is not answered by then is acknowledged, and its response comes apart. */
  readonly piggybackMs?: number | undefined
  /** RFC 7252, section 4.8. */
  readonly ackTimeoutMs?: number | undefined
  readonly ackRandomFactor?: number | undefined
  readonly retransmitMax?: number | undefined
  /**
   * `echo`: an address that has not shown that it hears us (RFC 9175) is sent no more than three times what it sent. `none`: it is not asked; for
   * closed networks of peers that do not know Echo.
   */
  readonly addressProof?: 'echo' | 'none' | undefined
  /** How long an address counts as proved after it showed that it hears us. */
  readonly proofMs?: number | undefined
  /** Sessions kept open between two requests of the same credential and address, and for how long. */
  readonly sessionsMax?: number | undefined
  readonly sessionIdleMs?: number | undefined
  /** Waiting to be sent before datagrams are dropped, as a network would. */
  readonly socketBytesMax?: number | undefined
  /** Other paths than our own, and what they stand for; the first that claims a path reads it. */
  readonly dialects?: readonly Dialect[] | undefined
}

export type CoapLimits = {
  readonly [Name in keyof CoapListenerOptions]-?: Exclude<CoapListenerOptions[Name], undefined>
}

/** What is bounded behind the message layer, whatever the transport. */
export type ServiceLimits = Pick<
  CoapLimits,
  | 'bodyBytesMax'
  | 'transfersMax'
  | 'transfersBytesMax'
  | 'transferIdleMs'
  | 'observersPerPeerMax'
  | 'observersMax'
  | 'notificationsMax'
  | 'notificationsBytesMax'
  | 'confirmEvery'
  | 'confirmEveryMs'
  | 'observerSilenceMs'
  | 'sessionsMax'
  | 'sessionIdleMs'
  | 'dialects'
>

export const defaultCoapLimits: CoapLimits = {
  host: '127.0.0.1',
  port: 5683,
  datagramBytesMax: 1_152,
  bodyBytesMax: 64 * 1024,
  transfersMax: 1_000,
  transfersBytesMax: 8 * 1024 * 1024,
  transferIdleMs: 30_000,
  requestsPerPeerMax: 64,
  requestsMax: 16_384,
  exchangesPerPeerMax: 1_024,
  exchangesMax: 65_536,
  exchangeLifetimeMs: 247_000,
  peersMax: 100_000,
  observersPerPeerMax: 16,
  observersMax: 100_000,
  notificationsMax: 16,
  notificationsBytesMax: 16 * 1024 * 1024,
  confirmEvery: 10,
  confirmEveryMs: 60_000,
  observerSilenceMs: 300_000,
  piggybackMs: 200,
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  retransmitMax: 4,
  addressProof: 'echo',
  proofMs: 600_000,
  sessionsMax: 1_000,
  sessionIdleMs: 60_000,
  socketBytesMax: 4 * 1024 * 1024,
  dialects: [],
}

/** What 0 turns off, or makes of no use, what takes its room at the start, and how addresses are proved. The factor is no whole number: `checkFactor` has it. */
export const coapRules: OptionRules<CoapListenerOptions> = {
  port: portRule,
  datagramBytesMax: [1_152, 16, 65_535],
  peersMax: [100_000, 1],
  requestsMax: [16_384, 1],
  requestsPerPeerMax: [64, 1],
  exchangesMax: [65_536, 0, 2 ** 24],
  piggybackMs: [200, 0, timerMsMax],
  sessionIdleMs: [60_000, 0, timerMsMax],
  addressProof: ['echo', 'none'],
}

/** RFC 7252, section 4.8.1: ACK_RANDOM_FACTOR is not less than 1. */
export function checkFactor({ ackRandomFactor = 1.5 }: CoapListenerOptions): void {
  if (Number.isFinite(ackRandomFactor) && ackRandomFactor >= 1) return
  const found = `${typeof ackRandomFactor} ${ackRandomFactor}`
  throw new TypeError(`coapListener: ackRandomFactor: found ${found}, the limit is 1 or more`)
}

/**
 * Of CoAP over WebSocket, and of TCP too. All have defaults; times and sizes carry their unit in the name. What is bounded
 * behind the message layer is as over UDP.
 */
export interface CoapOverWebSocketOptions
  extends Pick<CoapListenerOptions, 'requestsPerPeerMax' | keyof ServiceLimits> {
  /** Of one message; peers are told (Max-Message-Size). */
  readonly messageBytesMax?: number | undefined
  /** From the connection's beginning to the peer's first message, which says what it takes (CSM). Also for the answer to a ping. */
  readonly settingsTimeoutMs?: number | undefined
  /** Waiting on one connection before it is read no further. */
  readonly socketBytesMax?: number | undefined
  /** How long it may stay that full before it is cut. */
  readonly drainTimeoutMs?: number | undefined
  readonly connectionsMax?: number | undefined
  readonly connectionsPerAddressMax?: number | undefined
}

export interface CoapTcpListenerOptions extends CoapOverWebSocketOptions, Pick<CoapListenerOptions, 'host' | 'port'> {}

/** What is bounded over a reliable transport (RFC 8323), whichever it is. */
export type ReliableLimits = {
  readonly [Name in keyof CoapOverWebSocketOptions]-?: Exclude<CoapOverWebSocketOptions[Name], undefined>
}

export type CoapTcpLimits = {
  readonly [Name in keyof CoapTcpListenerOptions]-?: Exclude<CoapTcpListenerOptions[Name], undefined>
}

export const defaultReliableLimits: ReliableLimits = {
  messageBytesMax: 1_152,
  settingsTimeoutMs: 5_000,
  socketBytesMax: 1024 * 1024,
  drainTimeoutMs: 10_000,
  connectionsMax: 100_000,
  connectionsPerAddressMax: 10_000,
  requestsPerPeerMax: defaultCoapLimits.requestsPerPeerMax,
  bodyBytesMax: defaultCoapLimits.bodyBytesMax,
  transfersMax: defaultCoapLimits.transfersMax,
  transfersBytesMax: defaultCoapLimits.transfersBytesMax,
  transferIdleMs: defaultCoapLimits.transferIdleMs,
  observersPerPeerMax: defaultCoapLimits.observersPerPeerMax,
  observersMax: defaultCoapLimits.observersMax,
  notificationsMax: defaultCoapLimits.notificationsMax,
  notificationsBytesMax: defaultCoapLimits.notificationsBytesMax,
  confirmEvery: defaultCoapLimits.confirmEvery,
  confirmEveryMs: defaultCoapLimits.confirmEveryMs,
  observerSilenceMs: defaultCoapLimits.observerSilenceMs,
  sessionsMax: defaultCoapLimits.sessionsMax,
  sessionIdleMs: defaultCoapLimits.sessionIdleMs,
  dialects: defaultCoapLimits.dialects,
}

export const reliableRules: OptionRules<CoapOverWebSocketOptions> = {
  messageBytesMax: [1_152, 16],
  connectionsMax: [100_000, 1],
  connectionsPerAddressMax: [10_000, 1],
  requestsPerPeerMax: [64, 1],
  sessionIdleMs: [60_000, 0, timerMsMax],
}

export const defaultCoapTcpLimits: CoapTcpLimits = { host: '127.0.0.1', port: 5683, ...defaultReliableLimits }
