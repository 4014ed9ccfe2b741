import { resolve } from 'node:path'
import { type LogId, type Message, ThingmeshError } from '@thingmesh/core'
import type {
  AppendOptions,
  GroupRecord,
  GroupRecords,
  KeyRecords,
  LogEpoch,
  MessageLog,
  RegistryRecord,
  RegistryRecords,
  RetainedMessages,
  SessionRecord,
  SessionRecords,
  Store,
} from '../../contracts/index.ts'
import { checkOptions } from '../../contracts/options.ts'
import { checkBatch } from '../segment/batch.ts'
import { readMessages } from '../segment/reader.ts'
import { SegmentWriter } from '../segment/writer.ts'
import { toKeyBatches } from './key-batch.ts'
import { StorePort } from './port.ts'
import type { Operation, Reply, ResultOf } from './protocol.ts'

export interface SqliteStoreOptions {
  /** The database's file. It and its directory are created where missing, readable by their owner only. */
  readonly path: string
  /** `disk`, the default, syncs every commit; `process` leaves that to the system, and survives kill -9 but no power cut. */
  readonly durability?: 'process' | 'disk' | undefined
}

/** One process has the file at a time; another is refused with `conflict`. */
export interface SqliteStore extends Store {
  readonly durability: 'process' | 'disk'
  /**
   * Joins small segments now. The store does so by itself whenever it is idle: this is for before a backup, and for tests.
   */
  compact(): Promise<void>
}

/** A store in one SQLite file, written by a thread of its own so that a sync never stops the event loop. */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { path, durability = 'disk' } = options
  checkOptions('sqliteStore', options, { path, durability }, { durability: ['disk', 'process'] })
  if (path === '' || path === ':memory:') throw new TypeError('path is a file: for memory there is memoryStore()')
  return new WorkerStore(resolve(path), durability)
}

type Ask = <Name extends Operation['op']>(
  operation: Extract<Operation, { readonly op: Name }>,
  transfer?: readonly ArrayBuffer[],
) => Promise<ResultOf<Name>>

class WorkerStore implements SqliteStore {
  readonly durability: 'process' | 'disk'
  readonly log: WorkerLog
  readonly retained: RetainedMessages
  readonly sessions: SessionRecords
  readonly groups: GroupRecords
  readonly keys: KeyRecords
  readonly registry: RegistryRecords
  readonly #path: string
  #port: StorePort | undefined
  #isWanted = false
  /** The last start or stop that was begun: each waits for the one before. */
  #change: Promise<void> = Promise.resolve()

  constructor(path: string, durability: 'process' | 'disk') {
    this.#path = path
    this.durability = durability
    const ask: Ask = (operation, transfer) => this.#ask(operation, transfer)
    this.log = new WorkerLog(ask)
    this.retained = retainedOf(ask)
    this.sessions = sessionsOf(ask)
    this.groups = groupsOf(ask)
    this.keys = { load: () => ask({ op: 'loadKeys' }) }
    this.registry = registryOf(ask)
  }

  start(): Promise<void> {
    if (!this.#isWanted) {
      this.#isWanted = true
      this.#change = this.#change.then(() => this.#open())
    }
    return this.#change
  }

  stop(): Promise<void> {
    this.#isWanted = false
    this.#change = this.#change.catch(() => undefined).then(() => this.#close())
    return this.#change
  }

  async compact(): Promise<void> {
    await this.#ask({ op: 'compact' })
  }

  async #open(): Promise<void> {
    const port = new StorePort({ path: this.#path, durability: this.durability })
    try {
      this.log.open(await port.opened)
      this.#port = port
    } catch (error) {
      this.#isWanted = false
      this.#change = Promise.resolve()
      throw error
    }
  }

  async #close(): Promise<void> {
    const port = this.#port
    this.#port = undefined
    await port?.stop()
  }

  #ask: Ask = (operation, transfer) =>
    this.#port === undefined
      ? Promise.reject(new ThingmeshError('unavailable', `the store of ${this.#path} is not started`))
      : this.#port.request(operation, transfer)
}

class WorkerLog implements MessageLog {
  readonly #ask: Ask
  readonly #logWriter = new SegmentWriter()
  readonly #retainedWriter = new SegmentWriter()
  #id: LogId | undefined
  #lineage: readonly LogEpoch[] = []
  #nextSequence = 1

  constructor(ask: Ask) {
    this.#ask = ask
  }

