import { type Outbox, type OutboxEntry, resolveOptions } from '@thingmesh/core'
import {
  beginLog,
  change,
  type FoundRecord,
  isEntry,
  type OnLost,
  openDatabase,
  readEntries,
  toWriteError,
} from './database.ts'
import { takeLock } from './page-lock.ts'

export interface IndexedDbOutboxOptions {
  /** Tells it from other outboxes of the same origin. */
  readonly name: string
  /**
   * What an entry survives before a publish settles: `strict`, as far as the browser and its disk keep their word, a power
   * cut, by a flush that all entries of a moment share, the default; `relaxed`, the end of the page and the browser alone.
   */
  readonly durability?: 'strict' | 'relaxed' | undefined
  /**
   * One page at a time has the outbox. How long to wait for another one to let go of it before `conflict`: 2,000 by
   * default, for a page that is reloaded may take a moment to go; `Infinity` waits until the other one is closed.
   */
  readonly waitMs?: number | undefined
  /** Told of each record that was found and is no draft. It is set aside in the database, in the store `damaged`. */
  readonly onDamaged?: ((damaged: FoundRecord) => void) | undefined
  /**
   * Told, in the browser's words, where it found what the site keeps in IndexedDB damaged, and has thrown away all of it, the
   * outbox too. Chromium tells whoever opens a database first after that, and no other browser does.
   */
  readonly onLost?: OnLost | undefined
}

/**
 * Drafts in IndexedDB, so that they outlive the page and the browser. A browser that is short of room may clear what a site
 * keeps unless `navigator.storage.persist()` was granted. Throws `TypeError` for options that make no sense.
 */
export function indexedDbOutbox(options: IndexedDbOutboxOptions): Outbox {
  return new IndexedDbOutbox(options)
}

class IndexedDbOutbox implements Outbox {
  readonly durable = true
  readonly #name: string
  readonly #durability: 'strict' | 'relaxed'
  readonly #waitMs: number
  readonly #onDamaged: IndexedDbOutboxOptions['onDamaged']
  readonly #onLost: OnLost | undefined
  #database: IDBDatabase | undefined
  #letGo: (() => void) | undefined

  constructor(options: IndexedDbOutboxOptions) {
    const { name, onDamaged, onLost } = options
    const { durability, waitMs } = resolveOptions(options, {
      durability: ['strict', 'relaxed'],
      waitMs: [2_000, 0],
    })
    this.#name = `thingmesh-outbox:${name}`
    this.#durability = durability
    this.#waitMs = waitMs
    this.#onDamaged = onDamaged
    this.#onLost = onLost
  }

  async open(): Promise<readonly OutboxEntry[]> {
    this.#letGo = await takeLock(this.#name, this.#waitMs)
    try {
      await beginLog(this.#name, this.#onLost)
      return await this.#read()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async write(entries: readonly OutboxEntry[], gone: readonly number[]): Promise<void> {
    if (this.#letGo === undefined) throw new TypeError('the outbox is not open')
    // One that could not be removed is sent once more after the next start, under the key that the hub knows.
    const attempt = async (): Promise<void> =>
      change(await this.#open(), entries.length > 0 ? this.#durability : 'relaxed', store => {
        for (const entry of entries) store('entries').put(toOwnMemory(entry), entry.sequence)
        for (const sequence of gone) store('entries').delete(sequence)
      })
    try {
      await attempt().catch(() => {
        // What the user has just cleared fails first, and is said to be closed after that.
        this.#shut()
        return attempt()
      })
    } catch (cause) {
      throw toWriteError(
        cause,
        entries.reduce((bytes, { payload }) => bytes + payload.length, 0),
      )
    }
  }

  async close(): Promise<void> {
    const letGo = this.#letGo
    this.#letGo = undefined
    this.#shut()
    letGo?.()
  }

  #shut(): void {
    this.#database?.close()
    this.#database = undefined
  }

  async #read(): Promise<readonly OutboxEntry[]> {
    const database = await this.#open()
    const entries: OutboxEntry[] = []
    const damaged: FoundRecord[] = []
    for (const record of await readEntries(database)) {
      if (isEntry(record.value, record.key)) entries.push(record.value)
      else damaged.push(record)
    }
    if (damaged.length > 0) {
      await change(database, this.#durability, store => {
        for (const { key, value } of damaged) {
          store('damaged').put({ key, value }, [Date.now(), key])
          store('entries').delete(key)
        }
      })
    }
    for (const record of damaged) this.#onDamaged?.(record)
    return entries
  }

  /** Once more where the browser has closed it, because the user cleared what the site keeps, say. */
  async #open(): Promise<IDBDatabase> {
    if (this.#database !== undefined) return this.#database
    const database = await openDatabase(this.#name, this.#onLost)
    database.addEventListener('close', () => {
      this.#database = undefined
    })
    this.#database = database
    return database
  }
}

/** The browser writes all of the memory that the bytes are a view of. */
function toOwnMemory(entry: OutboxEntry): OutboxEntry {
  const { payload } = entry
  return payload.length === payload.buffer.byteLength ? entry : { ...entry, payload: payload.slice() }
}
