import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LoanRecord } from '../../contracts/index.ts'
import type { GroupRow, LoadedGroupRow, OperationOf } from './protocol.ts'

type Move = OperationOf<'advanceGroups'>['moves'][number]

/** Groups, in the worker. Moves wait in memory for the next transaction, as those of sessions do. */
export class SqliteGroups {
  readonly #all: StatementSync
  readonly #loans: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #forgetAll: StatementSync
  readonly #lend: StatementSync
  readonly #advance: StatementSync
  readonly #forget: StatementSync
  readonly #moves = new Map<string, Move>()

  constructor(db: DatabaseSync) {
    this.#all = db.prepare('SELECT id, position, owed, body FROM share')
    this.#loans = db.prepare('SELECT sequence, session, tag, received FROM loan WHERE share = ? ORDER BY sequence')
    this.#put = db.prepare(
      `INSERT INTO share (id, position, owed, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET position = excluded.position, owed = excluded.owed, body = excluded.body`,
    )
    this.#delete = db.prepare('DELETE FROM share WHERE id = ?')
    this.#forgetAll = db.prepare('DELETE FROM loan WHERE share = ?')
    // Nothing is noted for a group that has no record: it ends with its members' connections, or has ended.
    this.#lend = db.prepare(
      `INSERT INTO loan (share, sequence, session, tag, received) SELECT id, ?, ?, ?, ? FROM share WHERE id = ?
       ON CONFLICT (share, sequence) DO UPDATE
       SET session = excluded.session, tag = excluded.tag, received = excluded.received`,
    )
    this.#advance = db.prepare('UPDATE share SET position = ?, owed = ? WHERE id = ? AND position <= ?')
    this.#forget = db.prepare(
      `DELETE FROM loan WHERE share = ? AND sequence <= ? AND sequence NOT IN (SELECT value FROM json_each(?))`,
    )
  }

  get hasMoves(): boolean {
    return this.#moves.size > 0
  }

  load(): readonly LoadedGroupRow[] {
    return this.#all.all().map(row => {
      const id = String(row.id)
      const loans: LoanRecord[] = this.#loans.all(id).map(({ sequence, session, tag, received }) => ({
        sequence: Number(sequence),
        session: String(session),
        tag: Number(tag),
        received: received === 1,
      }))
      return { id, position: Number(row.position), owed: String(row.owed), body: String(row.body), loans }
    })
  }

  move(moves: readonly Move[]): void {
    for (const move of moves) {
      const known = this.#moves.get(move.id)
      if (known === undefined || known.position <= move.position) this.#moves.set(move.id, move)
    }
  }

  /** Inside a transaction, and first in it: moves were called before whatever else is in there. */
  writeMoves(): void {
    for (const { id, position, owed } of this.#moves.values()) {
      const { changes } = this.#advance.run(position, owed, id, position)
      if (changes > 0) this.#forget.run(id, position, owed)
    }
  }

  /** Once that is committed. */
  forgetMoves(): void {
    this.#moves.clear()
  }

  /** Inside a transaction, as are the two below. */
  save(records: readonly GroupRow[]): void {
    for (const { id, position, owed, body } of records) this.#put.run(id, position, owed, body)
  }

  lend(loans: OperationOf<'lend'>['loans']): void {
    for (const { group, sequence, session, tag, received } of loans) {
      this.#lend.run(sequence, session, tag, received ? 1 : 0, group)
    }
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) {
      this.#delete.run(id)
      this.#forgetAll.run(id)
    }
  }
}
