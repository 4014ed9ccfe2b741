import { isThingmeshError, ThingmeshError } from '../../errors/index.ts'
import { untilAborted } from '../cancellation.ts'
import type { ClientEmitter } from '../events.ts'
import type { Published } from '../http.ts'
import { type CancelSignal, platform } from '../platform.ts'
import { deferred } from '../status.ts'
import type { DropReason, Outbox, OutboxEntry, OutboxStats } from './outbox.ts'
import { bytesOf, channelOf, type OutboxRecord, type ResolvedLimits, Share, toRecord } from './shares.ts'

/** What there is of an entry before it is kept. */
export type NewEntry = Omit<OutboxEntry, 'sequence' | 'key' | 'storedAtMs' | 'expiresAtMs'>

export interface OutboxQueueOptions {
  readonly outbox: Outbox
  readonly events: ClientEmitter
  /** Names this process in the keys: 1 to 40 printable ASCII characters, never given twice. */
  readonly name: string
  /** Publishes that wait for room in one channel. */
  readonly waitersMax: number
  readonly now: () => number
}

/** How often to look for what has become too old. No timer for each, because a device's clock may be set. */
const expiryCheckMs = 1_000

/**
 * The drafts of one client that are not acknowledged yet, in order, bounded per channel. Sequences go on where the last
 * process left off; the keys of two processes never meet, because each has a name of its own.
 */
export class OutboxQueue {
  readonly #options: OutboxQueueOptions
  readonly #shares = new Map<string, Share>()
  /**
   * The ends of the line of all records, in their order. No `Map` or `Set`: one that goes on being filled and emptied leaves tables
   * behind that keep alive what has long gone, and to copy that costs a garbage collector more than all the rest.
   */
  #oldest: OutboxRecord | undefined
  #newest: OutboxRecord | undefined
  /** None that is older waits. */
  #next: OutboxRecord | undefined
  /** What the outbox is to be told next. While it writes, this gathers: all that came meanwhile shares a sync. */
  #unkept: OutboxRecord[] = []
  #gone: number[] = []
  #writing: Promise<void> | undefined
  #sequence = 0
  #dropped = 0
  #setAside = 0
  #timer: unknown
  #closedBy: ThingmeshError | undefined
  #emptied = deferred()
  /** Milliseconds from one acknowledgement to the next, averaged over about the last sixteen. */
  #ackIntervalMs: number | undefined
  /** Absent where the time since was not spent on the next one: there was none, or no connection. */
  #ackedAtMs: number | undefined
  /** Called when there is something to send. */
  onWaiting: () => void = () => undefined

  constructor(options: OutboxQueueOptions) {
    this.#options = options
  }

  get durable(): boolean {
    return this.#options.outbox.durable
  }

