import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Transfer } from '../../contracts/index.ts'
import type { LoadedSessionRow, OperationOf, SessionRow } from './protocol.ts'

/** Sessions, in the worker. Moves of cursors wait in memory for the next transaction: losing some only repeats deliveries. */
export class SqliteSessions {
  readonly #all: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #advance: StatementSync
  readonly #begin: StatementSync
  readonly #release: StatementSync
  readonly #transfers: StatementSync
  readonly #forgetTransfers: StatementSync
  readonly #receive: StatementSync
  readonly #receptions: StatementSync
  readonly #forgetReceptions: StatementSync
  readonly #moves = new Map<string, number>()

  constructor(db: DatabaseSync) {
    this.#all = db.prepare('SELECT id, cursor, body FROM session')
    this.#put = db.prepare(
      `INSERT INTO session (id, cursor, body) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET cursor = excluded.cursor, body = excluded.body`,
    )
    this.#delete = db.prepare('DELETE FROM session WHERE id = ?')
    this.#advance = db.prepare('UPDATE session SET cursor = ? WHERE id = ? AND cursor < ?')
    // Nothing is noted for a session that has no record: it ends with its connection, or has ended.
    const forKnown = 'SELECT id, ? FROM session WHERE id = ?'
    this.#begin = db.prepare(`INSERT OR IGNORE INTO transfer (session, tag) ${forKnown}`)
    this.#release = db.prepare('DELETE FROM transfer WHERE session = ? AND tag = ?')
    this.#transfers = db.prepare('SELECT session, tag FROM transfer ORDER BY session, tag')
    this.#forgetTransfers = db.prepare('DELETE FROM transfer WHERE session = ?')
    this.#receive = db.prepare(`INSERT OR IGNORE INTO reception (session, sequence) ${forKnown}`)
    this.#receptions = db.prepare(
      `SELECT session, sequence FROM reception JOIN session ON session.id = reception.session
       WHERE sequence > cursor ORDER BY session, sequence`,
    )
    this.#forgetReceptions = db.prepare('DELETE FROM reception WHERE session = ? AND sequence <= ?')
  }

  get hasMoves(): boolean {
    return this.#moves.size > 0
  }

  load(): readonly LoadedSessionRow[] {
    const transfers = groupBySession(this.#transfers, 'tag')
    const received = groupBySession(this.#receptions, 'sequence')
    return this.#all.all().map(row => {
      const id = String(row.id)
      return {
        id,
        cursor: Number(row.cursor),
        body: String(row.body),
        transfers: transfers.get(id) ?? [],
        received: received.get(id) ?? [],
      }
    })
  }

  move(cursors: OperationOf<'advance'>['cursors']): void {
    for (const { id, cursor } of cursors) this.#moves.set(id, Math.max(cursor, this.#moves.get(id) ?? 0))
  }

  /** Inside a transaction, and first in it: moves were called before whatever else is in there. */
  writeMoves(): void {
    for (const [id, cursor] of this.#moves) {
      this.#advance.run(cursor, id, cursor)
      this.#forgetReceptions.run(id, cursor)
    }
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
    for (const id of ids) {
      this.#delete.run(id)
      this.#forgetTransfers.run(id)
      this.#forgetReceptions.run(id, Number.MAX_SAFE_INTEGER)
    }
  }

  /** Inside a transaction, as are the two below. */
  begin(transfers: readonly Transfer[]): void {
    for (const { session, tag } of transfers) this.#begin.run(tag, session)
  }

  release(transfers: readonly Transfer[]): void {
    for (const { session, tag } of transfers) this.#release.run(session, tag)
  }

  receive(receptions: OperationOf<'receive'>['receptions']): void {
    for (const { id, sequence } of receptions) this.#receive.run(sequence, id)
  }
}

function groupBySession(statement: StatementSync, column: string): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>()
  for (const row of statement.iterate()) {
    const session = String(row.session)
    const group = groups.get(session)
    if (group === undefined) groups.set(session, [Number(row[column])])
    else group.push(Number(row[column]))
  }
  return groups
}
