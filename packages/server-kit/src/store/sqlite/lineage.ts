import { randomBytes } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LogEpoch } from '../../contracts/index.ts'

/** Written ones. A hub that is started every hour has them for half a year. */
const epochsMax = 4_096

/** The epochs of the log, in the worker: this start's, and those of before in which something was appended. */
export class SqliteLineage {
  readonly epochs: readonly LogEpoch[]
  readonly current: LogEpoch
  readonly #insert: StatementSync
  readonly #trim: StatementSync
  /** This start's is written; also inside a transaction that is not committed. */
  #isWritten: boolean

  /** `first`: the sequence that the next message takes. */
  constructor(db: DatabaseSync, first: number) {
    this.#insert = db.prepare('INSERT INTO epoch (first, name) VALUES (?, ?)')
    this.#trim = db.prepare(
      'DELETE FROM epoch WHERE first <= (SELECT first FROM epoch ORDER BY first DESC LIMIT 1 OFFSET ?)',
    )
    const rows = db.prepare('SELECT first, name FROM epoch ORDER BY first').all()
    const written = rows.map(row => ({ epoch: String(row.name), first: Number(row.first) }))
    const isNew = written.length === 0
    this.current = { epoch: randomBytes(16).toString('hex'), first: isNew ? 0 : first }
    this.epochs = [...written, this.current]
    this.#isWritten = isNew
    // The beginning of the log has a name before anything is in it.
    if (isNew) this.#insert.run(this.current.first, this.current.epoch)
  }

  get isWritten(): boolean {
    return this.#isWritten
  }

  /** Inside a transaction that appends. */
  write(): void {
    if (this.#isWritten) return
    this.#insert.run(this.current.first, this.current.epoch)
    this.#trim.run(epochsMax)
    this.#isWritten = true
  }

  /** After a transaction was rolled back: what it was when that began. */
  restore(isWritten: boolean): void {
    this.#isWritten = isWritten
  }
}
