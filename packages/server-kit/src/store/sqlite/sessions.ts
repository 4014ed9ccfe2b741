import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { OperationOf, SessionRow } from './protocol.ts'

/** Sessions, in the worker. Moves of cursors wait in memory for the next transaction: losing some only repeats deliveries. */
export class SqliteSessions {
  readonly #all: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #advance: StatementSync
  readonly #moves = new Map<string, number>()

  constructor(db: DatabaseSync) {
    this.#all = db.prepare('SELECT id, cursor, body FROM session')
    this.#put = db.prepare(
      `INSERT INTO session (id, cursor, body) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET cursor = excluded.cursor, body = excluded.body`,
    )
    this.#delete = db.prepare('DELETE FROM session WHERE id = ?')
    this.#advance = db.prepare('UPDATE session SET cursor = ? WHERE id = ? AND cursor < ?')
  }

  get hasMoves(): boolean {
    return this.#moves.size > 0
  }

  load(): readonly SessionRow[] {
    return this.#all.all().map(row => ({ id: String(row.id), cursor: Number(row.cursor), body: String(row.body) }))
  }

  move(cursors: OperationOf<'advance'>['cursors']): void {
    for (const { id, cursor } of cursors) this.#moves.set(id, Math.max(cursor, this.#moves.get(id) ?? 0))
  }

  /** Inside a transaction, and first in it: moves were called before whatever else is in there. */
  writeMoves(): void {
    for (const [id, cursor] of this.#moves) this.#advance.run(cursor, id, cursor)
  }

  /** Once that is committed. */
  forgetMoves(): void {
    this.#moves.clear()
  }

  /** Inside a transaction. */
  save(records: readonly SessionRow[]): void {
    for (const { id, cursor, body } of records) this.#put.run(id, cursor, body)
  }

  /** Inside a transaction. */
  remove(ids: readonly string[]): void {
    for (const id of ids) this.#delete.run(id)
  }
}
