import { randomInt } from 'node:crypto'
import { tokenBytesMax } from '@thingmesh/core/coap'
import type { CoapCounters } from './counters.ts'
import type { CoapLimits } from './options.ts'
import type { UdpRequest } from './udp-request.ts'

/** A peer's exchanges that are remembered: a list of rows, the oldest first. */
export class PeerExchanges {
  count = 0
  /** Rows, counted from 1; 0 is none. */
  oldest = 0
  newest = 0
  /** Tells peers apart. */
  readonly serial: number

  constructor(serial: number) {
    this.serial = serial
  }
}

/** Of no exchange: one that is not remembered. */
export const noExchange = 0

/** Of a reply, in the row of its exchange; what is longer is kept apart. */
const shortReplyBytes = 16

/**
 * The requests that are remembered for as long as they may come again (RFC 7252, section 4.8.2), the oldest first. What a
 * peer repeats beyond the bounds is acted on again.
 *
 * Tens of thousands of them come and go: they are rows of a ring, and not objects for the collector to follow. An exchange
 * is known by a number that counts up; its row is used again, its number never.
 */
export class Exchanges {
  readonly #limits: CoapLimits
  readonly #forgotten: CoapCounters['forgotten']
  /** The number that has the row; `noExchange` where it was forgotten. */
  readonly #numbers: Float64Array
  readonly #messageIds: Uint16Array
  readonly #tokens: Uint8Array
  readonly #tokenLengths: Uint8Array
  readonly #expiresAtMs: Float64Array
  readonly #shortReplies: Uint8Array
  /** 0 where there is none, or a long one. */
  readonly #shortReplyLengths: Uint8Array
  readonly #longReplies = new Map<number, Uint8Array>()
  readonly #peers: (PeerExchanges | undefined)[] = []
  /** Of the same peer: the rows before and after, counted from 1. */
  readonly #before: Int32Array
  readonly #after: Int32Array
  /** By peer and message id: a row for each bucket, counted from 1, and for each row the next one of its bucket. */
  readonly #buckets: Int32Array
  readonly #nextOfBucket: Int32Array
  readonly #bucketShift: number
  /** Nobody knows which message ids meet in one bucket. */
  readonly #factors = [randomFactor(), randomFactor()] as const
  readonly #max: number
  /** There are as many rows as a power of two, so that a number's row is its last bits. */
  readonly #rowMask: number
  #oldest = 1
  #next = 1
  #size = 0

