import { randomBytes } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LogId } from '@thingmesh/core'

/** Single values: the log's identity, and marks that no row would otherwise keep. */
export class Meta {
  readonly #read: StatementSync
  readonly #write: StatementSync

  constructor(db: DatabaseSync) {
    this.#read = db.prepare('SELECT value FROM meta WHERE name = ?')
    this.#write = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
  }

  logId(): LogId {
    return { origin: this.#identity('origin'), epoch: this.#identity('epoch') }
  }

  /** A high-water mark, 0 where it was never set. */
  mark(name: 'reserved' | 'last'): number {
    return Number(this.#read.get(name)?.value ?? 0)
  }

  setMark(name: 'reserved' | 'last', value: number): void {
    this.#write.run(name, value)
  }

  #identity(name: 'origin' | 'epoch'): string {
    const known = this.#read.get(name)?.value
    if (typeof known === 'string') return known
    const made = randomBytes(16).toString('hex')
    this.#write.run(name, made)
    return made
  }
}
