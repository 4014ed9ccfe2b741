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
  /** Stands for it in its rows, as long as there are any. */
  index = 0
  /** Tells peers apart. */
  readonly serial: number

  constructor(serial: number) {
    this.serial = serial
  }
}

/** Of no exchange: one that is not remembered. */
export const noExchange = 0

/*
 * A row is as long as a line of the processor's cache. What becomes of an exchange then costs one or two lines of memory;
 * with an array for each field it was ten. The same bytes are looked at as doubles, as integers, and as they are.
 */
const rowBytes = 64

// Bytes 0 to 15, in doubles.
const doublesPerRow = rowBytes / Float64Array.BYTES_PER_ELEMENT
/** The number that has the row; `noExchange` where it was forgotten. */
const numberAt = 0
const expiresAtMsAt = 1

// Bytes 16 to 35, in integers.
const integersPerRow = rowBytes / Int32Array.BYTES_PER_ELEMENT
/** Of the same peer: the rows before and after, counted from 1. */
const beforeAt = 4
const afterAt = 5
/** The next row of the same bucket, counted from 1. */
const nextOfBucketAt = 6
/** The index of the peer. */
const peerAt = 7
const messageIdAt = 8

// Bytes 36 to 63, of which two are spare, as they are.
const tokenLengthAt = 36
/** 0 where there is none. */
const replyLengthAt = 37
const tokenAt = 40
const replyAt = tokenAt + tokenBytesMax
const shortReplyBytes = rowBytes - replyAt
/** As its length: what is longer is kept apart. */
const longReply = 255

