import { type DomainId, type Draft, ThingmeshError } from '@thingmesh/core'
import type { RetainedMessages } from '../contracts/index.ts'
import type { Counters } from './counters.ts'
import type { HubLimits } from './limits.ts'

/**
 * Which topics have a last value, and the sequence it has or is about to have. The values themselves are the store's: this
 * counts them against the limit before anything is accepted, and tells a replay that a newer value is on its way.
 */
export class RetainedIndex {
  readonly #domains = new Map<DomainId, Map<string, number>>()
  readonly #limits: HubLimits
  readonly #counters: Counters

  constructor(limits: HubLimits, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  async start(store: RetainedMessages): Promise<void> {
    for (const { domain, topic, sequence } of await store.topics()) this.#topics(domain).set(topic, sequence)
  }

  count(): number {
    let sum = 0
    for (const topics of this.#domains.values()) sum += topics.size
    return sum
  }

  /** Throws `rate-limited` (too many) or `too-large`. */
  admit(domain: DomainId, draft: Draft): void {
    const bytes = draft.payload.byteLength
    if (bytes === 0) return
    const { retainedBytesMax, retainedPerDomainMax } = this.#limits
    if (bytes > retainedBytesMax) {
      this.#counters.refused['retained-size'].value += 1
      throw new ThingmeshError('too-large', `a retained payload of ${bytes} bytes, the limit is ${retainedBytesMax}`)
    }
    const topics = this.#topics(domain)
    if (topics.size >= retainedPerDomainMax && !topics.has(draft.topic)) {
      this.#counters.refused['retained-count'].value += 1
      throw new ThingmeshError(
        'rate-limited',
        `the domain has ${topics.size} retained messages, the limit is ${retainedPerDomainMax}`,
      )
    }
  }

  /** The draft was accepted under this sequence, and is about to be written: takes its topic for it. */
  claim(domain: DomainId, { topic, payload }: Draft, sequence: number): Claim {
    const topics = this.#topics(domain)
    const before = topics.get(topic)
    const claimed = payload.byteLength === 0 ? undefined : sequence
    set(topics, topic, claimed)
    return {
      takeBack: () => {
        if (topics.get(topic) === claimed) set(topics, topic, before)
      },
    }
  }

  /** Whether a value that was read is still the topic's latest. */
  isLatest(domain: DomainId, topic: string, sequence: number): boolean {
    return this.#topics(domain).get(topic) === sequence
  }

  #topics(domain: DomainId): Map<string, number> {
    let topics = this.#domains.get(domain)
    if (topics === undefined) {
      topics = new Map()
      this.#domains.set(domain, topics)
    }
    return topics
  }
}

export interface Claim {
  /** The store did not write it: what was the last value still is, unless another one has come. */
  takeBack(): void
}

function set(topics: Map<string, number>, topic: string, sequence: number | undefined): void {
  if (sequence === undefined) topics.delete(topic)
  else topics.set(topic, sequence)
}
