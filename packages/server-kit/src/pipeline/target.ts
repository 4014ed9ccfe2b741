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
  /** Every subscription that matches says: not what this session itself published. */
  readonly noLocal: boolean
}

/** What the subscriptions that match a topic want together (MQTT 5, section 3.3.4); `undefined` where none does. */
export function weighSubscriptions(
  subscriptions: Iterable<SubscriptionRecord>,
  topic: string,
): Omit<Target, 'receiver'> | undefined {
  let strongest: 0 | 1 | 2 | -1 = -1
  let retainAsPublished = false
  let noLocal = true
  let dialect: string | undefined
  const subscriptionIds: number[] = []
  for (const subscription of subscriptions) {
    if (!matchesFilter(subscription.filter, topic)) continue
    if (strongest === -1) dialect = subscription.dialect
    strongest = Math.max(strongest, rank[subscription.delivery]) as 0 | 1 | 2
    retainAsPublished ||= subscription.retainAsPublished
    noLocal &&= subscription.noLocal
    if (subscription.subscriptionId !== undefined) subscriptionIds.push(subscription.subscriptionId)
  }
  if (strongest === -1) return undefined
  const delivery = deliveries[strongest]
  return {
    terms: { delivery, retainAsPublished, subscriptionIds, dialect, replay: false },
    atMostOnce: strongest === 0,
    noLocal,
  }
}

/** At most once where there are none. */
export function strongest(wanted: Iterable<Delivery>): Delivery {
  let highest = 0
  for (const delivery of wanted) highest = Math.max(highest, rank[delivery])
  return deliveries[highest]!
}

const rank = { 'at-most-once': 0, 'at-least-once': 1, 'exactly-once': 2 } as const
const deliveries = ['at-most-once', 'at-least-once', 'exactly-once'] as const
