import type { DatabaseSync } from 'node:sqlite'
import { ThingmeshError } from '@thingmesh/core'
import type { LogEpoch, MessageQuery } from '../../contracts/index.ts'
import { type RawPage, readPage } from '../segment/page.ts'
import { Selection } from '../segment/selection.ts'
import { SegmentWriter } from '../segment/writer.ts'
import type { Channels } from './channels.ts'
import { SqliteLineage } from './lineage.ts'
import type { Meta } from './meta.ts'
import type { OperationOf } from './protocol.ts'
import type { SqliteRetained } from './retained.ts'
import { Scan } from './scan.ts'
import type { Spans } from './spans.ts'

/** The log's tables, in the worker. */
export class SqliteLog {
  readonly origin: string
  readonly #lineage: SqliteLineage
  readonly #meta: Meta
  readonly #spans: Spans
  readonly #retained: SqliteRetained
  readonly #scan: Scan
  readonly #pageWriter = new SegmentWriter()
  #reserved: number
  /** The highest sequence that was appended; also inside a transaction that is not committed. */
  #last: number

  constructor(db: DatabaseSync, meta: Meta, channels: Channels, spans: Spans, retained: SqliteRetained) {
    this.origin = meta.origin()
    this.#meta = meta
    this.#spans = spans
    this.#retained = retained
    this.#scan = new Scan(db, channels, spans)
    const inLog = db.prepare('SELECT max(last) AS last FROM span WHERE run = (SELECT max(run) FROM span)').get()?.last
    this.#last = Math.max(meta.mark('last'), Number(inLog ?? 0))
    this.#reserved = meta.mark('reserved')
    this.#lineage = new SqliteLineage(db, this.nextSequence)
  }

  get lineage(): readonly LogEpoch[] {
    return this.#lineage.epochs
  }

  get last(): number {
    return this.#last
  }

  get nextSequence(): number {
    return Math.max(this.#reserved, this.#last + 1)
  }

  /** Inside a transaction. */
  reserve(below: number): void {
    if (below <= this.#reserved) return
    this.#meta.setMark('reserved', below)
    this.#reserved = below
  }

  /** Inside a transaction. */
  append({ first, last, log, retained }: OperationOf<'append'>): void {
    if (first <= this.#last) {
      throw new ThingmeshError('invalid-argument', `sequence ${first} is not above ${this.#last}, the last one`)
    }
    this.#lineage.write()
    const lastInLog = log === undefined ? 0 : this.#spans.add(log).last
    if (retained !== undefined) this.#retained.put(retained)
    // What is in the log says so itself, until it is pruned.
    if (lastInLog < last) this.#meta.setMark('last', last)
    this.#last = last
  }

  /** Inside a transaction that removes from the log. */
  keepLast(): void {
    if (this.#meta.mark('last') < this.#last) this.#meta.setMark('last', this.#last)
  }

  /** After a transaction was rolled back: what it was when that began. */
  restore({ last, reserved, hasEpoch }: ReturnType<SqliteLog['snapshot']>): void {
    this.#last = last
    this.#reserved = reserved
    this.#lineage.restore(hasEpoch)
  }

  snapshot(): { readonly last: number; readonly reserved: number; readonly hasEpoch: boolean } {
    return { last: this.#last, reserved: this.#reserved, hasEpoch: this.#lineage.isWritten }
  }

  read(query: MessageQuery): RawPage {
    const selection = new Selection(query)
    return this.#spans.reading(() => readPage(selection, this.#last, this.#scan.stretches(selection), this.#pageWriter))
  }
}
