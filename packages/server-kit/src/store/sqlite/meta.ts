import { randomBytes } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Single values: who numbers the messages, and marks that no row would otherwise keep. */
export class Meta {
  readonly #read: StatementSync
  readonly #write: StatementSync

  constructor(db: DatabaseSync) {
    this.#read = db.prepare('SELECT value FROM meta WHERE name = ?')
    this.#write = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
  }

  /** Made where there is none yet. */
  origin(): string {
    const known = this.#read.get('origin')?.value
    if (typeof known === 'string') return known
    const made = randomBytes(16).toString('hex')
    this.#write.run('origin', made)
    return made
  }

  /** A high-water mark, 0 where it was never set. */
  mark(name: 'reserved' | 'last'): number {
    return Number(this.#read.get(name)?.value ?? 0)
  }

  setMark(name: 'reserved' | 'last', value: number): void {
    this.#write.run(name, value)
  }
}
