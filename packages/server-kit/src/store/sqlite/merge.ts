import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isThingmeshError, ThingmeshError } from '@thingmesh/core'
import { freeSegment } from '../segment/free.ts'
import type { SegmentReader } from '../segment/reader.ts'
import { SegmentWriter } from '../segment/writer.ts'
import { inTransaction } from './database.ts'
import { type SpanRow, type Spans, spanColumns, toSpanRow } from './spans.ts'

/** A run below this is small. */
const smallBytes = 32 * 1024
/** Of one merge: commits wait for it, so it takes some milliseconds at the most. */
const mergedBytesMax = 256 * 1024
const mergedRunsMax = 256
/** So many small runs in a row are worth a transaction. */
const runsMin = 64
/** The newest runs are being read by sessions that have just fallen behind, and are left alone. */
const newestRuns = 16
/** A channel with this much in a merged run has a segment of its own in it. */
const ownSegmentBytesMin = 16 * 1024
const listedMax = 2048

interface Row {
  readonly reader: SegmentReader
  readonly at: number
  readonly sequence: number
}

/**
 * Joins small neighbouring runs into one, oldest first, so that a quiet log does not become a row per message. Every
 * read gives the same before and after. One call is one bounded transaction.
 */
export class Merger {
  readonly #db: DatabaseSync
  readonly #spans: Spans
  readonly #runs: StatementSync
  readonly #boundary: StatementSync
  readonly #size: StatementSync
  readonly #inRuns: StatementSync
  readonly #dropSpans: StatementSync
  readonly #dropSegment: StatementSync
  readonly #writer = new SegmentWriter()
  /** Up to here there is nothing to merge. */
  #done = -1
  #fresh = runsMin

  constructor(db: DatabaseSync, spans: Spans) {
    this.#db = db
    this.#spans = spans
    this.#runs = db.prepare(
      `SELECT DISTINCT run, segment FROM span INDEXED BY span_by_run
       WHERE run > ? AND run < ? ORDER BY run, segment LIMIT ${listedMax}`,
    )
    this.#boundary = db.prepare(
      `SELECT DISTINCT run FROM span INDEXED BY span_by_run ORDER BY run DESC LIMIT 1 OFFSET ${newestRuns - 1}`,
    )
    this.#size = db.prepare('SELECT length(body) AS bytes FROM segment WHERE id = ?')
    this.#inRuns = db.prepare(
      `SELECT ${spanColumns} FROM span INDEXED BY span_by_run WHERE run BETWEEN ? AND ? ORDER BY run, segment`,
    )
    this.#dropSpans = db.prepare('DELETE FROM span WHERE run BETWEEN ? AND ?')
    this.#dropSegment = db.prepare('DELETE FROM segment WHERE id = ?')
  }

  /** Enough has been appended for another look. */
  get isDue(): boolean {
    return this.#fresh >= runsMin
  }

  appended(runs: number): void {
    this.#fresh += runs
  }

  /** One transaction at most. False: there is nothing to merge for now. */
  step(): boolean {
    const boundary = Number(this.#boundary.get()?.run ?? 0)
    const merged = this.#mergeOnce(boundary, runsMin)
    if (!merged) this.#fresh = 0
    return merged
  }

  /** Merges whatever is small, the newest included, until nothing is left to merge. */
  *compact(): Generator<undefined, undefined> {
    this.#done = -1
    while (this.#mergeOnce(Number.MAX_SAFE_INTEGER, 2)) yield
    this.#done = -1
    return undefined
  }

  /** False where nothing is left to do; otherwise it merged, or looked through a part of a long log. */
  #mergeOnce(below: number, min: number): boolean {
    let chain: number[] = []
    let chainBytes = 0
    let last = this.#done
    const rows = this.#runs.all(this.#done, below)
    for (const [run, bytes] of this.#sizes(rows)) {
      const isSmall = bytes < smallBytes
      const isFull = isSmall && (chainBytes + bytes > mergedBytesMax || chain.length === mergedRunsMax)
      if (isFull || (!isSmall && chain.length >= min)) return this.#merge(chain)
      if (isSmall) {
        chain.push(run)
        chainBytes += bytes
      } else {
        chain = []
        chainBytes = 0
        this.#done = run
      }
      last = run
    }
    if (chain.length >= min) return this.#merge(chain)
    if (rows.length < listedMax) return false
    this.#done = chain[0] === undefined ? last : chain[0] - 1
    return true
  }

  #sizes(rows: readonly Record<string, unknown>[]): Map<number, number> {
    const sizes = new Map<number, number>()
    for (const row of rows) {
      const run = Number(row.run)
      const bytes = Number(this.#size.get(Number(row.segment))?.bytes ?? 0)
      sizes.set(run, (sizes.get(run) ?? 0) + bytes)
    }
    // Where the list was cut, the last run may be known in part only.
    if (rows.length === listedMax) sizes.delete(Number(rows[rows.length - 1]?.run))
    return sizes
  }

  #merge(chain: readonly number[]): boolean {
    const first = chain[0]!
    const last = chain[chain.length - 1]!
    try {
      this.#spans.reading(() => inTransaction(this.#db, () => this.#rewrite(first, last)))
      return true
    } catch (error) {
      if (!isThingmeshError(error)) throw error
      // Damaged: readers are told, and it is left as it is.
      this.#done = last
      return true
    }
  }

  #rewrite(first: number, last: number): void {
    const spans = this.#inRuns.all(first, last).map(toSpanRow)
    const outputs = this.#distribute(spans)
    this.#dropSpans.run(first, last)
    for (const segment of new Set(spans.map(span => span.segment))) this.#dropSegment.run(segment)
    let messages = 0
    for (const rows of outputs) {
      rows.sort((a, b) => a.sequence - b.sequence)
      this.#writer.begin()
      for (const { reader, at } of rows) {
        reader.seek(at)
        this.#writer.copy(reader)
      }
      const merged = this.#writer.finish()
      messages += this.#spans.add(merged, first).messages
      freeSegment(merged)
    }
    const expected = spans.reduce((sum, span) => sum + span.count, 0)
    if (messages !== expected) {
      throw new ThingmeshError('internal', `merging runs ${first} to ${last} found ${messages} of ${expected} messages`)
    }
  }

  /** The live rows, by the segment that they go to: channels with much in them apart, the others together. */
  #distribute(spans: readonly SpanRow[]): Row[][] {
    const channelBytes = new Map<number, number>()
    for (const { channel, bytes } of spans) channelBytes.set(channel, (channelBytes.get(channel) ?? 0) + bytes)
    const mixed: Row[] = []
    const outputs = new Map<number, Row[]>()
    for (const [channel, bytes] of channelBytes) outputs.set(channel, bytes >= ownSegmentBytesMin ? [] : mixed)
    for (const [segment, inSegment] of groupBySegment(spans)) {
      const reader = this.#spans.open(segment)
      const live = this.#spans.byTopic(reader, inSegment)
      while (reader.next()) {
        const span = live[reader.topic]
        if (span === undefined || reader.sequence < span.first) continue
        outputs.get(span.channel)!.push({ reader, at: reader.at, sequence: reader.sequence })
      }
    }
    return [...new Set(outputs.values())].filter(rows => rows.length > 0)
  }
}

function groupBySegment(spans: readonly SpanRow[]): Map<number, SpanRow[]> {
  const segments = new Map<number, SpanRow[]>()
  for (const span of spans) {
    const known = segments.get(span.segment)
    if (known === undefined) segments.set(span.segment, [span])
    else known.push(span)
  }
  return segments
}
