import type { Delivery } from '@thingmesh/core'
import type { DeliveryTerms, SubscriptionRecord } from '../contracts/index.ts'
import type { Feed } from './feed.ts'
import { strongest } from './target.ts'
import { isKept } from './topics.ts'

export interface Member {
  readonly feed: Feed
  readonly terms: DeliveryTerms
}

/**
 * What came of looking for a member to take a message. `forbidden`: nobody who is connected may have it. `full`: nobody at all has room;
 * `passed`: somebody has, who may not have this one.
 */
export type Choice = 'taken' | 'forbidden' | 'full' | 'passed'

const topicsMax = 512

/** The members of a group, and whose turn it is. */
export class Members {
  readonly #rightsGeneration: () => number
  readonly #all = new Map<Feed, Member>()
  #connected: readonly Member[] = []
  #turn = 0
  /** Who of the connected may have messages of a topic. */
  #candidates = new Map<string, readonly Member[]>()
  #generation = -1

  constructor(rightsGeneration: () => number) {
    this.#rightsGeneration = rightsGeneration
  }

  get count(): number {
    return this.#all.size
  }

  get isConnected(): boolean {
    return this.#connected.length > 0
  }

  get hasRoom(): boolean {
    return this.#connected.some(({ feed }) => feed.hasRoom)
  }

  get isDurable(): boolean {
    for (const feed of this.#all.keys()) if (feed.isDurable) return true
    return false
  }

  /** The strongest that one of them wants. */
  get delivery(): Delivery {
    return strongest(Array.from(this.#all.values(), ({ terms }) => terms.delivery))
  }

  has(feed: Feed): boolean {
    return this.#all.has(feed)
  }

  termsOf(feed: Feed): DeliveryTerms | undefined {
    return this.#all.get(feed)?.terms
  }

  add(feed: Feed, { delivery, retainAsPublished, subscriptionId, dialect }: SubscriptionRecord): void {
    const subscriptionIds = subscriptionId === undefined ? [] : [subscriptionId]
    this.#all.set(feed, { feed, terms: { delivery, retainAsPublished, subscriptionIds, dialect, replay: false } })
    this.connectionChanged()
  }

  remove(feed: Feed): void {
    this.#all.delete(feed)
    this.connectionChanged()
  }

  connectionChanged(): void {
    this.#connected = [...this.#all.values()].filter(({ feed }) => feed.isConnected)
    this.#candidates.clear()
  }

  /** Asks those who may have messages of the topic, one after the other from the one whose turn it is, until one takes it. */
  choose(topic: string, take: (member: Member) => boolean): Choice {
    const candidates = this.#candidatesFor(topic)
    for (let i = 0; i < candidates.length; i++) {
      const at = (this.#turn + i) % candidates.length
      if (!take(candidates[at]!)) continue
      this.#turn = at + 1
      return 'taken'
    }
    if (candidates.length === 0 && this.isConnected) return 'forbidden'
    return candidates.length < this.#connected.length && this.hasRoom ? 'passed' : 'full'
  }

  /** Rights are weighed at delivery, member by member. */
  #candidatesFor(topic: string): readonly Member[] {
    const generation = this.#rightsGeneration()
    if (generation !== this.#generation || this.#candidates.size >= topicsMax) {
      this.#candidates = new Map()
      this.#generation = generation
    }
    let candidates = this.#candidates.get(topic)
    if (candidates === undefined) {
      candidates = this.#connected.filter(({ feed }) => feed.mayHave(topic))
      if (isKept(topic)) this.#candidates.set(topic, candidates)
    }
    return candidates
  }
}
