import { type OutboxEntry, ThingmeshError } from '@thingmesh/core'

/** Counts up when the stores below, or what is in them, change. */
const version = 1

/** By sequence; and what was found among them and is no entry, by what it was found at. */
type StoreName = 'entries' | 'damaged'

/** Told, in the browser's words, why it has thrown away all that the site kept in IndexedDB. */
export type OnLost = (why: string) => void

/** What Chromium tells besides when it makes a database. */
interface MakingEvent extends IDBVersionChangeEvent {
  readonly dataLoss?: 'none' | 'total'
  readonly dataLossMessage?: string
}

/** Throws `unsupported` where the database is of a later version than this one. */
export async function openDatabase(name: string, onLost: OnLost | undefined): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version)
  request.addEventListener('upgradeneeded', ({ dataLoss, dataLossMessage = '' }: MakingEvent) => {
    // What throws in here undoes the making.
    if (dataLoss === 'total') queueMicrotask(() => onLost?.(dataLossMessage))
    const stores: readonly StoreName[] = ['entries', 'damaged']
    for (const store of stores) request.result.createObjectStore(store)
  })
  try {
    return await answerOf(request)
  } catch (error) {
    if (!isNamed(error, 'VersionError')) throw error
    throw new ThingmeshError('unsupported', `${name} is of a later version than ${version}`, {
      cause: error,
      outcome: 'not-sent',
    })
  }
}

/**
 * For Chromium, before anything else is written. It keeps what the pages of an origin have in IndexedDB in one LevelDB. A kill
 * may tear the last record of its log, which the next start takes for the log's end; but it writes on behind that, and to the
 * start after it the log is damaged, and all is thrown away. Once a database has been deleted, a new log is begun, and what was
 * torn is left behind: now and then a deletion comes to nothing, because a write is just under way, so there are two. Where they fail
 * what is kept can be read and sent all the same.
 */
export async function beginLog(outbox: string, onLost: OnLost | undefined): Promise<void> {
  if (!('dataLoss' in IDBVersionChangeEvent.prototype)) return
  // No outbox has such a name, whatever it is called.
  const names = [`scratch-1-${outbox}`, `scratch-2-${outbox}`]
  await Promise.allSettled(
    names.map(async name => {
      const scratch = await openDatabase(name, onLost)
      scratch.close()
      await answerOf(indexedDB.deleteDatabase(name))
    }),
  )
}

function answerOf<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', event => {
      // What becomes of the rest of the transaction is for who made it to say.
      event.preventDefault()
      reject(request.error)
    })
  })
}

export interface FoundRecord {
  readonly key: IDBValidKey
  /** Absent where the browser cannot read it. */
  readonly value?: unknown
}

/** What is among the entries, in the order of the keys. One by one: the browser gives nothing where one of many is broken. */
export function readEntries(database: IDBDatabase): Promise<FoundRecord[]> {
  const store = database.transaction('entries' satisfies StoreName).objectStore('entries')
  const read = async (key: IDBValidKey): Promise<FoundRecord> => {
    const value: unknown = await answerOf(store.get(key)).catch(() => undefined)
    return { key, value }
  }
  return answerOf(store.getAllKeys()).then(keys => Promise.all(keys.map(read)))
}

/** Settles when what `work` asks for is as safe as the durability says. All of it is done, or nothing. */
export async function change(
  database: IDBDatabase,
  durability: 'strict' | 'relaxed',
  work: (store: (name: StoreName) => IDBObjectStore) => void,
): Promise<void> {
  const transaction = database.transaction(['entries', 'damaged'], 'readwrite', { durability })
  await new Promise((resolve, reject) => {
    transaction.addEventListener('complete', resolve)
    transaction.addEventListener('abort', () => reject(transaction.error))
    try {
      work(name => transaction.objectStore(name))
      transaction.commit()
    } catch (error) {
      transaction.abort()
      throw error
    }
  })
}

/** Whether it is what was written under that key: a browser may hand out less than it was given. */
export function isEntry(value: unknown, key: IDBValidKey): value is OutboxEntry {
  const entry = value as OutboxEntry | null | undefined
  return (
    entry?.sequence === key &&
    [entry.key, entry.topic].every(text => typeof text === 'string') &&
    entry.payload instanceof Uint8Array &&
    typeof entry.storedAtMs === 'number'
  )
}

/**
 * What the write of so many bytes failed of, where it found no room; of anything else there is nothing to add. The quota that a
 * browser estimates is made up where it would tell sites of each other, so that alone counts which comes with the refusal.
 */
export function toWriteError(cause: unknown, bytes: number): unknown {
  if (!isNamed(cause, 'QuotaExceededError')) return cause
  const { quota } = cause as { readonly quota?: number | null }
  const text = `no room for a draft of ${bytes} bytes, the limit is ${quota ?? 'untold'}`
  return new ThingmeshError('rate-limited', text, { cause, outcome: 'not-sent', details: { found: bytes } })
}

function isNamed(error: unknown, name: string): error is DOMException {
  return error instanceof DOMException && error.name === name
}
