import type { DomainId, Message } from '@thingmesh/core'
import { weightOf } from './accepted.ts'
import type { RetainedIndex } from './retained.ts'

/**
 * Last values that were asked for lately, so that what is read again and again is not fetched from the store each time.
 * The index says which message a topic's last value is: one that is here under another number is none any more, and one
 * that is about to be written is not here yet. Bounded in bytes: what came first goes first.
 */
export class LastValues {
  readonly #index: RetainedIndex
  readonly #bytesMax: number
  readonly #byDomain = new Map<DomainId, Map<string, Message>>()
  /** The same, the oldest first. */
  readonly #all = new Set<Message>()
  #bytes = 0

  constructor(index: RetainedIndex, bytesMax: number) {
    this.#index = index
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `undefined`: not here. Whether the topic has one is for the store to say. */
  find(domain: DomainId, topic: string): Message | undefined {
    const message = this.#byDomain.get(domain)?.get(topic)
    return message !== undefined && this.#index.isLatest(domain, topic, message.sequence) ? message : undefined
  }

  /** As the store gave it. */
  keep(message: Message): void {
    const { domain, topic, sequence } = message
    const earlier = this.#byDomain.get(domain)?.get(topic)
    if (earlier?.sequence === sequence || !this.#index.isLatest(domain, topic, sequence)) return
    if (earlier !== undefined) this.#forget(earlier)
    const kept = ownOf(message)
    let topics = this.#byDomain.get(domain)
    if (topics === undefined) {
      topics = new Map()
      this.#byDomain.set(domain, topics)
    }
    topics.set(topic, kept)
    this.#all.add(kept)
    this.#bytes += weightOf(kept)
    for (const oldest of this.#all) {
      if (this.#bytes <= this.#bytesMax) break
      this.#forget(oldest)
    }
  }

  #forget(message: Message): void {
    const topics = this.#byDomain.get(message.domain)
    topics?.delete(message.topic)
    if (topics?.size === 0) this.#byDomain.delete(message.domain)
    this.#all.delete(message)
    this.#bytes -= weightOf(message)
  }
}

/** With a payload of its own: what came is a view of a page of many. */
function ownOf(message: Message): Message {
  const { domain, log, sequence, publisher, clientId, protocol, acceptedAtMs } = message
  const { topic, channel, subtopic, contentType, delivery, retain, properties } = message
  const payload = message.payload.slice()
  return {
    ...{ domain, log, sequence, publisher, clientId, protocol, acceptedAtMs },
    ...{ topic, channel, subtopic, payload, contentType, delivery, retain, properties },
  }
}
