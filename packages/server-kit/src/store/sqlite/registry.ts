import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { RegistryRow, Results } from './protocol.ts'

/** The registry's rows, in the worker. */
export class SqliteRegistry {
  readonly #all: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync

  constructor(db: DatabaseSync) {
    this.#all = db.prepare('SELECT kind, id, value FROM registry')
    this.#put = db.prepare(
      'INSERT INTO registry (kind, id, value) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value',
    )
    this.#delete = db.prepare('DELETE FROM registry WHERE kind = ? AND id = ?')
  }

  load(): Results['loadRegistry'] {
    return this.#all.all().map(row => ({ kind: String(row.kind), id: String(row.id), value: String(row.value) }))
  }

  /** Inside a transaction. */
  write(changes: readonly RegistryRow[]): void {
    for (const { kind, id, value } of changes) {
      if (value === null) this.#delete.run(kind, id)
      else this.#put.run(kind, id, value)
    }
  }
}
