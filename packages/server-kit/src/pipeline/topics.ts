import { type Address, type DomainId, parseTopic, type RecordPolicy } from '@thingmesh/core'
import type { ChannelDirectory } from '../contracts/index.ts'
import type { Definitions, PayloadCheck } from './definitions.ts'
import type { HubLimits } from './limits.ts'
import type { Target } from './target.ts'

/** What the hub knows of one topic. Made once, used by every message to it until something that it rests on changes. */
export interface TopicEntry {
  readonly domain: DomainId
  readonly topic: string
  readonly address: Address
  /** `undefined`: there is no such channel, or it is disabled. */
  readonly record: RecordPolicy | undefined
  readonly disabled: boolean
  /** What its payloads have to fit. */
  readonly definition: PayloadCheck | undefined
  /** Valid while it equals the table's. */
  readonly generation: number
  /** Who gets its messages, as of the router's version. */
  targets: readonly Target[]
  targetsVersion: number
}

const entriesMax = 65_536
/** Beyond this a topic is looked up anew each time: what is kept by topic is bounded in number, and so in bytes. */
const keptLengthMax = 1024

export function isKept(topic: string): boolean {
  return topic.length <= keptLengthMax
}

/**
 * Topics by domain and text. Peers choose topics, so the table is bounded: it keeps two halves and forgets the older one
 * when the younger is full, which drops what was not used lately at the cost of one look-up.
 */
export class TopicTable {
  readonly #channels: ChannelDirectory
  readonly #limits: HubLimits
  readonly #definitions: Definitions
  #young = new Map<string, TopicEntry>()
  #old = new Map<string, TopicEntry>()
  #generation = 1

  constructor(channels: ChannelDirectory, limits: HubLimits, definitions: Definitions) {
    this.#channels = channels
    this.#limits = limits
    this.#definitions = definitions
  }

  get generation(): number {
    return this.#generation
  }

  /** The registry changed: what was known about channels and rights no longer counts. */
  invalidate(): void {
    this.#generation += 1
    this.#young.clear()
    this.#old.clear()
  }

  /** Throws `invalid-argument` for what is not a topic to publish to. */
  find(domain: DomainId, topic: string): TopicEntry {
    if (!isKept(topic)) return this.#make(domain, topic)
    // A domain's id holds no space, so the two cannot be cut in another place.
    const key = `${domain} ${topic}`
    let entry = this.#young.get(key)
    if (entry !== undefined) return entry
    entry = this.#old.get(key) ?? this.#make(domain, topic)
    if (this.#young.size >= entriesMax / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, entry)
    return entry
  }

  #make(domain: DomainId, topic: string): TopicEntry {
    const address = parseTopic(topic, this.#limits)
    const channel = this.#channels.find(domain, address.channel)
    return {
      domain,
      topic,
      address,
      record: channel?.enabled ? channel.record : undefined,
      disabled: channel?.enabled === false,
      definition: this.#definitions.get(address.channel),
      generation: this.#generation,
      targets: [],
      targetsVersion: -1,
    }
  }
}
