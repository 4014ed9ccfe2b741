import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { channelKey } from '../segment/span.ts'

export interface ChannelRow {
  readonly id: number
  readonly domain: string
  readonly name: string
}

/** The channels that the log has or had messages of, all in memory. */
export class Channels {
  readonly #byId = new Map<number, ChannelRow>()
  readonly #byKey = new Map<string, ChannelRow>()
  readonly #all: StatementSync
  readonly #insert: StatementSync

  constructor(db: DatabaseSync) {
    db.exec('DELETE FROM channel WHERE NOT EXISTS (SELECT 1 FROM span WHERE span.channel = channel.id)')
    this.#all = db.prepare('SELECT id, domain, name FROM channel')
    this.#insert = db.prepare('INSERT INTO channel (domain, name) VALUES (?, ?)')
    this.reload()
  }

  /** After a transaction that was rolled back: what it inserted is not there. */
  reload(): void {
    this.#byId.clear()
    this.#byKey.clear()
    for (const { id, domain, name } of this.#all.iterate()) {
      this.#remember({ id: Number(id), domain: String(domain), name: String(name) })
    }
  }

  find(domain: string, name: string): ChannelRow | undefined {
    return this.#byKey.get(channelKey(domain, name))
  }

  byId(id: number): ChannelRow | undefined {
    return this.#byId.get(id)
  }

  /** Inside a transaction. */
  idOf(domain: string, name: string): number {
    const known = this.find(domain, name)
    if (known !== undefined) return known.id
    const id = Number(this.#insert.run(domain, name).lastInsertRowid)
    this.#remember({ id, domain, name })
    return id
  }

  #remember(row: ChannelRow): void {
    this.#byId.set(row.id, row)
    this.#byKey.set(channelKey(row.domain, row.name), row)
  }
}
