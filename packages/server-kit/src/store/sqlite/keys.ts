import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { KeyRecord } from '../../contracts/index.ts'

/** Idempotency keys, in the worker. */
export class SqliteKeys {
  readonly #all: StatementSync
  readonly #note: StatementSync
  readonly #forget: StatementSync

  constructor(db: DatabaseSync) {
    this.#all = db.prepare('SELECT sequence, domain, publisher, key FROM draft_key ORDER BY sequence')
    this.#note = db.prepare('INSERT INTO draft_key (sequence, domain, publisher, key) VALUES (?, ?, ?, ?)')
    this.#forget = db.prepare('DELETE FROM draft_key WHERE sequence = ?')
  }

  load(): readonly KeyRecord[] {
    return this.#all.all().map(({ sequence, domain, publisher, key }) => ({
      domain: String(domain),
      publisher: String(publisher),
      key: String(key),
      sequence: Number(sequence),
    }))
  }

  /** Inside a transaction, as is the one below. */
  note(keys: readonly KeyRecord[]): void {
    for (const { sequence, domain, publisher, key } of keys) this.#note.run(sequence, domain, publisher, key)
  }

  forget(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#forget.run(sequence)
  }
}