  get id(): LogId {
    if (this.#id === undefined) throw new TypeError('the store has not been started')
    return this.#id
  }

  get lineage(): readonly LogEpoch[] {
    return this.#lineage
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  open({ origin, lineage, nextSequence }: Extract<Reply, { readonly type: 'opened' }>): void {
    this.#id = { origin, epoch: lineage.at(-1)!.epoch }
    this.#lineage = lineage
    this.#nextSequence = nextSequence
  }

  async reserve(below: number): Promise<void> {
    await this.#ask({ op: 'reserve', below })
    this.#nextSequence = Math.max(this.#nextSequence, below)
  }

  /** Encodes before it returns: nothing of the caller's is kept. */
  async append(batch: readonly Message[], options: AppendOptions = {}): Promise<void> {
    const { recorded, transfers, keys, forgottenKeys } = options
    checkBatch(batch)
    const first = batch[0]?.sequence
    const last = batch[batch.length - 1]?.sequence
    if (first === undefined || last === undefined) return
    const log = this.#logWriter
    const retained = this.#retainedWriter
    log.begin()
    retained.begin()
    for (let i = 0; i < batch.length; i++) {
      const message = batch[i]!
      if (recorded === undefined || recorded[i] !== false) log.add(message)
      if (message.retain) retained.add(message)
    }
    const logSegment = log.count === 0 ? undefined : log.finish()
    const retainedSegment = retained.count === 0 ? undefined : retained.finish()
    const buffers = [logSegment, retainedSegment].flatMap(segment => (segment === undefined ? [] : [segment.buffer]))
    const segments = { log: logSegment, retained: retainedSegment }
    const keyBatches = keys === undefined ? undefined : toKeyBatches(keys)
    await this.#ask({ op: 'append', first, last, ...segments, transfers, keys: keyBatches, forgottenKeys }, buffers)
    this.#nextSequence = Math.max(this.#nextSequence, last + 1)
  }

  async read(query: Parameters<MessageLog['read']>[0]): ReturnType<MessageLog['read']> {
    const { segment, scannedTo, complete } = await this.#ask({ op: 'read', query })
    return { messages: readMessages(segment, 'of a page'), scannedTo, complete }
  }

  prune(plans: Parameters<MessageLog['prune']>[0]): ReturnType<MessageLog['prune']> {
    return this.#ask({ op: 'prune', plans })
  }
}

function retainedOf(ask: Ask): RetainedMessages {
  return {
    topics: () => ask({ op: 'topics' }),
    match: async (domain, filters, limit, afterTopic) =>
      readMessages(await ask({ op: 'match', domain, filters, limit, afterTopic }), 'of last values'),
  }
}

function sessionsOf(ask: Ask): SessionRecords {
  return {
    load: async () => {
      const rows = await ask({ op: 'loadSessions' })
      return rows.map(({ cursor, body, transfers, received }) => ({
        ...(JSON.parse(body) as SessionRecord),
        cursor,
        transfers,
        received,
      }))
    },
    save: async records => {
      if (records.length === 0) return
      const rows = records.map(record => ({ id: record.id, cursor: record.cursor, body: JSON.stringify(record) }))
      await ask({ op: 'saveSessions', records: rows })
    },
    advance: async cursors => {
      if (cursors.length > 0) await ask({ op: 'advance', cursors })
    },
    release: async transfers => {
      if (transfers.length > 0) await ask({ op: 'release', transfers })
    },
    receive: async receptions => {
      if (receptions.length > 0) await ask({ op: 'receive', receptions })
    },
    remove: async ids => {
      if (ids.length > 0) await ask({ op: 'removeSessions', ids })
    },
  }
}

function groupsOf(ask: Ask): GroupRecords {
  return {
    load: async () => {
      const rows = await ask({ op: 'loadGroups' })
      return rows.map(({ position, owed, body, loans }) => ({
        ...(JSON.parse(body) as GroupRecord),
        position,
        owed: JSON.parse(owed) as number[],
        loans,
      }))
    },
    save: async records => {
      if (records.length === 0) return
      const rows = records.map(({ loans, ...record }) => ({ ...toMove(record), body: JSON.stringify(record) }))
      await ask({ op: 'saveGroups', records: rows })
    },
    lend: async loans => {
      if (loans.length > 0) await ask({ op: 'lend', loans })
    },
    advance: async moves => {
      if (moves.length > 0) await ask({ op: 'advanceGroups', moves: moves.map(toMove) })
    },
    remove: async ids => {
      if (ids.length > 0) await ask({ op: 'removeGroups', ids })
    },
  }
}

function toMove({ id, position, owed }: Pick<GroupRecord, 'id' | 'position' | 'owed'>) {
  return { id, position, owed: JSON.stringify(owed) }
}

function registryOf(ask: Ask): RegistryRecords {
  return {
    load: async () => {
      const rows = await ask({ op: 'loadRegistry' })
      return rows.map(({ kind, id, value }) => ({ kind, id, value: JSON.parse(value) as RegistryRecord['value'] }))
    },
    write: async changes => {
      if (changes.length === 0) return
      const rows = changes.map(change =>
        change.op === 'put'
          ? { kind: change.record.kind, id: change.record.id, value: JSON.stringify(change.record.value) }
          : { kind: change.kind, id: change.id, value: null },
      )
      await ask({ op: 'writeRegistry', changes: rows })
    },
  }
}
