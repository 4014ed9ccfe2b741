import type { DatabaseSync } from 'node:sqlite'
import { freeSegment } from '../segment/free.ts'
import { Channels } from './channels.ts'
import { inTransaction, openDatabase, toStoreError } from './database.ts'
import { SqliteGroups } from './groups.ts'
import { SqliteKeys } from './keys.ts'
import { SqliteLog } from './log.ts'
import { Merger } from './merge.ts'
import { Meta } from './meta.ts'
import type { OpenOptions, Operation, Reply, Request } from './protocol.ts'
import { Pruner } from './prune.ts'
import { SqliteRegistry } from './registry.ts'
import { SqliteRetained } from './retained.ts'
import { SqliteSessions } from './sessions.ts'
import { Spans } from './spans.ts'

/** Requests that are written in one transaction. */
const groupMax = 256
const movesDelayMs = 200
/** After a merge the appends have the disk for themselves, for a multiple of the time that it took. */
const mergeRestMs = 25
const mergeRestShare = 8
const mergeFailedRestMs = 10_000

const writes: ReadonlySet<Operation['op']> = new Set([
  'append',
  'reserve',
  'saveSessions',
  'release',
  'receive',
  'removeSessions',
  'saveGroups',
  'lend',
  'removeGroups',
  'writeRegistry',
])

/** Where the engine's words go. */
export interface EngineHost {
  reply(reply: Reply, transfer?: readonly ArrayBuffer[]): void
  /** It has said its last word. */
  stopped(): void
}

interface Job {
  readonly id: number
  readonly slices: Generator<undefined, unknown>
}

/**
 * The database, in the worker. Writes are carried out in order; those that wait together share one transaction and so one
 * sync. Whoever only looks waits for them, one look between two batches, so that many readers do not delay a commit: a look sees
 * every write that was asked for before it, and perhaps later ones. Long work goes in slices in between.
 */
export class Engine {
  readonly #path: string
  readonly #db: DatabaseSync
  readonly #channels: Channels
  readonly #log: SqliteLog
  readonly #retained: SqliteRetained
  readonly #sessions: SqliteSessions
  readonly #groups: SqliteGroups
  readonly #keys: SqliteKeys
  readonly #registry: SqliteRegistry
  readonly #pruner: Pruner
  readonly #merger: Merger
  readonly #host: EngineHost
  readonly #looks: Request[] = []
  #lookTimer: NodeJS.Immediate | undefined
  readonly #jobs: Job[] = []
  #jobTimer: NodeJS.Immediate | undefined
  #mergeTimer: NodeJS.Timeout | undefined
  #movesTimer: NodeJS.Timeout | undefined
  #stopped = false

  /** Throws as `Store.start` does. */
  constructor(options: OpenOptions, host: EngineHost) {
    const db = openDatabase(options)
    this.#path = options.path
    this.#db = db
    this.#host = host
    const meta = new Meta(db)
    this.#channels = new Channels(db)
    const spans = new Spans(db, this.#channels)
    this.#retained = new SqliteRetained(db)
    this.#log = new SqliteLog(db, meta, this.#channels, spans, this.#retained)
    this.#sessions = new SqliteSessions(db)
    this.#groups = new SqliteGroups(db)
    this.#keys = new SqliteKeys(db)
    this.#registry = new SqliteRegistry(db)
    this.#pruner = new Pruner(db, this.#channels, spans, this.#log)
    this.#merger = new Merger(db, spans)
    const { origin, lineage, nextSequence } = this.#log
    this.#host.reply({ type: 'opened', origin, lineage, nextSequence })
    this.#scheduleMerge(mergeRestMs)
  }

  handle(requests: readonly Request[]): void {
    let group: Request[] = []
    for (const request of requests) {
      if (!writes.has(request.op)) this.#looks.push(request)
      else if (group.push(request) === groupMax) {
        this.#commit(group)
        group = []
      }
    }
    this.#commit(group)
    if (this.#looks.length > 0) this.#lookTimer ??= setImmediate(() => this.#lookOnce())
    if (this.#merger.isDue) this.#scheduleMerge(mergeRestMs)
  }

  #lookOnce(): void {
    this.#lookTimer = undefined
    const request = this.#looks.shift()
    if (request !== undefined) this.#answer(request)
    if (this.#looks.length > 0) this.#lookTimer = setImmediate(() => this.#lookOnce())
  }

  /** All in one transaction; where that fails each by itself, so that every one gets its own answer. */
  #commit(group: readonly Request[]): void {
    if (group.length === 0) return
    try {
      this.#transact(group)
      this.#host.reply({ type: 'done', ids: group.map(({ id }) => id) })
    } catch (error) {
      if (group.length > 1) {
        for (const request of group) this.#commit([request])
        return
      }
      this.#fail(group[0]!.id, error)
    }
    freeAppended(group)
  }

  #transact(group: readonly Operation[]): void {
    const before = this.#log.snapshot()
    try {
      inTransaction(this.#db, () => {
        this.#sessions.writeMoves()
        this.#groups.writeMoves()
        for (const operation of group) this.#write(operation)
      })
    } catch (error) {
      this.#log.restore(before)
      this.#channels.reload()
      throw error
    }
    this.#sessions.forgetMoves()
    this.#groups.forgetMoves()
    this.#merger.appended(group.reduce((runs, { op }) => (op === 'append' ? runs + 1 : runs), 0))
  }

