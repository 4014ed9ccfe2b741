import type { LogId } from '@thingmesh/core'
import { GrowingBuffer } from './growing.ts'

const startBytes = 8 * 1024

interface TopicEntry {
  readonly domain: string
  readonly index: number
  /** The same topic in another domain. */
  readonly next: TopicEntry | undefined
}

interface SourceEntry {
  readonly log: LogId
  readonly clientId: string
  readonly protocol: string
  readonly contentType: string
  readonly index: number
  readonly variant: number
  /** The same publisher otherwise. */
  readonly next: SourceEntry | undefined
}

/** A peer that makes up a content type for every message must not make finding one slow: then some are listed twice. */
const variantsMax = 16

/** Numbers the texts of the segment that is being written, in order of appearance, and encodes each once. */
export class Dictionary {
  #termIndexes = new Map<string, number>()
  #topicEntries = new Map<string, TopicEntry>()
  #sourceEntries = new Map<string, SourceEntry>()
  readonly #terms = new GrowingBuffer(startBytes)
  readonly #topics = new GrowingBuffer(startBytes)
  readonly #sources = new GrowingBuffer(startBytes)
  #topicCount = 0
  #sourceCount = 0

  clear(): void {
    // New ones, because a cleared one keeps what it held: V8 leaves the old table as it is and links it to the new one.
    this.#termIndexes = new Map()
    this.#topicEntries = new Map()
    this.#sourceEntries = new Map()
    this.#terms.clear()
    this.#topics.clear()
    this.#sources.clear()
    this.#topicCount = 0
    this.#sourceCount = 0
  }

  topic(domain: string, topic: string): number {
    const known = this.#topicEntries.get(topic)
    for (let entry = known; entry !== undefined; entry = entry.next) if (entry.domain === domain) return entry.index
    const index = this.#topicCount++
    this.#topicEntries.set(topic, { domain, index, next: known })
    this.#topics.varint(this.#term(domain))
    this.#topics.text(topic)
    return index
  }

  source(log: LogId, publisher: string, clientId: string, protocol: string, contentType: string): number {
    const known = this.#sourceEntries.get(publisher)
    for (let entry = known; entry !== undefined; entry = entry.next) {
      if (
        entry.clientId === clientId &&
        entry.contentType === contentType &&
        entry.protocol === protocol &&
        isSameLog(entry.log, log)
      ) {
        return entry.index
      }
    }
    const index = this.#sourceCount++
    const next = known !== undefined && known.variant < variantsMax ? known : undefined
    const variant = next === undefined ? 1 : next.variant + 1
    this.#sourceEntries.set(publisher, { log, clientId, protocol, contentType, index, variant, next })
    this.#sources.varint(this.#term(log.origin))
    this.#sources.varint(this.#term(log.epoch))
    this.#sources.varint(this.#term(protocol))
    this.#sources.varint(this.#term(contentType))
    this.#sources.text(publisher)
    this.#sources.text(clientId)
    return index
  }

  writeTo(target: GrowingBuffer): void {
    this.#writeSection(target, this.#termIndexes.size, this.#terms)
    this.#writeSection(target, this.#topicCount, this.#topics)
    this.#writeSection(target, this.#sourceCount, this.#sources)
  }

  #writeSection(target: GrowingBuffer, count: number, section: GrowingBuffer): void {
    target.varint(count)
    target.reserve(section.at)
    target.bytes.set(section.bytes.subarray(0, section.at), target.at)
    target.at += section.at
  }

  #term(text: string): number {
    let index = this.#termIndexes.get(text)
    if (index === undefined) {
      index = this.#termIndexes.size
      this.#termIndexes.set(text, index)
      this.#terms.text(text)
    }
    return index
  }
}

function isSameLog(a: LogId, b: LogId): boolean {
  return a === b || (a.origin === b.origin && a.epoch === b.epoch)
}
