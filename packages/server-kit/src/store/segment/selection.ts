import { matchesFilter } from '@thingmesh/core'
import type { MessageQuery } from '../../contracts/index.ts'
import type { SegmentReader } from './reader.ts'

/** A query, prepared: which channels it can touch, and above which sequence it wants a topic. */
export class Selection {
  readonly query: MessageQuery
  /** Below every filter's start: nothing up to and including this is wanted. */
  readonly after: number
  /** Exclusive. */
  readonly before: number
  /** The only channels that can match; undefined where a filter begins with a wildcard. */
  readonly channels: ReadonlyMap<string, number> | undefined
  readonly #byChannel = new Map<string, MessageQuery['filters'][number][]>()
  readonly #anyChannel: MessageQuery['filters'][number][] = []
  readonly #floors = new Map<string, number>()

  constructor(query: MessageQuery) {
    this.query = query
    this.before = query.before ?? Number.POSITIVE_INFINITY
    let after = Number.POSITIVE_INFINITY
    for (const wanted of query.filters) {
      after = Math.min(after, wanted.after)
      const level = firstLevel(wanted.filter)
      if (level === '+' || level === '#') this.#anyChannel.push(wanted)
      else {
        const known = this.#byChannel.get(level)
        if (known === undefined) this.#byChannel.set(level, [wanted])
        else known.push(wanted)
      }
    }
    this.after = after
    this.channels =
      this.#anyChannel.length > 0
        ? undefined
        : new Map([...this.#byChannel].map(([name, wanted]) => [name, Math.min(...wanted.map(w => w.after))]))
  }

  wantsChannel(channel: string): boolean {
    return this.#anyChannel.length > 0 || this.#byChannel.has(channel)
  }

  /** Messages on this topic are wanted above this sequence; infinity where no filter matches. */
  floor(channel: string, topic: string): number {
    let floor = this.#floors.get(topic)
    if (floor === undefined) {
      floor = Math.min(lowestMatch(this.#byChannel.get(channel) ?? [], topic), lowestMatch(this.#anyChannel, topic))
      this.#floors.set(topic, floor)
    }
    return floor
  }

  /** Everything about the current row but its topic and sequence. */
  accepts(reader: SegmentReader): boolean {
    const { fromMs, toMs, publisher, ackedOnly } = this.query
    if (ackedOnly === true && !reader.acked) return false
    if (fromMs !== undefined && reader.acceptedAtMs < fromMs) return false
    if (toMs !== undefined && reader.acceptedAtMs >= toMs) return false
    return publisher === undefined || reader.sources[reader.source]!.publisher === publisher
  }
}

function firstLevel(filter: string): string {
  const slash = filter.indexOf('/')
  return slash === -1 ? filter : filter.slice(0, slash)
}

function lowestMatch(filters: MessageQuery['filters'], topic: string): number {
  let lowest = Number.POSITIVE_INFINITY
  for (const { filter, after } of filters) {
    if (after < lowest && matchesFilter(filter, topic)) lowest = after
  }
  return lowest
}