  constructor(limits: CoapLimits, counters: CoapCounters) {
    this.#limits = limits
    this.#forgotten = counters.forgotten
    this.#max = limits.exchangesMax
    const rowBits = Math.max(1, Math.ceil(Math.log2(this.#max)))
    const rows = 2 ** rowBits
    this.#rowMask = rows - 1
    // The system gives pages to them only as they are written.
    this.#numbers = new Float64Array(rows)
    this.#messageIds = new Uint16Array(rows)
    this.#tokens = new Uint8Array(rows * tokenBytesMax)
    this.#tokenLengths = new Uint8Array(rows)
    this.#expiresAtMs = new Float64Array(rows)
    this.#shortReplies = new Uint8Array(rows * shortReplyBytes)
    this.#shortReplyLengths = new Uint8Array(rows)
    this.#before = new Int32Array(rows)
    this.#after = new Int32Array(rows)
    this.#nextOfBucket = new Int32Array(rows)
    // Four for each row: most are empty, and so most of what is looked for is seen not to be there at the first look.
    const bucketBits = rowBits + 2
    this.#buckets = new Int32Array(2 ** bucketBits)
    this.#bucketShift = 32 - bucketBits
  }

  get size(): number {
    return this.#size
  }

  /** Its number; `noExchange` where there is none. */
  find(peer: PeerExchanges, messageId: number): number {
    if (peer.count === 0) return noExchange
    for (let row = this.#buckets[this.#bucketOf(peer, messageId)]!; row > 0; row = this.#nextOfBucket[row - 1]!) {
      if (this.#messageIds[row - 1] === messageId && this.#peers[row - 1] === peer) return this.#numbers[row - 1]!
    }
    return noExchange
  }

  /** The number of the new one. `known` is what was found under the message id, which it takes the place of. */
  begin(peer: PeerExchanges, request: UdpRequest, nowMs: number, known: number): number {
    const { exchangesPerPeerMax, exchangeLifetimeMs } = this.#limits
    this.forget(known)
    if (peer.count >= exchangesPerPeerMax) {
      this.forget(this.#numbers[peer.oldest - 1]!)
      this.#forgotten['exchanges-per-peer'].value += 1
    }
    const number = this.#next++
    if (number - this.#oldest >= this.#max) this.#makeRoom()
    const row = number & this.#rowMask
    this.#numbers[row] = number
    this.#messageIds[row] = request.messageId
    this.#tokenLengths[row] = request.tokenLength
    const at = row * tokenBytesMax
    for (let i = 0; i < request.tokenLength; i++) this.#tokens[at + i] = request.tokenByte(i)
    this.#expiresAtMs[row] = nowMs + exchangeLifetimeMs
    this.#shortReplyLengths[row] = 0
    this.#link(row, peer)
    this.#size += 1
    return number
  }

  hasToken(number: number, request: UdpRequest): boolean {
    const row = number & this.#rowMask
    const { tokenLength } = request
    if (number === noExchange || this.#numbers[row] !== number || this.#tokenLengths[row] !== tokenLength) return false
    const at = row * tokenBytesMax
    for (let i = 0; i < tokenLength; i++) if (this.#tokens[at + i] !== request.tokenByte(i)) return false
    return true
  }

  /** What the same request is answered with when it comes again; `undefined` while there is nothing. */
  replyOf(number: number): Uint8Array | undefined {
    const row = number & this.#rowMask
    if (number === noExchange || this.#numbers[row] !== number) return undefined
    const length = this.#shortReplyLengths[row]!
    if (length === 0) return this.#longReplies.get(number)
    // A copy: the row may be another's before the network has taken it.
    return this.#shortReplies.slice(row * shortReplyBytes, row * shortReplyBytes + length)
  }

  /** Does nothing where it is forgotten. */
  remember(number: number, reply: Uint8Array): void {
    const row = number & this.#rowMask
    if (number === noExchange || this.#numbers[row] !== number) return
    if (reply.length <= shortReplyBytes) {
      const at = row * shortReplyBytes
      for (let i = 0; i < reply.length; i++) this.#shortReplies[at + i] = reply[i]!
      this.#shortReplyLengths[row] = reply.length
      this.#longReplies.delete(number)
      return
    }
    this.#shortReplyLengths[row] = 0
    this.#longReplies.set(number, reply.slice())
  }

  /** Does nothing where it is forgotten. */
  forget(number: number): void {
    const row = number & this.#rowMask
    if (number === noExchange || this.#numbers[row] !== number) return
    this.#numbers[row] = noExchange
    this.#unlink(row)
    if (this.#shortReplyLengths[row] === 0) this.#longReplies.delete(number)
    this.#size -= 1
  }

  forgetAll(peer: PeerExchanges): void {
    while (peer.count > 0) this.forget(this.#numbers[peer.oldest - 1]!)
  }

  tick(nowMs: number): void {
    for (; this.#oldest < this.#next; this.#oldest++) {
      const row = this.#oldest & this.#rowMask
      if (this.#numbers[row] !== this.#oldest) continue
      if (this.#expiresAtMs[row]! > nowMs) return
      this.forget(this.#oldest)
    }
  }

  /** The oldest row is taken for the newest. */
  #makeRoom(): void {
    const row = this.#oldest & this.#rowMask
    if (this.#numbers[row] === this.#oldest) {
      this.forget(this.#oldest)
      this.#forgotten.exchanges.value += 1
    }
    this.#oldest += 1
  }

  #bucketOf({ serial }: PeerExchanges, messageId: number): number {
    const [a, b] = this.#factors
    return (Math.imul(serial, a) ^ Math.imul(messageId + 1, b)) >>> this.#bucketShift
  }

  #link(row: number, peer: PeerExchanges): void {
    const place = row + 1
    this.#peers[row] = peer
    this.#before[row] = peer.newest
    this.#after[row] = 0
    if (peer.newest > 0) this.#after[peer.newest - 1] = place
    else peer.oldest = place
    peer.newest = place
    peer.count += 1
    const bucket = this.#bucketOf(peer, this.#messageIds[row]!)
    this.#nextOfBucket[row] = this.#buckets[bucket]!
    this.#buckets[bucket] = place
  }

  #unlink(row: number): void {
    const place = row + 1
    const peer = this.#peers[row]!
    this.#peers[row] = undefined
    const before = this.#before[row]!
    const after = this.#after[row]!
    if (before > 0) this.#after[before - 1] = after
    else peer.oldest = after
    if (after > 0) this.#before[after - 1] = before
    else peer.newest = before
    peer.count -= 1
    const bucket = this.#bucketOf(peer, this.#messageIds[row]!)
    const next = this.#nextOfBucket[row]!
    let at = this.#buckets[bucket]!
    if (at === place) {
      this.#buckets[bucket] = next
      return
    }
    while (this.#nextOfBucket[at - 1] !== place) at = this.#nextOfBucket[at - 1]!
    this.#nextOfBucket[at - 1] = next
  }
}

/** Odd, so that no two numbers become one. */
function randomFactor(): number {
  return randomInt(0x1_0000_0000) | 1
}
