import { type Delivery, type DomainId, type Message, matchesFilter } from '@thingmesh/core'
import type { DeliveryTerms, SubscriptionRecord } from '../contracts/index.ts'

/** Someone whom the router hands messages to. */
export interface Receiver {
  readonly domain: DomainId
  /** How the receiver wants messages of a topic; `undefined` where it may not have them. */
  targetFor(topic: string): Target | undefined
  /** Called for each message as it is routed. May not throw, may not wait. */
  offer(message: Message, target: Target): void
}

/** One receiver of one topic's messages, after all its subscriptions and rights have been weighed. */
export interface Target {
  readonly receiver: Receiver
  readonly terms: DeliveryTerms
  readonly atMostOnce: boolean
  /** Some subscription that matches says: not what this session itself published. */
  readonly noLocal: boolean
  /** How it wants what it published itself, then: as those want it that do not say so. */
  readonly own?: Target | undefined
}

/** What the subscriptions that match a topic want together (MQTT 5, section 3.3.4); `undefined` where none does. */
export function weighSubscriptions(
  receiver: Receiver,
  subscriptions: Iterable<SubscriptionRecord>,
  topic: string,
): Target | undefined {
  const matching: SubscriptionRecord[] = []
  for (const subscription of subscriptions) {
    if (matchesFilter(subscription.filter, topic)) matching.push(subscription)
  }
  const others = matching.filter(({ noLocal }) => !noLocal)
  if (others.length === matching.length) return weighMatching(receiver, matching)
  const target = weighMatching(receiver, matching)
  return target && { ...target, noLocal: true, own: weighMatching(receiver, others) }
}

function weighMatching(receiver: Receiver, matching: readonly SubscriptionRecord[]): Target | undefined {
  if (matching.length === 0) return undefined
  let strongest: 0 | 1 | 2 = 0
  let retainAsPublished = false
  const subscriptionIds: number[] = []
  for (const subscription of matching) {
    strongest = Math.max(strongest, rank[subscription.delivery]) as 0 | 1 | 2
    retainAsPublished ||= subscription.retainAsPublished
    if (subscription.subscriptionId !== undefined) subscriptionIds.push(subscription.subscriptionId)
  }
  const { dialect } = matching[0]!
  const terms = { delivery: deliveries[strongest], retainAsPublished, subscriptionIds, dialect, replay: false }
  return { receiver, terms, atMostOnce: strongest === 0, noLocal: false }
}

/** At most once where there are none. */
export function strongest(wanted: Iterable<Delivery>): Delivery {
  let highest = 0
  for (const delivery of wanted) highest = Math.max(highest, rank[delivery])
  return deliveries[highest]!
}

const rank = { 'at-most-once': 0, 'at-least-once': 1, 'exactly-once': 2 } as const
const deliveries = ['at-most-once', 'at-least-once', 'exactly-once'] as const
