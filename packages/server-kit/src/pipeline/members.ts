import type { Delivery } from '@thingmesh/core'
import type { DeliveryTerms, SubscriptionRecord } from '../contracts/index.ts'
import type { Feed } from './feed.ts'
import { strongest } from './target.ts'
import { isKept } from './topics.ts'

export interface Member {
  /** Unique in the group. */
  readonly id: number
  readonly feed: Feed
  readonly terms: DeliveryTerms
}

/** The members that are connected and may have the messages of a topic. */
export class Audience {
  readonly members: readonly Member[]
  #key: string | undefined

  constructor(members: readonly Member[]) {
    this.members = members
  }

  /** The same for the same members. */
  get key(): string {
    this.#key ??= this.members.map(({ id }) => id).join()
    return this.#key
  }

  get isAway(): boolean {
    return this.members.length === 0
  }

  get hasRoom(): boolean {
    return this.members.some(({ feed }) => feed.hasRoom)
  }
}

/**
 * What came of looking for a member to take a message. `forbidden`: nobody may have it. `full`: nobody at all has room. `passed`: somebody
 * has, who may not have this one; who may has no room, or is away.
 */
export type Choice = 'taken' | 'forbidden' | 'full' | 'passed'

const topicsMax = 512

/** The members of a group, and whose turn it is. */
export class Members {
  readonly #rightsGeneration: () => number
  readonly #all = new Map<Feed, Member>()
  #connected: readonly Member[] = []
  #turn = 0
  /** By topic. */
  #audiences = new Map<string, Audience>()
  #generation = -1
  #lastId = 0

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
    const id = this.#all.get(feed)?.id ?? ++this.#lastId
    this.#all.set(feed, { id, feed, terms: { delivery, retainAsPublished, subscriptionIds, dialect, replay: false } })
    this.connectionChanged()
  }

  remove(feed: Feed): void {
    this.#all.delete(feed)
    this.connectionChanged()
  }

  connectionChanged(): void {
    this.#connected = [...this.#all.values()].filter(({ feed }) => feed.isConnected)
    this.#audiences.clear()
  }

  /** Asks those who may have messages of the topic, one after the other from the one whose turn it is, until one takes it. */
  choose(topic: string, take: (member: Member) => boolean): Choice {
    const { members: candidates } = this.audienceOf(topic)
    for (let i = 0; i < candidates.length; i++) {
      const at = (this.#turn + i) % candidates.length
      if (!take(candidates[at]!)) continue
      this.#turn = at + 1
      return 'taken'
    }
    // What rights they have who are away, nobody knows.
    if (candidates.length === 0 && this.isConnected) return this.#connected.length < this.count ? 'passed' : 'forbidden'
    return candidates.length < this.#connected.length && this.hasRoom ? 'passed' : 'full'
  }

  /** Rights are weighed at delivery, member by member. */
  audienceOf(topic: string): Audience {
    const generation = this.#rightsGeneration()
    if (generation !== this.#generation || this.#audiences.size >= topicsMax) {
      this.#audiences = new Map()
      this.#generation = generation
    }
    let audience = this.#audiences.get(topic)
    if (audience === undefined) {
      audience = new Audience(this.#connected.filter(({ feed }) => feed.mayHave(topic)))
      if (isKept(topic)) this.#audiences.set(topic, audience)
    }
    return audience
  }
}
