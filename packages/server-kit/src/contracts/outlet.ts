import type { Delivery, Message, ThingmeshError } from '@thingmesh/core'

/** How one session wants one message, from all of its subscriptions that match it. */
export interface DeliveryTerms {
  /** The strongest among the matching subscriptions; the message's own delivery bounds it further. */
  readonly delivery: Delivery
  readonly retainAsPublished: boolean
  /** MQTT 5, section 3.8.4: one copy carries the identifiers of all matching subscriptions. */
  readonly subscriptionIds: readonly number[]
  /** What the first of the matching subscriptions said of its dialect; absent for ours. */
  readonly dialect?: string | undefined
  /** This is the last value, replayed because of a new subscription. */
  readonly replay: boolean
}

/**
 * A session's way out to its peer. Called on the hot path: no promises, nothing may throw.
 */
export interface Outlet {
  /**
   * Writes one message out. `tag` is 0 for at-most-once; otherwise a number from 1 to 65,535, unique among the session's
   * un-acknowledged deliveries, which the outlet gives back to `Session.acknowledge`. False: the outlet is full and took
   * nothing; it calls `Session.resume` when it has room again.
   */
  deliver(message: Message, terms: DeliveryTerms, tag: number, redelivered: boolean): boolean
  /**
   * The peer has received the delivery, exactly-once, and the hub knows so for good: lets the peer forget the tag (MQTT: PUBREL). Answered by `Session.acknowledge`.
   */
  release(tag: number): void
  /**
   * These subscriptions of the session have ended, because nothing is left of the right to them: nothing comes for them any more. The peer has to learn it,
   * in the protocol's own words (`reason`, `permission-denied`, names them) or by the end of its connection.
   */
  revoke(filters: readonly string[], reason: ThingmeshError): void
  /** The hub ends the session: shut down, take-over (`conflict`), revocation (`unauthenticated`). Called once at most. */
  close(reason: ThingmeshError): void
}
