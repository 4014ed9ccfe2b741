import type {
  Action,
  ChannelName,
  Delivery,
  Draft,
  Message,
  MessageId,
  Principal,
  ThingmeshError,
} from '@thingmesh/core'
import type { Credential, Peer } from './authenticate.ts'
import type { Control } from './control.ts'
import type { Health } from './health.ts'
import type { Outlet } from './outlet.ts'

/** The front door. There is no second way in. */
export interface Ingress {
  /**
   * Throws `unauthenticated`, `rate-limited` (too many failures from there), `permission-denied`, `conflict`,
   * `unavailable` (the hub is full or stopping).
   */
  open(hello: Hello): Promise<Session>
  /** For anybody to see: says nothing about things, channels or messages. */
  health(): Health
}

export interface Hello {
  /** `mqtt`, `http`, … as messages will carry it. */
  readonly protocol: string
  readonly credential: Credential
  readonly peer: Peer
  /** Absent for a peer that only asks and publishes. */
  readonly outlet?: Outlet | undefined
  /** The peer's own name for its session (the MQTT client id), at most 64 bytes. It means nothing outside its principal. */
  readonly clientId?: string | undefined
  /** Forget what an earlier session of this principal and client id left. */
  readonly cleanStart?: boolean | undefined
  /** How long the session outlives its connection. 0, the default: not at all. The hub bounds it. */
  readonly expiresInSeconds?: number | undefined
  /** How many un-acknowledged deliveries the peer takes at once. The hub bounds it. */
  readonly windowMax?: number | undefined
  /** A function where it takes the principal to say the will's topic. What it throws refuses the connection. */
  readonly will?: Will | ((principal: Principal) => Will) | undefined
  /** The listener's own say, when the peer is proved and nothing has changed yet: what it throws refuses the peer. */
  readonly admit?: ((principal: Principal) => void) | undefined
}

/** A draft that the hub publishes in the peer's name if the connection ends without a farewell. */
export interface Will {
  readonly draft: Draft
  /** How long after the connection's end, if the peer is not back by then; 0 by default. Bounded by the session's end. */
  readonly delaySeconds?: number | undefined
}

/** The server-side object of one principal's connection or exchange. */
export interface Session {
  /** As last proved. */
  readonly principal: Principal
  /** The session was there before, with its subscriptions and what it missed. */
  readonly resumed: boolean
  /**
   * Why subscriptions of the session that was there before have ended (`permission-denied`, which names them): nothing was left of the right to them when the
   * peer came back. Absent where there are none such.
   */
  readonly revoked?: ThingmeshError | undefined
  /** As granted: the hub may have shortened it. */
  readonly expiresInSeconds: number

  /**
   * Accepts a draft. `undefined` for at-most-once, where there is nothing to wait for. For exactly-once the peer names the transfer by a tag
   * (MQTT: the packet identifier): until `release`, a draft under the same tag is the same one, and gets the same receipt. So does one under an idempotency key that the principal has
   * used, whatever else is in it, as far back as the hub remembers keys. Throws `permission-denied`,
   * `not-found` (no such channel), `invalid-argument`, `too-large`, `rate-limited`, `unavailable` (the store is behind by as much as the hub lets it).
   */
  publish(draft: Draft, transfer?: number): Receipt | undefined
  /** Throws what `publish` throws for every draft to the topic, whatever is in it: for who has the topic before the rest. */
  checkPublish(topic: string): void
  /** The peer ends an exactly-once transfer and may use its tag again. Settles when that is durable; false where there is no such transfer. */
  release(transfer: number): Promise<boolean>
  /** Settles when durable sessions have it on disk. One result per request, in order; a refusal is a result, not a throw. */
  subscribe(requests: readonly SubscribeRequest[]): Promise<readonly SubscribeResult[]>
  /** Throws what a subscription to the filter would be refused for: for who has it already, and wants to know whether it is of use. */
  checkSubscribe(filter: string): void
  /** True for each filter that was there. */
  unsubscribe(filters: readonly string[]): Promise<readonly boolean[]>
  /**
   * The peer has received an exactly-once delivery and waits to be released (MQTT: PUBREC). Settles when that is durable, so that the message is not sent again;
   * false for a tag that is not outstanding.
   */
  received(tag: number): Promise<boolean>
  /** The peer is done with the delivery. False for a tag that is not outstanding. */
  acknowledge(tag: number): boolean
  /** The outlet has room again. */
  resume(): void
  /** What the log holds, as far as the principal may `read` it. Throws `invalid-argument` for a cursor of another log. */
  read(request: ReadRequest): Promise<ReadPage>
  /**
   * The log as it grows, page by page, for as long as the caller goes on asking: no gap and no repeat between two pages. A page may be empty; its
   * `next` is where to go on from all the same. Ends when the session does. Throws at once what `read` throws, and later when nothing is left of the right
   * to it, or of the channel.
   */
  follow(request: FollowRequest): AsyncIterable<ReadPage>
  /** Where a message lies that this session was given. */
  cursorOf(message: Message): Cursor
  /** The last value of every address that matches, as far as the principal may `read` or `subscribe` to it. */
  latest(filter: string): Promise<readonly Message[]>
  /**
   * The last value of one topic, where the hub has it in memory and the principal may have it; `undefined` says nothing: ask
   * `latest`, which also knows why there is none.
   */
  latestAtHand(topic: string): Message | undefined
  /** The channels of which the principal may use at least a part, and how. */
  channels(): readonly UsableChannel[]
  /** The registry and the meters, for principals with a control scope; throws `permission-denied` for others. */
  control(): Control
  /**
   * The same principal proves itself anew: the session then ends with the new proof and not with the old one. Rejects
   * as `open` does, and with `permission-denied` for another principal: the session is as it was, and its listener's to
   * end.
   */
  renew(credential: Credential): Promise<void>
  /**
   * `farewell`: the peer said goodbye, its will is dropped. `farewell-with-will`: it said goodbye and wants it published. `lost`: the connection broke, its will is published.
   * `expiresInSeconds` replaces what `open` granted (MQTT 5, section 3.14.2.2.2).
   */
  close(how: 'farewell' | 'farewell-with-will' | 'lost', expiresInSeconds?: number): Promise<void>
}

