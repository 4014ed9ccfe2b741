import { levelEnd } from '../../address/level.ts'
import type { Published } from '../http.ts'
import { resolveOptions } from '../option-rules.ts'
import { type Deferred, deferred } from '../status.ts'
import type { OutboxEntry, OutboxLimits, OutboxPolicy } from './outbox.ts'

/** `new`: not kept yet. `under way`: handed to a connection. `gone`: acknowledged, refused or dropped. */
export type RecordState = 'new' | 'waiting' | 'under way' | 'gone'

/** An entry and what is known about it while the process lives. */
export interface OutboxRecord {
  readonly entry: OutboxEntry
  readonly share: Share
  readonly bytes: number
  readonly stored: Deferred
  readonly acked: Deferred<Published>
  state: RecordState
  /** Handed to a connection once, whatever came of it. */
  sent: boolean
  /** Its neighbours in the line of all that there are. */
  older: OutboxRecord | undefined
  newer: OutboxRecord | undefined
  /** Refusals that may pass, which it has had while others got through; and how many had, at the last of them. */
  refusals: number
  refusedAt: number
}

export function channelOf({ topic }: Pick<OutboxEntry, 'topic'>): string {
  return topic.slice(0, levelEnd(topic, 0))
}

/** What a draft takes of its channel's share. */
export function bytesOf({ payload, topic }: Pick<OutboxEntry, 'payload' | 'topic'>): number {
  return payload.length + topic.length
}

export function toRecord(entry: OutboxEntry, share: Share): OutboxRecord {
  return {
    entry,
    share,
    bytes: bytesOf(entry),
    stored: deferred(),
    acked: deferred(),
    state: 'new',
    sent: false,
    older: undefined,
    newer: undefined,
    refusals: 0,
    refusedAt: -1,
  }
}

export interface ResolvedLimits {
  readonly policy: OutboxPolicy
  readonly ageMaxMs: number
  readonly countMax: number
  readonly bytesMax: number
}

/** Throws `TypeError` for a policy that there is not, and for bounds that nothing would fit in. */
export function resolveLimits(limits: OutboxLimits): ResolvedLimits {
  return resolveOptions(limits, {
    policy: ['block', 'drop-oldest', 'latest-only', 'none'],
    ageMaxMs: [Number.POSITIVE_INFINITY, 1],
    countMax: [10_000, 1],
    bytesMax: [16_777_216, 1],
  })
}

/** What one channel has in the outbox: how many drafts, their bytes, and who waits for room, first come first served. */
export class Share {
  readonly #waiters: Deferred[] = []
  /** Told that there may be room, and not come to take it yet. */
  #woken = 0
  #count = 0
  #bytes = 0

  /** Who comes now stands behind somebody. */
  get isAwaited(): boolean {
    return this.#waiters.length + this.#woken > 0
  }

  get waiting(): number {
    return this.#waiters.length
  }

  add(bytes: number): void {
    this.#count++
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#count--
    this.#bytes -= bytes
    this.wake()
  }

  /** One draft fits in an empty share whatever its size: what is too large for the hub the hub will say. */
  fits(bytes: number, limits: ResolvedLimits): boolean {
    if (this.#count === 0) return true
    return this.#count < limits.countMax && this.#bytes + bytes <= limits.bytesMax
  }

  /** At the end of the line, or in front where one that was woken found too little room. */
  wait(inFront: boolean): Deferred {
    const waiter = deferred()
    if (inFront) this.#waiters.unshift(waiter)
    else this.#waiters.push(waiter)
    return waiter
  }

  /** False where it was woken already. */
  leave(waiter: Deferred): boolean {
    const at = this.#waiters.indexOf(waiter)
    if (at !== -1) this.#waiters.splice(at, 1)
    return at !== -1
  }

  wake(): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) return
    this.#woken++
    waiter.resolve()
  }

  /** Who was woken has come. */
  arrive(): void {
    this.#woken--
  }

  rejectWaiters(reason: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason)
  }
}
