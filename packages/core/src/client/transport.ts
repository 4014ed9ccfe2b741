import type { ThingmeshError } from '../errors/index.ts'
import type { Delivery, Draft, MessageId, MessageProperties, PrincipalId } from '../model/index.ts'
import type { readHistory } from './history.ts'
import type { Published, ReadOptions } from './http.ts'
import type { ReceivedPage, ReceivedPayload } from './messages.ts'
import type { CancelSignal } from './platform.ts'

/**
 * One client's way to one hub. Opens one connection at a time and never reconnects by itself: the loop is the client's.
 * What a later connection needs to go on where the one before broke off, the name of a session say, it keeps.
 */
export interface Transport {
  /**
   * Settles when the hub has taken the credential. Rejects with what kept it from that: `rejected` where the hub
   * refused, `not-sent` where there is no hub to be had.
   */
  open(signal: CancelSignal): Promise<Connection>
}

/** One live connection. Nothing of it works after `closed` has settled. */
export interface Connection {
  /** Publishes that may be un-acknowledged at once and still are stored in the order of the calls. It may change with each answer. */
  readonly inFlightMax: number
  /** Settles once, when the connection is over, with the reason. Never rejects. */
  readonly closed: Promise<ThingmeshError>
  /**
   * Settles on the hub's acknowledgement; at once for at-most-once. A connection whose acknowledgement is late ends. Where the end of
   * the connection keeps it from settling, that is the `cause` of what it rejects with.
   */
  publish(draft: OutgoingDraft): Promise<Published>
  /**
   * `publish` for one who has many, all at-least-once: in place of a promise it calls back, once and never before it has returned.
   * Absent where that gains nothing.
   */
  send?(draft: OutgoingDraft, settled: Settled): void
  /** Settles when the hub has confirmed it. Rejects, and leaves the connection be, where the hub refuses the filter. */
  subscribe(request: SubscribeRequest): Promise<Subscribed>
  unsubscribe(filter: string): Promise<void>
  /** A page of what the hub has kept. Absent where the protocol has no such thing. */
  read?(filter: string, options: ReadOptions): Promise<ReceivedPage>
  /** `readHistory` where there is `read`. It comes with the connection, so that who has no use for it need not load it. */
  readonly history?: typeof readHistory
  /** The last value of each address that matches. Absent where the protocol has no such thing. */
  latest?(filter: string, signal: CancelSignal | undefined): Promise<readonly ClientMessage[]>
  /** Ends itself soon where it is dead and has not noticed. Absent where that needs no asking. */
  check?(): void
  /** `forGood`: the hub need not keep anything for a connection to come. Idempotent. */
  close(forGood: boolean): Promise<void>
}

/** With `published` on the hub's acknowledgement, or else with what the promise would have been rejected with. */
export type Settled = (published: Published | undefined, error?: unknown) => void

/** A draft that carries its own idempotency key, 1 to 64 printable ASCII characters: however often it is sent, it is stored once. */
export interface OutgoingDraft extends Draft {
  readonly key: string | undefined
}

export interface SubscribeRequest {
  readonly filter: string
  /** The filter was confirmed on an earlier connection of this transport. */
  readonly again: boolean
  /** The message counts as taken when this settles; a connection holds the hub back while too many are not. */
  onMessage(message: ClientMessage): Promise<void>
  /** The hub ended this subscription and not the connection: a right was taken away. */
  onRefused(error: ThingmeshError): void
}

export interface Subscribed {
  /** Nothing was missed since the connection before. False on a first time. */
  readonly resumed: boolean
}

/** A message as a subscriber gets it. What a protocol does not tell is absent: MQTT has no place for ids and cursors. */
export type ClientMessage = ClientEnvelope & ReceivedPayload

interface ClientEnvelope {
  readonly channel: string
  readonly subtopic: string
  /** `<channel>/<subtopic>`, or `<channel>` where the subtopic is empty. */
  readonly topic: string
  /** A media type, or `''`. */
  readonly contentType: string
  readonly delivery: Delivery
  /** A last value that was there before the subscription. */
  readonly retain: boolean
  readonly properties?: MessageProperties
  readonly id?: MessageId
  readonly cursor?: string
  readonly publisher?: PrincipalId
  /** Milliseconds since 1970, by the hub's clock. */
  readonly acceptedAtMs?: number
}
