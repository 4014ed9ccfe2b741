import type { Address } from './address.ts'
import type { DomainId, HubId, PrincipalId } from './principal.ts'

/**
 * How hard the two sides try, as MQTT's QoS 0, 1 and 2. `exactly-once` holds per hop (MQTT 5, section 4.3); what
 * happens in user code is the user's, who gets the message's id to tell a repeat by.
 */
export type Delivery = 'at-most-once' | 'at-least-once' | 'exactly-once'

/** What a peer says: untrusted, not yet accepted. */
export interface Draft {
  /** Where it goes: the canonical text of an address. */
  readonly topic: string
  /** Opaque: nothing on the way decodes it. */
  readonly payload: Uint8Array
  /** A media type, or `''` when the protocol says nothing. */
  readonly contentType: string
  readonly delivery: Delivery
  /** Keep as the last value of its address. An empty payload clears it (MQTT 5, section 3.3.1.3). */
  readonly retain: boolean
  readonly properties?: MessageProperties | undefined
  /**
   * The publisher's own idempotency key, 1 to 64 printable ASCII characters: what it publishes again under the same key is the
   * message that it was. Means nothing with at-most-once, and is no part of the message.
   */
  readonly key?: string | undefined
}

/** What few messages carry. Kept apart so that the many that carry nothing stay small. */
export interface MessageProperties {
  /** Topic to answer to, and what to answer with (MQTT 5, section 4.10). */
  readonly replyTo?: string | undefined
  readonly correlation?: Uint8Array | undefined
  /** Seconds after acceptance at which the message is no longer worth delivering. */
  readonly expiresInSeconds?: number | undefined
  /** The payload is declared to be UTF-8 (MQTT 5, Payload Format Indicator). */
  readonly utf8?: boolean | undefined
  /** MQTT 5 user properties: order kept, names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined
}

/**
 * What the hub accepted. Only the pipeline makes one, so a function that takes a `Message` cannot be handed a `Draft`.
 */
export interface Message extends Omit<Draft, 'key'>, Address {
  readonly domain: DomainId
  /** The log that numbered it; with `sequence` it is the message's identity in the whole mesh, for ever. */
  readonly log: LogId
  /** Counts up within its log. A safe integer. */
  readonly sequence: number
  /** From the session, never from the wire. */
  readonly publisher: PrincipalId
  /** The publisher's own name for its session, `''` where it has none. Means nothing outside its principal. */
  readonly clientId: string
  readonly protocol: string
  /** Milliseconds since 1970. For people and retention: nothing safe depends on it. */
  readonly acceptedAtMs: number
}

/**
 * One hub's log, in one of its lives. The epoch is new with every start of the store, whose data may have been put back from a copy,
 * so that a sequence never means two things.
 */
export interface LogId {
  readonly origin: HubId
  readonly epoch: string
}

/** The text of a message's identity, `<origin>.<epoch>.<sequence>`. */
export type MessageId = string

export function messageId(log: LogId, sequence: number): MessageId {
  return `${log.origin}.${log.epoch}.${sequence}`
}