  #write(operation: Operation): void {
    switch (operation.op) {
      case 'append':
        this.#log.append(operation)
        if (operation.transfers !== undefined) this.#sessions.begin(operation.transfers)
        if (operation.keys !== undefined) this.#keys.note(operation.keys)
        if (operation.forgottenKeys !== undefined) this.#keys.forget(operation.forgottenKeys)
        break
      case 'reserve':
        this.#log.reserve(operation.below)
        break
      case 'saveSessions':
        this.#sessions.save(operation.records)
        break
      case 'release':
        this.#sessions.release(operation.transfers)
        break
      case 'receive':
        this.#sessions.receive(operation.receptions)
        break
      case 'removeSessions':
        this.#sessions.remove(operation.ids)
        break
      case 'saveGroups':
        this.#groups.save(operation.records)
        break
      case 'lend':
        this.#groups.lend(operation.loans)
        break
      case 'removeGroups':
        this.#groups.remove(operation.ids)
        break
      case 'writeRegistry':
        this.#registry.write(operation.changes)
        break
      default:
        throw new TypeError(`${operation.op} is not a write`)
    }
  }

  #answer(request: Request): void {
    try {
      switch (request.op) {
        case 'prune':
          this.#startJob({ id: request.id, slices: this.#pruner.prune(request.plans) })
          break
        case 'compact':
          this.#startJob({ id: request.id, slices: this.#merger.compact() })
          break
        case 'stop':
          this.#stop(request.id)
          break
        case 'read': {
          const page = this.#log.read(request.query)
          this.#host.reply({ type: 'result', id: request.id, value: page }, [page.segment.buffer])
          break
        }
        case 'match': {
          const segment = this.#retained.match(request)
          this.#host.reply({ type: 'result', id: request.id, value: segment }, [segment.buffer])
          break
        }
        default:
          this.#host.reply({ type: 'result', id: request.id, value: this.#look(request) })
          break
      }
    } catch (error) {
      this.#fail(request.id, error)
    }
  }

  #look(request: Request): unknown {
    switch (request.op) {
      case 'topics':
        return this.#retained.topics()
      case 'loadSessions':
        if (this.#hasMoves) this.#transact([])
        return this.#sessions.load()
      case 'loadGroups':
        if (this.#hasMoves) this.#transact([])
        return this.#groups.load()
      case 'loadKeys':
        return this.#keys.load()
      case 'loadRegistry':
        return this.#registry.load()
      case 'advance':
        this.#sessions.move(request.cursors)
        this.#scheduleMoves(movesDelayMs)
        return undefined
      case 'advanceGroups':
        this.#groups.move(request.moves)
        this.#scheduleMoves(movesDelayMs)
        return undefined
      default:
        throw new TypeError(`${request.op} is not a read`)
    }
  }

  get #hasMoves(): boolean {
    return this.#sessions.hasMoves || this.#groups.hasMoves
  }

  #scheduleMoves(delayMs: number): void {
    this.#movesTimer ??= setTimeout(() => this.#writeMoves(), delayMs)
  }

  #writeMoves(): void {
    this.#movesTimer = undefined
    if (!this.#hasMoves) return
    try {
      this.#transact([])
    } catch {
      // They ride in the next transaction that works; whoever writes anything else is told what is wrong.
      this.#scheduleMoves(mergeFailedRestMs)
    }
  }

  #startJob(job: Job): void {
    this.#jobs.push(job)
    this.#jobTimer ??= setImmediate(() => this.#slice())
  }

  #slice(): void {
    this.#jobTimer = undefined
    const job = this.#jobs[0]
    if (job === undefined) return
    try {
      const { done, value } = job.slices.next()
      if (done === true) {
        this.#jobs.shift()
        this.#host.reply({ type: 'result', id: job.id, value })
      }
    } catch (error) {
      this.#jobs.shift()
      this.#fail(job.id, error)
    }
    if (this.#jobs.length > 0) this.#jobTimer = setImmediate(() => this.#slice())
  }

  #scheduleMerge(delayMs: number): void {
    if (this.#stopped) return
    this.#mergeTimer ??= setTimeout(() => {
      this.#mergeTimer = undefined
      this.#mergeInBackground()
    }, delayMs)
  }

  #mergeInBackground(): void {
    const startedAt = performance.now()
    try {
      if (!this.#merger.step()) return
      this.#scheduleMerge(mergeRestMs + mergeRestShare * (performance.now() - startedAt))
    } catch {
      // Nothing is lost but tidiness; if the disk is full, appends say so.
      this.#scheduleMerge(mergeFailedRestMs)
    }
  }

  #stop(id: number): void {
    while (this.#jobs.length > 0) this.#slice()
    clearImmediate(this.#jobTimer)
    clearTimeout(this.#mergeTimer)
    clearTimeout(this.#movesTimer)
    this.#stopped = true
    // After the answer, whichever it is.
    setImmediate(() => this.#host.stopped())
    try {
      if (this.#hasMoves) this.#transact([])
    } finally {
      this.#db.close()
    }
    this.#host.reply({ type: 'result', id, value: undefined })
  }

  #fail(id: number, error: unknown): void {
    const { code, message } = toStoreError(error, this.#path)
    this.#host.reply({ type: 'failed', id, error: { code, message } })
  }
}

/** Once they are written or refused. */
function freeAppended(group: readonly Operation[]): void {
  for (const operation of group) {
    if (operation.op !== 'append') continue
    if (operation.log !== undefined) freeSegment(operation.log)
    if (operation.retained !== undefined) freeSegment(operation.retained)
  }
}
