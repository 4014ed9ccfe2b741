import { isThingmeshError, ThingmeshError } from '../../errors/index.ts'
import { canceled, onAbort } from '../cancellation.ts'
import type { ClientEmitter } from '../events.ts'
import type { Published } from '../http.ts'
import type { CancelSignal } from '../platform.ts'
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

/**
 * The drafts of one client that are not acknowledged yet, in order, bounded per channel. Sequences go on where the last
 * process left off; the keys of two processes never meet, because each has a name of its own.
 */
export class OutboxQueue {
  readonly #options: OutboxQueueOptions
  readonly #shares = new Map<string, Share>()
  /** Kept and not under way, oldest first. */
  #waiting = new Map<number, OutboxRecord>()
  /** Handed to a connection, oldest first. */
  readonly #underWay = new Map<number, OutboxRecord>()
  #sequence = 0
  #count = 0
  #bytes = 0
  #dropped = 0
  #setAside = 0
  #closedBy: ThingmeshError | undefined
  #emptied = deferred()
  /** Milliseconds from one acknowledgement to the next, averaged over about the last sixteen. */
  #ackIntervalMs: number | undefined
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
      const record = toRecord(entry)
      record.stored.resolve()
      this.#admit(record)
      this.#waiting.set(entry.sequence, record)
      this.#sequence = Math.max(this.#sequence, entry.sequence)
    }
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
    if (limits.policy === 'latest-only') this.#supersede(share, draft.topic)
    if (limits.policy === 'drop-oldest') this.#dropOldest(share, bytes, limits)
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
    const record = toRecord(this.#number(draft, limits))
    this.#admit(record)
    this.#store(record)
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
      ...(limits.ageMaxMs === Number.POSITIVE_INFINITY ? {} : { expiresAtMs: storedAtMs + limits.ageMaxMs }),
    }
  }

  /** What is not stored here yet is not sent: else a crash could leave the hub with a draft whose number is given again. */
  #store(record: OutboxRecord): void {
    this.#options.outbox.append(record.entry).then(
      () => {
        record.stored.resolve()
        // It may have been dropped, or the client closed, while it was written.
        if (!this.#share(record.channel).records.has(record)) return
        this.#waiting.set(record.entry.sequence, record)
        this.onWaiting()
      },
      (error: unknown) => {
        const failed = isThingmeshError(error) ? error : notKept(error)
        this.#release(record)
        record.stored.reject(failed)
        record.acked.reject(failed)
      },
    )
  }

  /** Takes out the oldest that waits and is worth sending, as under way. */
  next(): OutboxRecord | undefined {
    for (const record of this.#waiting.values()) {
      const { sequence, expiresAtMs } = record.entry
      if (expiresAtMs !== undefined && expiresAtMs <= this.#options.now()) {
        this.#drop(record, 'expired')
        continue
      }
      this.#waiting.delete(sequence)
      this.#underWay.set(sequence, record)
      return record
    }
    return undefined
  }

  /** Puts back what is under way, before everything that waits. Its acknowledgement may come all the same. */
  putBack(): void {
    if (this.#underWay.size === 0) return
    const all = [...this.#underWay.values(), ...this.#waiting.values()]
    all.sort((a, b) => a.entry.sequence - b.entry.sequence)
    this.#underWay.clear()
    this.#waiting = new Map(all.map(record => [record.entry.sequence, record]))
  }

  acknowledge(record: OutboxRecord, published: Published): void {
    if (!this.#share(record.channel).records.has(record)) return
    const now = this.#options.now()
    if (this.#ackedAtMs !== undefined) {
      const interval = Math.max(0, now - this.#ackedAtMs)
      this.#ackIntervalMs = this.#ackIntervalMs === undefined ? interval : (this.#ackIntervalMs * 15 + interval) / 16
    }
    this.#ackedAtMs = now
    this.#forget(record)
    record.acked.resolve(published)
  }

  setAside(record: OutboxRecord, error: ThingmeshError): void {
    if (!this.#share(record.channel).records.has(record)) return
    this.#setAside++
    this.#forget(record)
    record.acked.reject(error)
    this.#options.events.emit('draftSetAside', { entry: record.entry, error })
  }

  stats(): OutboxStats {
    const oldest = this.#oldest()
    const interval = this.#ackIntervalMs
    return {
      count: this.#count,
      bytes: this.#bytes,
      ...(oldest === undefined ? {} : { oldestAgeMs: Math.max(0, this.#options.now() - oldest.entry.storedAtMs) }),
      ...(interval === undefined ? {} : { drainEstimateMs: Math.round(interval * this.#count) }),
      dropped: this.#dropped,
      setAside: this.#setAside,
    }
  }

  /** Settles when nothing is left; rejects with why the queue was closed before. */
  async emptied(): Promise<void> {
    while (this.#count > 0) {
      if (this.#closedBy !== undefined) throw this.#closedBy
      await this.#emptied.promise
    }
  }

  /** Whoever still waits is told the reason. What a durable outbox has stays there. */
  async close(reason: ThingmeshError): Promise<void> {
    if (this.#closedBy === undefined) {
      this.#closedBy = reason
      for (const share of this.#shares.values()) {
        share.rejectWaiters(reason)
        for (const record of share.records) record.acked.reject(reason)
      }
      this.#emptied.resolve()
    }
    await this.#options.outbox.close()
  }

  #oldest(): OutboxRecord | undefined {
    const [underWay] = this.#underWay.values()
    const [waiting] = this.#waiting.values()
    if (underWay === undefined || waiting === undefined) return underWay ?? waiting
    return underWay.entry.sequence < waiting.entry.sequence ? underWay : waiting
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
    if (signal?.aborted === true) throw canceled(signal.reason)
    const waiter = share.wait(inFront)
    // Who was woken has its room, and takes it.
    const letGo = onAbort(signal, () => {
      if (share.leave(waiter)) waiter.reject(canceled(signal?.reason))
    })
    try {
      await waiter.promise
    } finally {
      letGo()
    }
  }

  #dropOldest(share: Share, bytes: number, limits: ResolvedLimits): void {
    for (const record of share.records) {
      if (share.fits(bytes, limits)) return
      if (!this.#underWay.has(record.entry.sequence)) this.#drop(record, 'oldest')
    }
  }

  #supersede(share: Share, topic: string): void {
    for (const record of share.records) {
      if (record.entry.topic === topic && !this.#underWay.has(record.entry.sequence)) this.#drop(record, 'superseded')
    }
  }

  #drop(record: OutboxRecord, reason: DropReason): void {
    this.#dropped++
    this.#forget(record)
    record.acked.reject(
      new ThingmeshError('unavailable', `the outbox dropped the draft: ${reason}`, { outcome: 'not-sent' }),
    )
    this.#options.events.emit('draftDropped', { entry: record.entry, reason })
  }

  #forget(record: OutboxRecord): void {
    this.#options.outbox.remove([record.entry.sequence]).catch(() => undefined)
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
    this.#share(record.channel).add(record)
    this.#count++
    this.#bytes += record.bytes
  }

  #release(record: OutboxRecord): void {
    const share = this.#share(record.channel)
    if (!share.records.has(record)) return
    this.#waiting.delete(record.entry.sequence)
    this.#underWay.delete(record.entry.sequence)
    this.#count--
    this.#bytes -= record.bytes
    share.remove(record)
    if (this.#count > 0) return
    const emptied = this.#emptied
    this.#emptied = deferred()
    emptied.resolve()
  }
}

/** What an outbox failed of, where it does not say so itself. */
function notKept(cause: unknown): ThingmeshError {
  return new ThingmeshError('unavailable', 'the outbox could not keep the draft', { cause, outcome: 'not-sent' })
}
