import type { DomainId, Message } from '@thingmesh/core'
import type { DeliveryTerms } from '../contracts/index.ts'

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
