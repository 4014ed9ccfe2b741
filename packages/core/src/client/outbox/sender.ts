import { type ErrorCode, isThingmeshError, type ThingmeshError, toThingmeshError } from '../../errors/index.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import { platform } from '../platform.ts'
import type { Connection, Settled } from '../transport.ts'
import type { OutboxQueue } from './queue.ts'
import type { OutboxRecord } from './shares.ts'

/**
 * Refusals that may pass, which one draft is given while others get through, before it counts as one that never will:
 * MQTT has the same code for a store that is behind and for a payload that is too large.
 */
const refusalsMax = 5

/**
 * Sends what the queue has over one connection, oldest first, so many at a time. After a refusal that may pass it lets
 * what is under way end, waits, and goes on from the oldest that the hub has not acknowledged.
 */
export class OutboxSender {
  readonly #queue: OutboxQueue
  readonly #backoff: Backoff
  #connection: Connection | undefined
  #underWay = 0
  #inFlightMax = 1
  /** The hub has ended a connection for what was sent on it: on the next one it comes singly, until one gets through. */
  #suspects = false
  /** A refusal that may pass has come since the last wait. */
  #refused = false
  #failures = 0
  #acknowledged = 0
  #retryAfterSeconds = 0
  #timer: unknown

  constructor(queue: OutboxQueue, backoff: Backoff) {
    this.#queue = queue
    this.#backoff = backoff
    queue.onWaiting = () => this.#pump()
  }

  attach(connection: Connection): void {
    this.#connection = connection
    this.#underWay = 0
    this.#inFlightMax = this.#suspects ? 1 : connection.inFlightMax
    this.#suspects = false
    this.#refused = false
    this.#pump()
  }

  detach(): void {
    this.#connection = undefined
    this.#queue.putBack()
    platform().clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #pump(): void {
    const connection = this.#connection
    if (connection === undefined || this.#refused || this.#timer !== undefined) return
    while (this.#underWay < this.#inFlightMax) {
      const record = this.#queue.next()
      if (record === undefined) return
      this.#underWay++
      this.#send(connection, record)
    }
  }

  #send(connection: Connection, record: OutboxRecord): void {
    const settled: Settled = (published, thrown) => {
      if (published !== undefined) this.#queue.acknowledge(record, published)
      else this.#suspect(record, (thrown as Error | undefined)?.cause)
      // What a connection did not get through has been put back when it ended.
      if (connection !== this.#connection) return
      if (published === undefined) this.#refuse(record, toThingmeshError(thrown))
      else {
        this.#failures = 0
        this.#acknowledged++
        this.#inFlightMax = connection.inFlightMax
      }
      this.#underWay--
      if (!this.#refused) this.#pump()
      else if (this.#underWay === 0) this.#waitAndGoOn()
    }
    if (connection.send !== undefined) connection.send(record.entry, settled)
    else connection.publish(record.entry).then(settled, (error: unknown) => settled(undefined, error))
  }

  /** Tells from the end of a connection what the hub ends connections for: what was alone on the wire each time. */
  #suspect(record: OutboxRecord, ending: unknown): void {
    if (!isThingmeshError(ending) || !isPoison(ending)) return
    this.#suspects = true
    if (this.#inFlightMax === 1 && ++record.refusals >= refusalsMax) this.#queue.setAside(record, ending)
  }

  #refuse(record: OutboxRecord, error: ThingmeshError): void {
    if (isPoison(error) || (error.outcome === 'rejected' && this.#refusedOften(record))) {
      this.#queue.setAside(record, error)
      return
    }
    this.#refused = true
    this.#retryAfterSeconds = Math.max(this.#retryAfterSeconds, error.retryAfterSeconds ?? 0)
  }

  #refusedOften(record: OutboxRecord): boolean {
    if (record.refusedAt === this.#acknowledged) return false
    record.refusedAt = this.#acknowledged
    return ++record.refusals >= refusalsMax
  }

  #waitAndGoOn(): void {
    this.#queue.putBack()
    const delayMs = backoffMs(++this.#failures, this.#backoff, this.#retryAfterSeconds)
    this.#refused = false
    this.#retryAfterSeconds = 0
    this.#timer = platform().setTimeout(() => {
      this.#timer = undefined
      this.#pump()
    }, delayMs)
  }
}

const passingCodes: readonly ErrorCode[] = ['unauthenticated', 'canceled', 'internal']

/**
 * Whether the hub will never take this draft. Who we are is the connection's matter, and a hub's own fault may be mended:
 * neither says anything about the draft.
 */
function isPoison(error: ThingmeshError): boolean {
  return !error.retryable && !passingCodes.includes(error.code) && error.outcome !== 'unknown'
}