  async open(): Promise<void> {
    for (const entry of await this.#options.outbox.open()) {
      const record = toRecord(entry, this.#share(channelOf(entry)))
      record.stored.resolve()
      record.state = 'waiting'
      this.#admit(record)
      this.#sequence = Math.max(this.#sequence, entry.sequence)
    }
    this.#timer = platform().setInterval(() => {
      // A copy: who is told of one may publish the next, and more may go for that.
      for (const record of [...this.#records()]) if (this.#isExpired(record)) this.#drop(record, 'expired')
    }, expiryCheckMs)
  }

  /**
   * Takes a draft in, when its channel has room. Throws `canceled` for the signal, `rate-limited` where too many wait
   * already, all with the outcome `not-sent`. A promise only where it has to wait.
   */
  append(
    draft: NewEntry,
    limits: ResolvedLimits,
    signal: CancelSignal | undefined,
  ): OutboxRecord | Promise<OutboxRecord> {
    const share = this.#share(channelOf(draft))
    const bytes = bytesOf(draft)
    if (limits.policy === 'latest-only') this.#supersede(draft.topic)
    if (!share.fits(bytes, limits)) this.#makeRoom(share, bytes, limits)
    // Who comes while others wait stands behind them, or the order of the calls is lost. Who need not wait is in at once.
    if (share.isAwaited || !share.fits(bytes, limits)) {
      return this.#room(share, bytes, limits, signal).then(() => {
        share.arrive()
        return this.#keep(share, draft, limits)
      })
    }
    return this.#keep(share, draft, limits)
  }

  #keep(share: Share, draft: NewEntry, limits: ResolvedLimits): OutboxRecord | Promise<OutboxRecord> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy)
    const record = toRecord(this.#number(draft, limits), share)
    this.#admit(record)
    this.#unkept.push(record)
    this.#write()
    // One that leaves wakes one that waits; there may be room for more.
    share.wake()
    return record
  }

  #number(draft: NewEntry, limits: ResolvedLimits): OutboxEntry {
    const sequence = ++this.#sequence
    const storedAtMs = this.#options.now()
    return {
      ...draft,
      sequence,
      key: `${this.#options.name}.${sequence.toString(36)}`,
      storedAtMs,
      expiresAtMs: Number.isFinite(limits.ageMaxMs) ? storedAtMs + limits.ageMaxMs : undefined,
    }
  }

  #write(): void {
    this.#writing ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    // What one turn of the event loop has to say is one batch.
    await undefined
    while (this.#unkept.length + this.#gone.length > 0) {
      const batch = this.#unkept
      const gone = this.#gone
      this.#unkept = []
      this.#gone = []
      await this.#writeBatch(batch, gone)
    }
    // In the same turn as the look at what is left, or what comes in between would lie there.
    this.#writing = undefined
  }

  /** What is not kept here yet is not sent: else a crash could leave the hub with a draft whose number is given again. */
  async #writeBatch(batch: readonly OutboxRecord[], gone: readonly number[]): Promise<void> {
    try {
      await this.#options.outbox.write(
        batch.map(({ entry }) => entry),
        gone,
      )
    } catch (error) {
      // Where there is no room for all there may be for some.
      if (batch.length > 1) for (const record of batch) await this.#writeBatch([record], [])
      else for (const record of batch) this.#notKept(record, error)
      return
    }
    for (const record of batch) {
      record.stored.resolve()
      // It may have been dropped while it was written.
      if (record.state === 'gone') this.#gone.push(record.entry.sequence)
      else record.state = 'waiting'
    }
    this.onWaiting()
  }

  /** With what the outbox failed of, where it says so itself. */
  #notKept(record: OutboxRecord, cause: unknown): void {
    const text = 'the draft could not be kept'
    const error = isThingmeshError(cause)
      ? cause
      : new ThingmeshError('unavailable', text, { cause, outcome: 'not-sent' })
    this.#release(record)
    record.stored.reject(error)
    record.acked.reject(error)
  }

  /** Takes out the oldest that waits and is worth sending, as under way. */
  next(): OutboxRecord | undefined {
    for (let record = this.#next; record !== undefined; record = this.#next) {
      // What is newer is kept no sooner.
      if (record.state === 'new') return undefined
      this.#next = record.newer
      if (record.state !== 'waiting') continue
      if (!this.#isExpired(record)) {
        record.state = 'under way'
        record.sent = true
        return record
      }
      this.#drop(record, 'expired')
    }
    return undefined
  }

  /** What is under way is the hub's to answer. */
  #isExpired({ state, entry: { expiresAtMs } }: OutboxRecord): boolean {
    const isHere = state === 'new' || state === 'waiting'
    return isHere && expiresAtMs !== undefined && expiresAtMs <= this.#options.now()
  }

  /** Puts back what is under way, before everything that waits. Its acknowledgement may come all the same. */
  putBack(): void {
    for (const record of this.#records()) if (record.state === 'under way') record.state = 'waiting'
    this.#next = this.#oldest
    this.#ackedAtMs = undefined
  }

  acknowledge(record: OutboxRecord, published: Published): void {
    if (record.state === 'gone') return
    const now = this.#options.now()
    if (this.#ackedAtMs !== undefined) {
      const interval = Math.max(0, now - this.#ackedAtMs)
      this.#ackIntervalMs = ((this.#ackIntervalMs ?? interval) * 15 + interval) / 16
    }
    this.#ackedAtMs = now
    this.#forget(record)
    record.acked.resolve(published)
  }

  setAside(record: OutboxRecord, error: ThingmeshError): void {
    if (record.state === 'gone') return
    this.#setAside++
    this.#forget(record)
    record.acked.reject(error)
    this.#options.events.emit('draftSetAside', { entry: record.entry, error })
  }

  /** Without what has become too old, which the next look for that drops. Who only asks changes nothing. */
  stats(): OutboxStats {
    const interval = this.#ackIntervalMs
    let oldest: OutboxRecord | undefined
    let count = 0
    let bytes = 0
    for (const record of this.#records()) {
      if (this.#isExpired(record)) continue
      oldest ??= record
      count++
      bytes += record.bytes
    }
    return {
      count,
      bytes,
      oldestAgeMs: oldest && Math.max(0, this.#options.now() - oldest.entry.storedAtMs),
      drainEstimateMs: interval && Math.round(interval * count),
      dropped: this.#dropped,
      setAside: this.#setAside,
    }
  }

  /** Settles when nothing is left that is worth sending; rejects with why the queue was closed before, or `canceled` for the signal. */
  async emptied(signal: CancelSignal | undefined): Promise<void> {
    while (this.#oldest !== undefined) {
      if (this.#closedBy !== undefined) throw this.#closedBy
      await untilAborted(this.#emptied.promise, signal)
    }
  }

  /** Whoever still waits is told the reason, as of what was not sent. What a durable outbox has stays there. */
  async close(reason: ThingmeshError): Promise<void> {
    if (this.#closedBy === undefined) {
      this.#closedBy = reason
      platform().clearTimeout(this.#timer)
      for (const share of this.#shares.values()) share.rejectWaiters(reason)
      const { code, message, cause } = reason
      const maybeSent = new ThingmeshError(code, message, { cause, outcome: 'unknown' })
      for (const record of this.#records()) record.acked.reject(this.durable || record.sent ? maybeSent : reason)
      this.#emptied.resolve()
    }
    while (this.#writing !== undefined) await this.#writing
    await this.#options.outbox.close()
  }

  /** From the oldest on; anew where the one that it stands at goes, because others may go with it. */
  *#records(): Generator<OutboxRecord, void, undefined> {
    for (let record = this.#oldest; record !== undefined; ) {
      yield record
      record = record.state === 'gone' ? this.#oldest : record.newer
    }
  }

  /** Settles when there is room, and the share waits for us to arrive. */
  async #room(share: Share, bytes: number, limits: ResolvedLimits, signal: CancelSignal | undefined): Promise<void> {
    await this.#wait(share, false, signal)
    while (!share.fits(bytes, limits)) {
      share.arrive()
      await this.#wait(share, true, signal)
    }
  }

  async #wait(share: Share, inFront: boolean, signal: CancelSignal | undefined): Promise<void> {
    const { waitersMax } = this.#options
    if (!inFront && share.waiting >= waitersMax) {
      const text = `${share.waiting} publishes wait for room in the outbox, the limit is ${waitersMax}`
      throw new ThingmeshError('rate-limited', text, { outcome: 'not-sent' })
    }
    const waiter = share.wait(inFront)
    await untilAborted(waiter.promise, signal).catch(error => {
      // Who was woken has its room, and takes it.
      if (share.leave(waiter) || this.#closedBy !== undefined) throw error
    })
  }

  /** From what is too old in any case, and from what the policy lets go. */
  #makeRoom(share: Share, bytes: number, limits: ResolvedLimits): void {
    for (const record of this.#records()) {
      if (share.fits(bytes, limits)) return
      if (record.share !== share || record.state === 'under way') continue
      const isExpired = this.#isExpired(record)
      if (!isExpired && limits.policy !== 'drop-oldest') return
      this.#drop(record, isExpired ? 'expired' : 'oldest')
    }
  }

  #supersede(topic: string): void {
    for (const record of this.#records()) {
      if (record.entry.topic === topic && record.state !== 'under way') this.#drop(record, 'superseded')
    }
  }

  #drop(record: OutboxRecord, reason: DropReason): void {
    this.#dropped++
    this.#forget(record)
    const outcome = record.sent ? 'unknown' : 'not-sent'
    record.acked.reject(new ThingmeshError('unavailable', `dropped from the outbox: ${reason}`, { outcome }))
    this.#options.events.emit('draftDropped', { entry: record.entry, reason })
  }

  #forget(record: OutboxRecord): void {
    // What is not kept yet is not there to be forgotten.
    if (record.state !== 'new') this.#gone.push(record.entry.sequence)
    this.#write()
    this.#release(record)
  }

  #share(channel: string): Share {
    let share = this.#shares.get(channel)
    if (share === undefined) {
      share = new Share()
      this.#shares.set(channel, share)
    }
    return share
  }

  #admit(record: OutboxRecord): void {
    record.share.add(record.bytes)
    record.older = this.#newest
    if (this.#newest === undefined) this.#oldest = record
    else this.#newest.newer = record
    this.#newest = record
    this.#next ??= record
  }

  #release(record: OutboxRecord): void {
    if (record.state === 'gone') return
    record.state = 'gone'
    const { older, newer, bytes, share } = record
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    if (this.#next === record) this.#next = newer
    // What has gone must not hold what has not.
    record.older = undefined
    record.newer = undefined
    share.remove(bytes)
    if (this.#oldest !== undefined) return
    this.#ackedAtMs = undefined
    const emptied = this.#emptied
    this.#emptied = deferred()
    emptied.resolve()
  }
}
