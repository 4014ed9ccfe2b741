import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { PrunePlan, PruneReport } from '../../contracts/index.ts'
import { trimSpan } from '../segment/span.ts'
import type { Channels } from './channels.ts'
import { inTransaction, readPragma } from './database.ts'
import type { SqliteLog } from './log.ts'
import { type SpanRow, type Spans, spanColumns, toSpanRow } from './spans.ts'

const spansPerSlice = 256
const bytesPerSlice = 8 * 1024 * 1024
const vacuumPages = 512

/** Carries out retention in slices, between which the worker does what else it was asked. */
export class Pruner {
  readonly #db: DatabaseSync
  readonly #channels: Channels
  readonly #spans: Spans
  readonly #log: SqliteLog
  readonly #oldest: StatementSync
  readonly #total: StatementSync

  constructor(db: DatabaseSync, channels: Channels, spans: Spans, log: SqliteLog) {
    this.#db = db
    this.#channels = channels
    this.#spans = spans
    this.#log = log
    this.#oldest = db.prepare(`SELECT ${spanColumns} FROM span WHERE channel = ? ORDER BY last LIMIT ${spansPerSlice}`)
    this.#total = db.prepare('SELECT ifnull(sum(bytes), 0) AS bytes FROM span WHERE channel = ?')
  }

  *prune(plans: readonly PrunePlan[]): Generator<undefined, readonly PruneReport[]> {
    const reports: PruneReport[] = []
    for (const plan of plans) {
      let messages = 0
      let bytes = 0
      let through = 0
      for (;;) {
        const slice = this.#slice(plan)
        messages += slice.messages
        bytes += slice.bytes
        through = Math.max(through, slice.through)
        yield
        if (!slice.more) break
      }
      if (messages > 0) reports.push({ domain: plan.domain, channel: plan.channel, messages, bytes, through })
    }
    if (reports.length > 0) yield* this.#shrinkFile()
    return reports
  }

  #slice(plan: PrunePlan): PruneReport & { readonly more: boolean } {
    const { domain, channel, beforeMs, bytesMax, through } = plan
    const nothing = { domain, channel, messages: 0, bytes: 0, through: 0, more: false }
    const id = this.#channels.find(domain, channel)?.id
    if (id === undefined) return nothing
    const spans = this.#oldest.all(id).map(toSpanRow)
    let left = bytesMax === undefined ? 0 : Number(this.#total.get(id)?.bytes ?? 0)
    const past: SpanRow[] = []
    let bytes = 0
    for (const span of spans) {
      const isPast =
        (through !== undefined && span.last <= through) ||
        (beforeMs !== undefined && span.maxMs < beforeMs) ||
        (bytesMax !== undefined && left - span.bytes >= bytesMax)
      if (!isPast || bytes >= bytesPerSlice) break
      past.push(span)
      left -= span.bytes
      bytes += span.bytes
    }
    const straddling = spans[past.length]
    const isTrimmed =
      straddling !== undefined && through !== undefined && straddling.first <= through && straddling.last > through
    if (past.length === 0 && !isTrimmed) return nothing
    let messages = past.reduce((sum, span) => sum + span.count, 0)
    let highest = past[past.length - 1]?.last ?? 0
    inTransaction(this.#db, () => {
      this.#log.keepLast()
      for (const span of past) this.#spans.remove(span)
      if (!isTrimmed) return
      const before = { ...straddling, domain, channel }
      const { left: rest, highestGone } = this.#spans.reading(() =>
        trimSpan(this.#spans.open(straddling.segment), before, through),
      )
      this.#spans.shrink(straddling, rest)
      messages += straddling.count - rest.count
      bytes += straddling.bytes - rest.bytes
      highest = highestGone
    })
    const more = past.length === spansPerSlice || bytes >= bytesPerSlice
    return { domain, channel, messages, bytes, through: highest, more }
  }

  /** Pages that stay free for the appends to come are no loss; much more than that goes back to the disk. */
  *#shrinkFile(): Generator<undefined, void> {
    const free = () => Number(readPragma(this.#db, 'freelist_count'))
    const isMuch = (share: number) =>
      free() * share > Number(readPragma(this.#db, 'page_count')) && free() > vacuumPages
    if (!isMuch(4)) return
    while (isMuch(8)) {
      const before = free()
      this.#db.exec(`PRAGMA incremental_vacuum(${vacuumPages})`)
      if (free() >= before) break
      yield
    }
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }
}
