import type { Message } from '@thingmesh/core'
import type { RetainedMessages } from '../contracts/index.ts'
import type { Feed } from './feed.ts'
import type { RetainedIndex } from './retained.ts'
import type { Target } from './target.ts'

const pageMessages = 256

/** Sends the last values that match new subscriptions (MQTT 5, section 3.3.1.3), page by page, no faster than the peer takes them. */
export class RetainedReplay {
  readonly #store: RetainedMessages
  readonly #index: RetainedIndex
  readonly #onFault: (error: unknown) => void

  constructor(store: RetainedMessages, index: RetainedIndex, onFault: (error: unknown) => void) {
    this.#store = store
    this.#index = index
    this.#onFault = onFault
  }

  /** Each filter is replayed by itself: overlapping subscriptions each ask for theirs. */
  start(feed: Feed, filters: readonly string[]): void {
    this.#run(feed, filters).catch(this.#onFault)
  }

  async #run(feed: Feed, filters: readonly string[]): Promise<void> {
    for (const filter of filters) {
      let after: string | undefined
      for (;;) {
        const page = await this.#store.match(feed.domain, [filter], pageMessages, after)
        const current = page.filter(message => this.#index.isLatest(message.domain, message.topic, message.sequence))
        if (!(await feed.replay(current, message => termsOf(feed, filter, message)))) return
        if (page.length < pageMessages) break
        after = page.at(-1)!.topic
      }
    }
  }
}

/** A replayed value comes for this one subscription, under its own terms and the session's rights. */
function termsOf(feed: Feed, filter: string, message: Message): Target | undefined {
  const target = feed.targetFor(message.topic)
  const subscription = feed.subscriptions.get(filter)
  if (target === undefined || subscription === undefined) return undefined
  const subscriptionIds = subscription.subscriptionId === undefined ? [] : [subscription.subscriptionId]
  return {
    receiver: feed,
    terms: { delivery: subscription.delivery, retainAsPublished: true, subscriptionIds, replay: true },
    atMostOnce: subscription.delivery === 'at-most-once',
    noLocal: false,
  }
}
