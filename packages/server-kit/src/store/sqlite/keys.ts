import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { KeyRecord } from '../../contracts/index.ts'
import { type KeyBatch, keysOf, letGo } from './key-batch.ts'

/** Which keys of a batch are there. */
type Row = Omit<KeyBatch, 'body'>

/** Idempotency keys, in the worker. A row for each key costs more than all the rest of a message. */
export class SqliteKeys {
  readonly #all: StatementSync
  readonly #note: StatementSync
  readonly #find: StatementSync
  readonly #mark: StatementSync
  readonly #remove: StatementSync

  constructor(db: DatabaseSync) {
    this.#all = db.prepare('SELECT first, last, live, body FROM key_batch ORDER BY first')
    this.#note = db.prepare('INSERT INTO key_batch (first, last, live, body) VALUES (?, ?, ?, ?)')
    this.#find = db.prepare('SELECT first, last, live FROM key_batch WHERE first <= ? ORDER BY first DESC LIMIT 1')
    this.#mark = db.prepare('UPDATE key_batch SET live = ? WHERE first = ?')
    this.#remove = db.prepare('DELETE FROM key_batch WHERE first = ?')
  }

  load(): readonly KeyRecord[] {
    const batches = this.#all.all() as unknown as KeyBatch[]
    return batches.flatMap(keysOf).sort((a, b) => a.sequence - b.sequence)
  }

  /** Inside a transaction, as is the one below. */
  note(batches: readonly KeyBatch[]): void {
    for (const { first, last, live, body } of batches) this.#note.run(first, last, live, body)
  }

  /** They mostly go in the order in which they came, so that those of a batch come together. */
  forget(sequences: readonly number[]): void {
    let row: Row | undefined
    for (const sequence of sequences) {
      if (row === undefined || sequence < row.first || sequence > row.last) {
        this.#write(row)
        row = this.#rowOf(sequence)
      }
      if (row !== undefined) letGo(row, sequence)
    }
    this.#write(row)
  }

  #rowOf(sequence: number): Row | undefined {
    const row = this.#find.get(sequence) as unknown as Row | undefined
    return row !== undefined && sequence <= row.last ? row : undefined
  }

  #write(row: Row | undefined): void {
    if (row === undefined) return
    if (row.live.every(byte => byte === 0)) this.#remove.run(row.first)
    else this.#mark.run(row.live, row.first)
  }
}
