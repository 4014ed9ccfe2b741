import { type Principal, type ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Dialect } from '../../contracts/index.ts'
import { labelOf } from './topic-writer.ts'

/** A filter as the hub has it, and what is kept with the subscription where it was written in a dialect. */
export interface ReadFilter {
  readonly filter: string
  readonly dialect: string | undefined
}

const knownMax = 64
const knownLengthMax = 256
const shared = '$share/'

/** `undefined` where there is nothing but our own way to write topics: the whole cost of dialects is then to see that. */
export function readerOf(dialects: readonly Dialect[], principal: Principal): TopicReader | undefined {
  return dialects.length === 0 ? undefined : new TopicReader(dialects, principal)
}

/** What one peer writes, read in the first dialect that claims it; what none claims is as it is. */
export class TopicReader {
  readonly #dialects: readonly Dialect[]
  readonly #principal: Principal
  /** Made with the second topic. Publishers repeat few topics, and a known text costs one look-up; the last one, none. */
  #known: Map<string, string> | undefined
  #lastText = ''
  #lastTopic = ''

  constructor(dialects: readonly Dialect[], principal: Principal) {
    this.#dialects = dialects
    this.#principal = principal
  }

  /** Throws what the dialect does. */
  topic(text: string): string {
    if (text === this.#lastText) return this.#lastTopic
    const known = this.#known?.get(text)
    const topic = known ?? this.#read(text)
    if (text.length <= knownLengthMax) this.#remember(text, topic, known === undefined)
    return topic
  }

  /** Nothing is published there by this: a reply topic that a dialect refuses goes along as it is. */
  replyTopic(text: string): string {
    try {
      return this.topic(text)
    } catch {
      return text
    }
  }

  /** Of a shared subscription, the filter that is in it. Throws what the dialect does. */
  filter(text: string): ReadFilter {
    const start = filterStart(text)
    const inner = text.slice(start)
    for (const dialect of this.#dialects) {
      const read = dialect.readFilter(inner, this.#principal)
      if (read === undefined) continue
      return { filter: text.slice(0, start) + read.filter, dialect: labelOf(dialect, read.variant) }
    }
    return { filter: text, dialect: undefined }
  }

  #read(text: string): string {
    for (const dialect of this.#dialects) {
      const topic = dialect.readTopic(text, this.#principal)
      if (topic !== undefined) return topic
    }
    return text
  }

  #remember(text: string, topic: string, isNew: boolean): void {
    if (isNew && this.#lastText !== '') {
      this.#known ??= new Map()
      if (this.#known.size >= knownMax) this.#known.clear()
      this.#known.set(text, topic)
    }
    this.#lastText = text
    this.#lastTopic = topic
  }
}

/** Behind `$share/{ShareName}/` (MQTT 5, section 4.8.2). What is shared without a filter is the hub's to refuse. */
function filterStart(text: string): number {
  return text.startsWith(shared) ? text.indexOf('/', shared.length) + 1 : 0
}

/** With the error in the place of what it was about: one filter of several is refused by itself. */
export function readFilter(reader: TopicReader | undefined, text: string): ReadFilter | ThingmeshError {
  if (reader === undefined) return { filter: text, dialect: undefined }
  try {
    return reader.filter(text)
  } catch (error) {
    return toThingmeshError(error)
  }
}
