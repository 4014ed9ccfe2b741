import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { matchesFilter } from '@thingmesh/core'
import { freeSegment } from '../segment/free.ts'
import { SegmentReader } from '../segment/reader.ts'
import { SegmentWriter } from '../segment/writer.ts'
import type { OperationOf, Results } from './protocol.ts'

/** Last values, in the worker: each a segment of one message. */
export class SqliteRetained {
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #topics: StatementSync
  readonly #inRange: StatementSync
  readonly #writer = new SegmentWriter()

  constructor(db: DatabaseSync) {
    this.#put = db.prepare(
      `INSERT INTO retained (domain, topic, sequence, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (domain, topic) DO UPDATE SET sequence = excluded.sequence, body = excluded.body`,
    )
    this.#delete = db.prepare('DELETE FROM retained WHERE domain = ? AND topic = ?')
    this.#topics = db.prepare('SELECT domain, topic, sequence FROM retained')
    this.#inRange = db.prepare(
      'SELECT topic, body FROM retained WHERE domain = ? AND topic >= ? AND topic < ? AND topic > ? ORDER BY topic',
    )
  }

  /** Inside a transaction: the messages become the last values of their topics, in order; an empty payload clears. */
  put(segment: Uint8Array): void {
    const reader = new SegmentReader(segment, 'of last values')
    while (reader.next()) {
      const { domain, topic } = reader.topics[reader.topic]!
      if (reader.payloadBytes === 0) {
        this.#delete.run(domain, topic)
        continue
      }
      this.#writer.begin()
      this.#writer.copy(reader)
      const body = this.#writer.finish()
      this.#put.run(domain, topic, reader.sequence, body)
      freeSegment(body)
    }
  }

  topics(): Results['topics'] {
    return this.#topics.all().map(row => ({
      domain: String(row.domain),
      topic: String(row.topic),
      sequence: Number(row.sequence),
    }))
  }

  /** A segment, ordered by topic (UTF-8), from behind `afterTopic`. */
  match({ domain, filters, limit, afterTopic = '' }: OperationOf<'match'>): Buffer<ArrayBuffer> {
    const prefix = filters.length === 1 ? literalPrefix(filters[0]!) : ''
    this.#writer.begin()
    if (limit <= 0) return this.#writer.finish()
    for (const row of this.#inRange.iterate(domain, prefix, `${prefix}\u{10ffff}`, afterTopic)) {
      const topic = String(row.topic)
      if (!filters.some(filter => matchesFilter(filter, topic))) continue
      const reader = new SegmentReader(row.body as Uint8Array, `of the last value of ${topic}`)
      while (reader.next()) this.#writer.copy(reader)
      freeSegment(reader.bytes)
      if (this.#writer.count >= limit) break
    }
    return this.#writer.finish()
  }
}

/** The text that every topic that matches begins with. `a/#` also matches `a`. */
function literalPrefix(filter: string): string {
  const levels = filter.split('/')
  const wild = levels.findIndex(level => level === '+' || level === '#')
  return wild === -1 ? filter : levels.slice(0, wild).join('/')
}
