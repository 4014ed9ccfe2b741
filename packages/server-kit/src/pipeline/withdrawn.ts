import { type Message, matchesFilter } from '@thingmesh/core'
import type { SubscriptionRecord } from '../contracts/index.ts'
import { SparseMap } from './sparse.ts'

/**
 * Subscriptions that were ended while something was un-acknowledged: what was sent for them is still owed, and nothing else is (MQTT 5, section
 * 3.10.4). They are kept until everything that was sent by then, or may have been, is acknowledged.
 */
export class Withdrawn {
  readonly #max: number
  /** By filter, the oldest first, each with the highest sequence that it may be owed. */
  readonly #subscriptions = new SparseMap<
    string,
    { readonly subscription: SubscriptionRecord; readonly through: number }
  >()

  /** Of more than a session may have at a time the oldest are forgotten. */
  constructor(max: number) {
    this.#max = max
  }

  get isEmpty(): boolean {
    return this.#subscriptions.size === 0
  }

  *values(): Iterable<SubscriptionRecord> {
    for (const { subscription } of this.#subscriptions.values()) yield subscription
  }

  add(subscription: SubscriptionRecord, through: number): void {
    const { filter, since } = subscription
    const known = this.#subscriptions.get(filter)
    this.#subscriptions.delete(filter)
    // Under a filter that is ended again something may be owed for the first time that it was.
    const first = Math.min(since, known?.subscription.since ?? since)
    this.#subscriptions.set(filter, { subscription: { ...subscription, since: first }, through })
    if (this.#subscriptions.size <= this.#max) return
    for (const oldest of this.#subscriptions.keys()) {
      this.#subscriptions.delete(oldest)
      return
    }
  }

  /** Whether the message may have been sent for one of them. */
  mayOwe({ topic, sequence }: Pick<Message, 'topic' | 'sequence'>): boolean {
    for (const { subscription, through } of this.#subscriptions.values()) {
      const isWithin = sequence > subscription.since && sequence <= through
      if (isWithin && matchesFilter(subscription.filter, topic)) return true
    }
    return false
  }

  /** Everything below `lowest` is acknowledged; `undefined`: everything up to `deliveredTo` is. */
  settle(lowest: number | undefined, deliveredTo: number): void {
    for (const [filter, { through }] of this.#subscriptions) {
      if (lowest === undefined ? deliveredTo >= through : lowest > through) this.#subscriptions.delete(filter)
    }
  }
}