export interface UsableChannel {
  readonly name: ChannelName
  readonly actions: readonly Action[]
}

export interface Receipt {
  /**
   * `''` for a repeated transfer whose message was accepted in an earlier life of the hub, and for a repeated key whose message was accepted more lives
   * ago than the store knows the epochs of.
   */
  readonly id: MessageId
  /**
   * Settles when the message is as durable as the store's profile says: the ack. One promise is shared by a commit batch.
   * Rejects with `unavailable` where the store refused the batch.
   */
  readonly committed: Promise<void>
}

export interface SubscribeRequest {
  /** `$share/<name>/<filter>` shares each message with the other sessions of the domain that say the same (MQTT 5, section 4.8.2). */
  readonly filter: string
  /** The strongest delivery wanted. */
  readonly delivery: Delivery
  /** Not what this very session publishes (MQTT 5, section 3.8.3.1). */
  readonly noLocal?: boolean | undefined
  readonly retainAsPublished?: boolean | undefined
  /** Which last values to send: `always` (default), `if-new`, `never`. */
  readonly replay?: 'always' | 'if-new' | 'never' | undefined
  readonly subscriptionId?: number | undefined
  /** Of the peer's way to write topics, where it is not ours: comes back with what is delivered for the subscription. */
  readonly dialect?: string | undefined
}

export type SubscribeResult =
  /** `isNew`: the session did not have it, so that nothing comes of what was before. */
  | { readonly ok: true; readonly delivery: Delivery; readonly isNew: boolean }
  /** `permission-denied`, `invalid-argument`, `rate-limited` (too many subscriptions, or too many who share one). */
  | { readonly ok: false; readonly error: ThingmeshError }

/**
 * A position in the hub's log, opaque to everyone else: printable ASCII that needs no escaping in an address, a header or a
 * shell. It says of which log it is, and of which of its lives, so that none is taken for one of another. `0` is the beginning of whatever log is asked.
 */
export type Cursor = string

export interface ReadRequest {
  readonly filter: string
  /** Exclusive, and not beyond the end of the log. */
  readonly after?: Cursor | undefined
  /** Exclusive. */
  readonly before?: Cursor | undefined
  /** Milliseconds since 1970, inclusive. */
  readonly fromMs?: number | undefined
  /** Exclusive. */
  readonly toMs?: number | undefined
  readonly publisher?: string | undefined
  /** Messages, 1 to 1,000; 100 by default. */
  readonly limit?: number | undefined
  /** The newest ones instead of the oldest. The page is in the order of the log all the same. */
  readonly newest?: boolean | undefined
  /** Where nothing matches: how long to wait for a first one. Bounded by the hub. */
  readonly waitMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ReadPage {
  /** In the order of the log. */
  readonly messages: readonly Message[]
  /** Where to go on: after it, or before it where the newest were asked for. */
  readonly next: Cursor
  /** Nothing that matches lies beyond `next`, as of this read. A page may be empty and yet not the last. */
  readonly complete: boolean
}

export interface FollowRequest {
  readonly filter: string
  /** Exclusive, and not beyond the end of the log. What is in it by now is passed over where it is absent. */
  readonly after?: Cursor | undefined
  readonly signal: AbortSignal
}
