import { isPayloadIntact, stampPayload } from '../frames.ts'
import type { LatencySamples } from '../latency.ts'
import {
  ACK,
  CON,
  EMPTY,
  encodeEmpty,
  encodeRequest,
  GET,
  messageIdOf,
  POST,
  RST,
  readBody,
  stamp,
  tokenOf,
  typeOf,
} from './datagrams.ts'
import type { Endpoint } from './endpoint.ts'
import { isPing } from './exchange.ts'
import type { EndpointSpec, RequestsTally } from './job.ts'

const SLOT_BITS = 12
const SLOT_MASK = (1 << SLOT_BITS) - 1
const ACK_TIMEOUT_MS = 2_000
const RESENT_MAX = 4
// Codes and lengths are looked at in every answer, options and the whole payload in one of so many.
const FULL_CHECK_EVERY = 64

/** What all requesters of a run count in. */
export interface RequestBook {
  answered: number
  /** Set inside the window only. */
  latency: LatencySamples | undefined
}

export interface RequesterOptions {
  readonly endpoint: Pick<Endpoint, 'send' | 'takeMessageId' | 'onDatagram'>
  readonly spec: EndpointSpec
  readonly method: 'get' | 'post'
  /** Of a POST: what is published. Of a GET: what is there. */
  readonly payload: Buffer
  readonly expectedCode: number
  readonly inFlight: number
  readonly book: RequestBook
}

/** A request that waits for its answer. Its datagram is its own, to be stamped and sent again and again. */
interface Slot {
  readonly datagram: Buffer
  /** Of its request; 0 in the beginning. */
  token: number
  messageId: number
  isOpen: boolean
  /** Need not be sent again: an answer is to come apart. */
  isAcknowledged: boolean
  sentAtMs: number
  firstSentAtMs: number
  resent: number
}

/** Keeps so many requests open, each replaced by the next as soon as it is answered: many clients behind one socket. */
export class Requester {
  readonly tally: { -readonly [K in keyof RequestsTally]: number } = {
    sent: 0,
    answered: 0,
    refused: 0,
    lost: 0,
    resent: 0,
    duplicated: 0,
    corrupt: 0,
  }
  readonly #options: RequesterOptions
  readonly #slots: readonly Slot[]
  readonly #payloadBytes: number
  #round = 0
  #isRunning = false
  #seen = 0

  constructor(options: RequesterOptions) {
    this.#options = options
    const { spec, method, payload, inFlight, endpoint } = options
    const isPost = method === 'post'
    const fields = { type: CON, code: isPost ? POST : GET, ...spec, ...(isPost ? { payload } : {}) }
    this.#payloadBytes = isPost ? 0 : payload.length
    this.#slots = Array.from({ length: inFlight }, () => ({
      datagram: encodeRequest(fields),
      token: 0,
      messageId: 0,
      isOpen: false,
      isAcknowledged: false,
      sentAtMs: 0,
      firstSentAtMs: 0,
      resent: 0,
    }))
    endpoint.onDatagram = datagram => this.#receive(datagram)
  }

  start(): void {
    this.#isRunning = true
    for (let index = 0; index < this.#slots.length; index++) this.#ask(index)
  }

  /** Asks no more; what is open is still waited for. */
  stop(): void {
    this.#isRunning = false
  }

  get isIdle(): boolean {
    return this.#slots.every(({ isOpen }) => !isOpen)
  }

  /** Sends again what waited too long, and gives up what was sent too often (RFC 7252, section 4.2). */
  look(nowMs: number): void {
    this.#slots.forEach((slot, index) => {
      if (!slot.isOpen || nowMs - slot.sentAtMs < ACK_TIMEOUT_MS * 2 ** slot.resent) return
      if (slot.resent === RESENT_MAX) {
        this.tally.lost++
        this.#next(slot, index)
        return
      }
      slot.resent++
      slot.sentAtMs = nowMs
      if (slot.isAcknowledged) return
      this.tally.resent++
      this.#options.endpoint.send(slot.datagram)
    })
  }

  #ask(index: number): void {
    const slot = this.#slots[index]!
    const { endpoint, method, payload } = this.#options
    slot.token = ((this.#round++ << SLOT_BITS) | index) >>> 0
    slot.messageId = endpoint.takeMessageId()
    slot.isOpen = true
    slot.isAcknowledged = false
    slot.resent = 0
    slot.sentAtMs = performance.now()
    slot.firstSentAtMs = slot.sentAtMs
    stamp(slot.datagram, slot.messageId, slot.token)
    if (method === 'post') {
      stampPayload(slot.datagram, slot.datagram.length - payload.length, this.tally.sent, slot.sentAtMs)
    }
    this.tally.sent++
    endpoint.send(slot.datagram)
  }

  #receive(datagram: Buffer): void {
    if (datagram.length < 4) {
      this.tally.corrupt++
      return
    }
    const type = typeOf(datagram)
    const messageId = messageIdOf(datagram)
    if (datagram[1] === EMPTY) {
      this.#receiveEmpty(datagram, type, messageId)
      return
    }
    if (type === CON) this.#options.endpoint.send(encodeEmpty(ACK, messageId))
    const token = tokenOf(datagram)
    const index = (token ?? 0) & SLOT_MASK
    const slot = this.#slots[index]
    if (token === undefined || slot === undefined) {
      this.tally.corrupt++
      return
    }
    if (!slot.isOpen || slot.token !== token) {
      this.tally.duplicated++
      return
    }
    // What comes with an acknowledgement is told by it, too, which request it answers (RFC 7252, section 5.3.2).
    if (type === ACK && slot.messageId !== messageId) {
      this.tally.corrupt++
      return
    }
    this.#answered(datagram, slot, index)
  }

  #receiveEmpty(datagram: Buffer, type: number, messageId: number): void {
    if (isPing(datagram)) {
      this.#options.endpoint.send(encodeEmpty(RST, messageId))
      return
    }
    const index = this.#slots.findIndex(slot => slot.isOpen && slot.messageId === messageId)
    const slot = this.#slots[index]
    if (slot === undefined) return
    if (type === ACK) {
      slot.isAcknowledged = true
      return
    }
    this.tally.refused++
    this.#next(slot, index)
  }

  #answered(datagram: Buffer, slot: Slot, index: number): void {
    const { book, expectedCode } = this.#options
    this.tally.answered++
    if (datagram[1] !== expectedCode) this.tally.refused++
    else if (!this.#isWhole(datagram)) this.tally.corrupt++
    else {
      book.answered++
      book.latency?.add(performance.now() - slot.firstSentAtMs)
    }
    this.#next(slot, index)
  }

  #isWhole(datagram: Buffer): boolean {
    const bytes = this.#payloadBytes
    if (bytes > 0 && datagram[datagram.length - bytes - 1] !== 0xff) return false
    if (this.#seen++ % FULL_CHECK_EVERY !== 0) return true
    const body = readBody(datagram)
    if (body === undefined) return false
    return bytes === 0 || isPayloadIntact(datagram, body.payloadAt, datagram.length, bytes)
  }

  #next(slot: Slot, index: number): void {
    slot.isOpen = false
    if (this.#isRunning) this.#ask(index)
  }
}
