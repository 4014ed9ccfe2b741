import type { Outbox, OutboxEntry } from '@thingmesh/core'
import { change, type FoundRecord, isEntry, openDatabase, readEntries, toWriteError } from './database.ts'
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
}

interface Write {
  readonly entry?: OutboxEntry
  readonly gone: readonly number[]
  settle(error?: unknown): void
}

/**
 * Drafts in IndexedDB, so that they outlive the page and the browser. A browser that is short of room may clear what a site
 * keeps unless `navigator.storage.persist()` was granted.
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
  #database: IDBDatabase | undefined
  #letGo: (() => void) | undefined
  #writes: Write[] = []
  #writing: Promise<void> | undefined

  constructor({ name, durability = 'strict', waitMs = 2_000, onDamaged }: IndexedDbOutboxOptions) {
    this.#name = `thingmesh-outbox:${name}`
    this.#durability = durability
    this.#waitMs = waitMs
    this.#onDamaged = onDamaged
  }

  async open(): Promise<readonly OutboxEntry[]> {
    this.#letGo = await takeLock(this.#name, this.#waitMs)
    try {
      return await this.#read()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  append(entry: OutboxEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => (error === undefined ? resolve() : reject(error))
      this.#enqueue({ entry: toOwnMemory(entry), gone: [], settle })
    })
  }

  async remove(sequences: readonly number[]): Promise<void> {
    // One that could not be removed is sent once more after the next start, under the key that the hub knows.
    this.#enqueue({ gone: sequences, settle: () => undefined })
  }

  async close(): Promise<void> {
    const letGo = this.#letGo
    this.#letGo = undefined
    await this.#writing
    this.#database?.close()
    this.#database = undefined
    letGo?.()
  }

  #enqueue(write: Write): void {
    if (this.#letGo === undefined) {
      write.settle(new TypeError('the outbox is not open'))
      return
    }
    this.#writes.push(write)
    this.#writing ??= this.#writeAll()
  }

  /** While one batch is being written the next one gathers. */
  async #writeAll(): Promise<void> {
    while (this.#writes.length > 0) {
      const batch = this.#writes.splice(0)
      const failed = await this.#write(batch).then(
        () => false,
        () => true,
      )
      // Where there is no room for all there may be for some.
      for (const write of batch) write.settle(failed ? await this.#failureOf(write) : undefined)
    }
    // In the same turn as the look at what is left, or a write that comes in between would lie there.
    this.#writing = undefined
  }

  async #write(batch: readonly Write[]): Promise<void> {
    const isDurable = batch.some(({ entry }) => entry !== undefined)
    await change(await this.#open(), isDurable ? this.#durability : 'relaxed', store => {
      for (const { entry, gone } of batch) {
        if (entry !== undefined) store('entries').put(entry, entry.sequence)
        for (const sequence of gone) store('entries').delete(sequence)
      }
    })
  }

  async #failureOf(write: Write): Promise<unknown> {
    return this.#write([write]).then(
      () => undefined,
      cause => toWriteError(cause, write.entry?.payload.length ?? 0),
    )
  }

  async #read(): Promise<readonly OutboxEntry[]> {
    const database = await this.#open()
    const found = await readEntries(database)
    const damaged = found.filter(({ key, value }) => !isEntry(value, key))
    if (damaged.length > 0) {
      await change(database, this.#durability, store => {
        for (const { key, value } of damaged) {
          store('damaged').put({ key, value }, [Date.now(), key])
          store('entries').delete(key)
        }
      })
    }
    for (const record of damaged) this.#onDamaged?.(record)
    return found.flatMap(({ key, value }) => (isEntry(value, key) ? [value] : []))
  }

  /** Once more where the browser has closed it, because the user cleared what the site keeps, say. */
  async #open(): Promise<IDBDatabase> {
    if (this.#database !== undefined) return this.#database
    const database = await openDatabase(this.#name)
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
