import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { ThingmeshError } from '@thingmesh/core'
import { freeSegment } from '../segment/free.ts'
import { SegmentReader } from '../segment/reader.ts'
import { type Span, spansOf } from '../segment/span.ts'
import type { Channels } from './channels.ts'

/** A row of the span table. */
export interface SpanRow {
  readonly channel: number
  readonly last: number
  readonly first: number
  readonly count: number
  readonly bytes: number
  readonly minMs: number
  readonly maxMs: number
  readonly run: number
  readonly segment: number
}

/** Segments and the spans that say what is in them: the only writer of both tables. */
export class Spans {
  readonly #channels: Channels
  readonly #insertSegment: StatementSync
  readonly #deleteSegment: StatementSync
  readonly #readSegment: StatementSync
  readonly #insertSpan: StatementSync
  readonly #deleteSpan: StatementSync
  readonly #updateSpan: StatementSync
  readonly #inSegment: StatementSync
  /** By the `reading` that is under way. */
  #opened: SegmentReader[] | undefined

  constructor(db: DatabaseSync, channels: Channels) {
    this.#channels = channels
    this.#insertSegment = db.prepare('INSERT INTO segment (body) VALUES (?)')
    this.#deleteSegment = db.prepare('DELETE FROM segment WHERE id = ?')
    this.#readSegment = db.prepare('SELECT body FROM segment WHERE id = ?')
    this.#insertSpan = db.prepare('INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#deleteSpan = db.prepare('DELETE FROM span WHERE channel = ? AND last = ?')
    this.#updateSpan = db.prepare(
      'UPDATE span SET first = ?, count = ?, bytes = ?, min_ms = ?, max_ms = ? WHERE channel = ? AND last = ?',
    )
    this.#inSegment = db.prepare('SELECT 1 FROM span WHERE run = ? AND segment = ? LIMIT 1')
  }

  /** Inside a transaction. `run` is the number of the run it belongs to; its own lowest sequence where it is a run by itself. */
  add(segment: Uint8Array, run?: number): { readonly messages: number; readonly last: number } {
    const reader = new SegmentReader(segment, 'of a batch')
    const spans = spansOf(reader)
    const id = this.#insertSegment.run(segment).lastInsertRowid
    let lowest = Number.MAX_SAFE_INTEGER
    for (const { first } of spans) lowest = Math.min(lowest, first)
    let last = 0
    for (const span of spans) {
      const channel = this.#channels.idOf(span.domain, span.channel)
      const { first, count, bytes, minMs, maxMs } = span
      this.#insertSpan.run(channel, span.last, first, count, bytes, minMs, maxMs, run ?? lowest, id)
      last = Math.max(last, span.last)
    }
    return { messages: reader.count, last }
  }

  /** Segments that `work` opens are open until it returns, and their memory is free then. */
  reading<Result>(work: () => Result): Result {
    if (this.#opened !== undefined) throw new TypeError('segments are being read already')
    const opened: SegmentReader[] = []
    this.#opened = opened
    try {
      return work()
    } finally {
      this.#opened = undefined
      for (const { bytes } of opened) freeSegment(bytes)
    }
  }

  /** Inside `reading`. Throws `unavailable` where the segment is damaged or missing, by its number. */
  open(segment: number): SegmentReader {
    if (this.#opened === undefined) throw new TypeError('segments are opened inside reading()')
    const body = this.#readSegment.get(segment)?.body
    if (!(body instanceof Uint8Array)) throw new ThingmeshError('unavailable', `segment ${segment} is missing`)
    const reader = new SegmentReader(body, `${segment}`)
    this.#opened.push(reader)
    return reader
  }

  /** By the reader's topics: the one of these spans, all of its segment, that the topic's rows are in. */
  byTopic(reader: SegmentReader, spans: readonly SpanRow[]): readonly (SpanRow | undefined)[] {
    const byChannel = new Map(spans.map(span => [span.channel, span]))
    return reader.topics.map(({ domain, channel }) => byChannel.get(this.#channels.find(domain, channel)?.id ?? 0))
  }

  /** Inside a transaction. The segment goes with its last span. */
  remove({ channel, last, run, segment }: SpanRow): void {
    this.#deleteSpan.run(channel, last)
    if (this.#inSegment.get(run, segment) === undefined) this.#deleteSegment.run(segment)
  }

  /** Inside a transaction. */
  shrink({ channel, last }: SpanRow, left: Span): void {
    this.#updateSpan.run(left.first, left.count, left.bytes, left.minMs, left.maxMs, channel, last)
  }
}

export const spanColumns = 'channel, last, first, count, bytes, min_ms, max_ms, run, segment'

export function toSpanRow(row: Record<string, SQLOutputValue>): SpanRow {
  return {
    channel: Number(row.channel),
    last: Number(row.last),
    first: Number(row.first),
    count: Number(row.count),
    bytes: Number(row.bytes),
    minMs: Number(row.min_ms),
    maxMs: Number(row.max_ms),
    run: Number(row.run),
    segment: Number(row.segment),
  }
}
