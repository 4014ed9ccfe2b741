import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { Part, Stretch } from '../segment/page.ts'
import type { Selection } from '../segment/selection.ts'
import type { Channels } from './channels.ts'
import type { Spans } from './spans.ts'

/** Index rows that one call may visit. */
const visitedMax = 16_384
const listedMax = 2_048
/** Beyond this many channels, walking the runs is cheaper than asking for each channel. */
const channelsMax = 64

type Row = Record<string, SQLOutputValue>

interface Entry {
  readonly channel: number
  readonly run: number
  readonly segment: number
  readonly first: number
  readonly last: number
  readonly isInTime: boolean
}

interface Statements {
  readonly ofChannel: StatementSync
  readonly ofChannelNewest: StatementSync
  readonly ofAll: StatementSync
  readonly ofAllNewest: StatementSync
}

/** Finds the runs that a query has to look through, in its direction, without opening them. */
export class Scan {
  readonly #channels: Channels
  readonly #spans: Spans
  readonly #untimed: Statements
  readonly #timed: Statements
  readonly #startRun: StatementSync

  constructor(db: DatabaseSync, channels: Channels, spans: Spans) {
    this.#channels = channels
    this.#spans = spans
    // The index by run covers the untimed columns.
    this.#untimed = prepare(db, 'channel, run, segment, first, last')
    this.#timed = prepare(db, 'channel, run, segment, first, last, min_ms, max_ms')
    this.#startRun = db.prepare('SELECT max(run) AS run FROM span WHERE run <= ?')
  }

  stretches(selection: Selection): Iterable<Stretch> {
    const named = selection.channels
    return named !== undefined && named.size <= channelsMax ? this.#byChannel(selection, named) : this.#byRun(selection)
  }

  *#byChannel(selection: Selection, named: ReadonlyMap<string, number>): Generator<Stretch> {
    const { newest = false, domain } = selection.query
    const perChannel = Math.max(16, Math.floor(listedMax / Math.max(named.size, 1)))
    const runs = new Map<number, Entry[]>()
    /** The entry behind which a channel has more than was listed: runs beyond it are not known entirely. */
    let bound: Entry | undefined
    for (const [name, after] of named) {
      const channel = this.#channels.find(domain, name)
      if (channel === undefined) continue
      const entries = this.#list(selection, channel.id, after, perChannel)
      for (const entry of entries) {
        const known = runs.get(entry.run)
        if (known === undefined) runs.set(entry.run, [entry])
        else known.push(entry)
      }
      const last = entries[entries.length - 1]
      if (last === undefined || entries.length < perChannel) continue
      if (bound === undefined || (newest ? last.run > bound.run : last.run < bound.run)) bound = last
    }
    for (const run of [...runs.keys()].sort((a, b) => (newest ? b - a : a - b))) {
      if (bound !== undefined && (newest ? run < bound.run : run > bound.run)) break
      yield this.#toStretch(run, runs.get(run)!)
    }
    if (bound !== undefined) yield { from: bound.last + 1, open: undefined }
  }

  #list(selection: Selection, channel: number, after: number, limit: number): Entry[] {
    const { newest = false } = selection.query
    const statements = this.#statements(selection)
    const before = Math.min(selection.before, Number.MAX_SAFE_INTEGER)
    const rows = newest
      ? statements.ofChannelNewest.all(channel, channel, before, before, after, limit)
      : statements.ofChannel.all(channel, after, before, limit)
    return rows.map(row => toEntry(row, selection))
  }

  *#byRun(selection: Selection): Generator<Stretch> {
    const { newest = false, domain } = selection.query
    const statements = this.#statements(selection)
    const before = Math.min(selection.before, Number.MAX_SAFE_INTEGER)
    const rows = newest
      ? statements.ofAllNewest.iterate(before)
      : statements.ofAll.iterate(Number(this.#startRun.get(selection.after + 1)?.run ?? 0), before)
    let visited = 0
    let run = -1
    let lastInRun = 0
    let wanted: Entry[] = []
    for (const row of rows) {
      const entry = toEntry(row, selection)
      if (entry.run !== run) {
        if (wanted.length > 0) yield this.#toStretch(run, wanted)
        if (newest && run !== -1 && lastInRun <= selection.after) return
        if (visited >= visitedMax) {
          // Nothing in there, and that it was looked at is progress.
          yield { from: run, open: () => [] }
          yield { from: entry.run, open: undefined }
          return
        }
        run = entry.run
        lastInRun = 0
        wanted = []
      }
      visited++
      lastInRun = Math.max(lastInRun, entry.last)
      const channel = this.#channels.byId(entry.channel)
      if (channel === undefined || channel.domain !== domain || !selection.wantsChannel(channel.name)) continue
      if (entry.isInTime && entry.last > selection.after) wanted.push(entry)
    }
    if (wanted.length > 0) yield this.#toStretch(run, wanted)
  }

  #statements({ query }: Selection): Statements {
    return query.fromMs === undefined && query.toMs === undefined ? this.#untimed : this.#timed
  }

  #toStretch(run: number, entries: readonly Entry[]): Stretch {
    return { from: run, open: () => this.#open(entries) }
  }

  #open(entries: readonly Entry[]): Part[] {
    const live = new Map<number, Map<string, number>>()
    for (const { segment, channel, first, isInTime } of entries) {
      if (!isInTime) continue
      let inSegment = live.get(segment)
      if (inSegment === undefined) {
        inSegment = new Map()
        live.set(segment, inSegment)
      }
      inSegment.set(this.#channels.byId(channel)!.name, first)
    }
    return [...live].map(([segment, channels]) => ({ reader: this.#spans.open(segment), live: channels }))
  }
}

function prepare(db: DatabaseSync, columns: string): Statements {
  return {
    ofChannel: db.prepare(
      `SELECT ${columns} FROM span WHERE channel = ? AND last > ? AND first < ? ORDER BY last LIMIT ?`,
    ),
    // The spans of a channel do not overlap: the lowest that ends at or above `before` is the only one that may straddle it.
    ofChannelNewest: db.prepare(
      `SELECT ${columns} FROM span
       WHERE channel = ?
         AND last <= ifnull((SELECT min(last) FROM span WHERE channel = ? AND last >= ?), ${Number.MAX_SAFE_INTEGER})
         AND first < ? AND last > ?
       ORDER BY last DESC LIMIT ?`,
    ),
    ofAll: db.prepare(`SELECT ${columns} FROM span INDEXED BY span_by_run WHERE run >= ? AND run < ? ORDER BY run`),
    ofAllNewest: db.prepare(`SELECT ${columns} FROM span INDEXED BY span_by_run WHERE run < ? ORDER BY run DESC`),
  }
}

function toEntry(row: Row, { query: { fromMs, toMs } }: Selection): Entry {
  return {
    channel: row.channel as number,
    run: row.run as number,
    segment: row.segment as number,
    first: row.first as number,
    last: row.last as number,
    isInTime:
      (fromMs === undefined || (row.max_ms as number) >= fromMs) &&
      (toMs === undefined || (row.min_ms as number) < toMs),
  }
}
