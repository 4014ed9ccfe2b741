import type { Message } from '@thingmesh/core'
import type { RetainedMessages } from '../contracts/index.ts'
import type { Feed } from './feed.ts'
import type { RetainedIndex } from './retained.ts'
import { isSystemFilter, type SystemTopics } from './system-topics.ts'

/** A page is what one session's replay holds in memory. */
const pageMessages = 32

/**
 * How far messages had been routed when a subscription was made, those that wait for their commit and those that do not: what comes after that it hears live.
 */
export interface Routed {
  readonly committed: number
  readonly atMostOnce: number
}

/**
 * Sends the last values that match new subscriptions (MQTT 5, section 3.3.1.3), page by page, no faster than the peer
 * takes them. A session has one replay at a time, however often it subscribes.
 */
export class RetainedReplay {
  readonly #store: RetainedMessages
  readonly #index: RetainedIndex
  readonly #system: SystemTopics
  /** Settles when what was accepted before is written. */
  readonly #settled: () => Promise<void>
  readonly #onFault: (error: unknown) => void
  /** Filters still to be replayed, by the feed that asked, each with what it has not heard itself. */
  readonly #waiting = new Map<Feed, Map<string, Routed>>()

  constructor(
    store: RetainedMessages,
    index: RetainedIndex,
    system: SystemTopics,
    on: { settled: () => Promise<void>; fault: (error: unknown) => void },
  ) {
    this.#store = store
    this.#index = index
    this.#system = system
    this.#settled = on.settled
    this.#onFault = on.fault
  }

  start(feed: Feed, filters: readonly string[], routed: Routed): void {
    const waiting = this.#waiting.get(feed)
    if (waiting !== undefined) {
      // Whoever subscribes and unsubscribes without end, and does not take what waits, leaves nothing behind here.
      for (const filter of waiting.keys()) if (!feed.subscriptions.has(filter)) waiting.delete(filter)
      for (const filter of filters) waiting.set(filter, routed)
      return
    }
    this.#waiting.set(feed, new Map(filters.map(filter => [filter, routed])))
    this.#run(feed)
      .catch(this.#onFault)
      .finally(() => this.#waiting.delete(feed))
  }

  async #run(feed: Feed): Promise<void> {
    for (const [filter, routed] of this.#take(feed)) {
      if (isSystemFilter(filter)) {
        if (!(await feed.replay(this.#system.match(filter), filter))) return
        continue
      }
      let after: string | undefined
      // An at-most-once value was routed before it is written: who has subscribed in between finds it in the store.
      await this.#settled()
      do {
        const page = await this.#store.match(feed.domain, [filter], pageMessages, after)
        const current = page.filter(message => wasRouted(message, routed) && this.#isLatest(message))
        if (!(await feed.replay(current, filter))) return
        after = page.length < pageMessages ? undefined : page.at(-1)!.topic
      } while (after !== undefined)
    }
  }

  /** Also what is added while it is at work; a filter that is asked for again meanwhile is replayed again. */
  *#take(feed: Feed): Generator<readonly [filter: string, routed: Routed]> {
    const waiting = this.#waiting.get(feed)!
    for (const entry of waiting) {
      waiting.delete(entry[0])
      yield entry
    }
  }

  #isLatest({ domain, topic, sequence }: Message): boolean {
    return this.#index.isLatest(domain, topic, sequence)
  }
}

function wasRouted({ delivery, sequence }: Message, { committed, atMostOnce }: Routed): boolean {
  return sequence <= (delivery === 'at-most-once' ? atMostOnce : committed)
}