/** Message ids that follow each other have buckets that do, too: as many as there are in a line of the cache. */
const neighbourBits = 4
const neighbours = 2 ** neighbourBits

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
  /** The rows, in doubles, in integers and in bytes. */
  readonly #doubles: Float64Array
  readonly #integers: Int32Array
  readonly #bytes: Uint8Array
  readonly #longReplies = new Map<number, Uint8Array>()
  /** By index: those of whom anything is remembered. */
  readonly #peers: (PeerExchanges | undefined)[] = []
  readonly #freeIndexes: number[] = []
  /** By peer and message id: the first row of each bucket, counted from 1. */
  readonly #buckets: Int32Array
  /** What is left of a hash is the number of a block of neighbours. */
  readonly #blockShift: number
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
    const memory = new ArrayBuffer(rows * rowBytes)
    this.#doubles = new Float64Array(memory)
    this.#integers = new Int32Array(memory)
    this.#bytes = new Uint8Array(memory)
    // Four for each row: most are empty, and so most of what is looked for is seen not to be there at the first look.
    const blockBits = Math.max(1, rowBits + 2 - neighbourBits)
    this.#buckets = new Int32Array(2 ** blockBits * neighbours)
    this.#blockShift = 32 - blockBits
  }

  get size(): number {
    return this.#size
  }

  /** Its number; `noExchange` where there is none. */
  find(peer: PeerExchanges, messageId: number): number {
    if (peer.count === 0) return noExchange
    for (let place = this.#buckets[this.#bucketOf(peer, messageId)]!; place > 0; ) {
      const at = (place - 1) * integersPerRow
      if (this.#integers[at + messageIdAt] === messageId && this.#integers[at + peerAt] === peer.index) {
        return this.#numberOf(place - 1)
      }
      place = this.#integers[at + nextOfBucketAt]!
    }
    return noExchange
  }

  /** The number of the new one. `known` is what was found under the message id, which it takes the place of. */
  begin(peer: PeerExchanges, request: UdpRequest, nowMs: number, known: number): number {
    const { exchangesPerPeerMax, exchangeLifetimeMs } = this.#limits
    this.forget(known)
    if (peer.count >= exchangesPerPeerMax) {
      this.forget(this.#numberOf(peer.oldest - 1))
      this.#forgotten['exchanges-per-peer'].value += 1
    }
    const number = this.#next++
    if (number - this.#oldest >= this.#max) this.#makeRoom()
    const row = number & this.#rowMask
    const { tokenLength } = request
    this.#doubles[row * doublesPerRow + numberAt] = number
    this.#doubles[row * doublesPerRow + expiresAtMsAt] = nowMs + exchangeLifetimeMs
    this.#integers[row * integersPerRow + messageIdAt] = request.messageId
    const at = row * rowBytes
    this.#bytes[at + tokenLengthAt] = tokenLength
    this.#bytes[at + replyLengthAt] = 0
    for (let i = 0; i < tokenLength; i++) this.#bytes[at + tokenAt + i] = request.tokenByte(i)
    this.#link(row, peer)
    this.#size += 1
    return number
  }

  hasToken(number: number, request: UdpRequest): boolean {
    if (!this.#has(number)) return false
    const { tokenLength } = request
    const at = (number & this.#rowMask) * rowBytes
    if (this.#bytes[at + tokenLengthAt] !== tokenLength) return false
    for (let i = 0; i < tokenLength; i++) if (this.#bytes[at + tokenAt + i] !== request.tokenByte(i)) return false
    return true
  }

  /** What the same request is answered with when it comes again; `undefined` while there is nothing. */
  replyOf(number: number): Uint8Array | undefined {
    if (!this.#has(number)) return undefined
    const at = (number & this.#rowMask) * rowBytes
    const length = this.#bytes[at + replyLengthAt]!
    if (length === longReply) return this.#longReplies.get(number)
    // A copy: the row may be another's before the network has taken it.
    return length === 0 ? undefined : this.#bytes.slice(at + replyAt, at + replyAt + length)
  }

  /** Does nothing where it is forgotten. */
  remember(number: number, reply: Uint8Array): void {
    if (!this.#has(number)) return
    const at = (number & this.#rowMask) * rowBytes
    if (reply.length > shortReplyBytes) {
      this.#bytes[at + replyLengthAt] = longReply
      this.#longReplies.set(number, reply.slice())
      return
    }
    if (this.#bytes[at + replyLengthAt] === longReply) this.#longReplies.delete(number)
    this.#bytes[at + replyLengthAt] = reply.length
    for (let i = 0; i < reply.length; i++) this.#bytes[at + replyAt + i] = reply[i]!
  }

  /** Does nothing where it is forgotten. */
  forget(number: number): void {
    if (!this.#has(number)) return
    const row = number & this.#rowMask
    this.#doubles[row * doublesPerRow + numberAt] = noExchange
    this.#unlink(row)
    if (this.#bytes[row * rowBytes + replyLengthAt] === longReply) this.#longReplies.delete(number)
    this.#size -= 1
  }

  forgetAll(peer: PeerExchanges): void {
    while (peer.count > 0) this.forget(this.#numberOf(peer.oldest - 1))
  }

  tick(nowMs: number): void {
    for (; this.#oldest < this.#next; this.#oldest++) {
      if (!this.#has(this.#oldest)) continue
      const row = this.#oldest & this.#rowMask
      if (this.#doubles[row * doublesPerRow + expiresAtMsAt]! > nowMs) return
      this.forget(this.#oldest)
    }
  }

  #numberOf(row: number): number {
    return this.#doubles[row * doublesPerRow + numberAt]!
  }

  #has(number: number): boolean {
    return number !== noExchange && this.#numberOf(number & this.#rowMask) === number
  }

  /** The oldest row is taken for the newest. */
  #makeRoom(): void {
    if (this.#has(this.#oldest)) {
      this.forget(this.#oldest)
      this.#forgotten.exchanges.value += 1
    }
    this.#oldest += 1
  }

  #bucketOf({ serial }: PeerExchanges, messageId: number): number {
    const [a, b] = this.#factors
    const hash = Math.imul(serial, a) ^ Math.imul((messageId >>> neighbourBits) + 1, b)
    // Which one within the block is as unknown as the block: or else one in so many message ids would fill few buckets.
    const neighbour = (messageId ^ (hash >>> neighbourBits)) & (neighbours - 1)
    return (hash >>> this.#blockShift) * neighbours + neighbour
  }

  #link(row: number, peer: PeerExchanges): void {
    const integers = this.#integers
    const at = row * integersPerRow
    const place = row + 1
    if (peer.count === 0) this.#takeIndex(peer)
    integers[at + peerAt] = peer.index
    integers[at + beforeAt] = peer.newest
    integers[at + afterAt] = 0
    if (peer.newest > 0) integers[(peer.newest - 1) * integersPerRow + afterAt] = place
    else peer.oldest = place
    peer.newest = place
    peer.count += 1
    const bucket = this.#bucketOf(peer, integers[at + messageIdAt]!)
    integers[at + nextOfBucketAt] = this.#buckets[bucket]!
    this.#buckets[bucket] = place
  }

  #unlink(row: number): void {
    const integers = this.#integers
    const at = row * integersPerRow
    const place = row + 1
    const peer = this.#peers[integers[at + peerAt]!]!
    const before = integers[at + beforeAt]!
    const after = integers[at + afterAt]!
    if (before > 0) integers[(before - 1) * integersPerRow + afterAt] = after
    else peer.oldest = after
    if (after > 0) integers[(after - 1) * integersPerRow + beforeAt] = before
    else peer.newest = before
    peer.count -= 1
    if (peer.count === 0) this.#freeIndex(peer)
    const bucket = this.#bucketOf(peer, integers[at + messageIdAt]!)
    const next = integers[at + nextOfBucketAt]!
    let other = this.#buckets[bucket]!
    if (other === place) {
      this.#buckets[bucket] = next
      return
    }
    while (integers[(other - 1) * integersPerRow + nextOfBucketAt] !== place) {
      other = integers[(other - 1) * integersPerRow + nextOfBucketAt]!
    }
    integers[(other - 1) * integersPerRow + nextOfBucketAt] = next
  }

  #takeIndex(peer: PeerExchanges): void {
    peer.index = this.#freeIndexes.pop() ?? this.#peers.length
    this.#peers[peer.index] = peer
  }

  #freeIndex(peer: PeerExchanges): void {
    this.#peers[peer.index] = undefined
    this.#freeIndexes.push(peer.index)
  }
}

/** Odd, so that no two numbers become one. */
function randomFactor(): number {
  return randomInt(0x1_0000_0000) | 1
}
