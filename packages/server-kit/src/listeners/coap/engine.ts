import { ThingmeshError } from '@thingmesh/core'
import {
  blockBytes,
  blockOption,
  type CoapMessage,
  Code,
  decodeHeader,
  decodeMessage,
  encodeEmpty,
  encodeMessage,
  exponentThatFits,
  isRequestCode,
  OptionNumber,
  type OptionScan,
  scanOptions,
  tokenBytesMax,
} from '@thingmesh/core/coap'
import type { EngineContext } from './engine-context.ts'
import { Exchanges } from './exchanges.ts'
import { errorResponse } from './reasons.ts'
import type { Remote } from './remote.ts'
import { Remotes } from './remotes.ts'
import { Reply } from './reply.ts'
import { CommitAnswer, type Response } from './response.ts'
import { Transmissions } from './transmissions.ts'
import type { UdpRemote } from './udp-remote.ts'
import { UdpRequest } from './udp-request.ts'
import { Unanswered } from './unanswered.ts'

const headerBytes = 4
const confirmableBits = 0
/** What a block leaves room for beside itself: a long path, a key. */
const pathBytes = 512

/** Requests whose answers wait for one commit. */
interface Batch {
  readonly committed: Promise<void>
  readonly answers: CommitAnswer[]
  /** One for each of them. */
  readonly replies: Reply[]
}

/**
 * CoAP's message layer over datagrams (RFC 7252, section 4), without I/O: acknowledgements, repetitions, resets, and who
 * is told how much before he has shown that he hears it. Datagrams come in by `receive`, time by `tick`.
 */
export class CoapEngine {
  readonly #context: EngineContext
  readonly #exchanges: Exchanges
  readonly #transmissions: Transmissions
  readonly #remotes: Remotes
  /** As it was with the last tick: a look at the system's for every datagram would cost, and nothing is so exact. */
  readonly #clock: { nowMs: number }
  readonly #scan: OptionScan = { optionsEnd: 0, payloadAt: 0, numberMax: 0 }
  readonly #unanswered = new Unanswered()
  #requestCount = 0
  #answeringCount = 0
  #onSettled: (() => void) | undefined
  /** The last one that was begun to be waited for. */
  #batch: Batch | undefined
  #closed = false

  constructor(context: EngineContext) {
    this.#context = context
    const { limits, counters, wire, nowMs, random } = context
    this.#exchanges = new Exchanges(limits, counters)
    this.#transmissions = new Transmissions(limits, random, counters.retransmissions)
    this.#clock = { nowMs: nowMs() }
    const remoteContext = { limits, wire, transmissions: this.#transmissions, clock: this.#clock, random }
    this.#remotes = new Remotes(remoteContext, counters.forgotten.peers, remote => this.#forget(remote))
  }

  /** Endpoints of which anything is remembered. */
  get peerCount(): number {
    return this.#remotes.size
  }

  /** Requests that are remembered, in case they come again. */
  get exchangeCount(): number {
    return this.#exchanges.size
  }

  /** Requests that are not answered yet, or whose answer is not acknowledged. */
  get requestCount(): number {
    return this.#requestCount
  }

  receive(datagram: Uint8Array, address: string, port: number): void {
    if (this.#closed) return
    const { datagramBytesMax } = this.#context.limits
    if (datagram.length > datagramBytesMax) {
      this.#context.counters.refused['datagram-bytes'].value += 1
      this.#refuseUnread(datagram, address, port)
      return
    }
    let message: CoapMessage | UdpRequest
    try {
      message = this.#read(datagram)
    } catch {
      this.#context.counters.refused.malformed.value += 1
      this.#rejectMalformed(datagram, address, port)
      return
    }
    const remote = this.#remotes.heard(address, port, this.#clock.nowMs)
    if (message instanceof UdpRequest) this.#receiveRequest(message, remote)
    else this.#receiveOther(message, remote)
  }

  /** Several times a second. */
  tick(isNeeded: (remote: Remote) => boolean): void {
    const nowMs = this.#context.nowMs()
    this.#clock.nowMs = nowMs
    for (let reply = this.#unanswered.takeDue(nowMs); reply !== undefined; reply = this.#unanswered.takeDue(nowMs)) {
      // It takes its time: the peer need not ask again, and is answered apart (RFC 7252, section 5.2.2).
      reply.acknowledge()
    }
    this.#transmissions.tick(nowMs)
    this.#exchanges.tick(nowMs)
    this.#remotes.tick(nowMs, isNeeded)
  }

  /** Settles when what was asked so far is answered. */
  settled(): Promise<void> {
    if (this.#answeringCount === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#onSettled = resolve
    })
  }

  /** What was to be said is said; nothing is sent again. */
  close(): void {
    this.#closed = true
    this.#transmissions.clear()
    this.#unanswered.clear()
  }

  /** A request is read no further than it takes to know that it is well-formed: most ask what was asked before. */
  #read(datagram: Uint8Array): CoapMessage | UdpRequest {
    const first = datagram[0] ?? 0
    const tokenEnd = headerBytes + (first & 0x0f)
    const isRequest = first >> 6 === 1 && datagram.length >= tokenEnd && isRequestCode(datagram[1] ?? 0)
    // An acknowledgement or a reset is none, whatever its code; and what is wrong is told in one place.
    if (!isRequest || ((first >> 4) & 3) > 1 || tokenEnd > headerBytes + tokenBytesMax) return decodeMessage(datagram)
    scanOptions(datagram, tokenEnd, this.#scan)
    const { optionsEnd, payloadAt, numberMax } = this.#scan
    const confirmable = ((first >> 4) & 3) === confirmableBits
    return new UdpRequest(datagram, confirmable, { tokenEnd, optionsEnd, payloadAt, numberMax })
  }

  #receiveOther({ type, code, messageId }: CoapMessage, remote: UdpRemote): void {
    if (type === 'acknowledgement' || type === 'reset') {
      // What belongs to an acknowledgement of ours is nothing but its message id (RFC 7252, section 4.2).
      if (code === Code.empty) remote.answered(messageId, type === 'reset' ? 'reset' : 'acknowledged')
      return
    }
    if (type === 'confirmable') remote.send(encodeEmpty('reset', messageId))
  }

  #receiveRequest(request: UdpRequest, remote: UdpRemote): void {
    const { limits, counters } = this.#context
    const { messageId, confirmable } = request
    const known = this.#exchanges.find(remote.exchanges, messageId)
    if (this.#exchanges.hasToken(known, request)) {
      counters.duplicates.value += 1
      const reply = confirmable ? this.#exchanges.replyOf(known) : undefined
      if (reply !== undefined) remote.send(reply)
      return
    }
    const limit =
      remote.requestCount >= limits.requestsPerPeerMax
        ? 'requests-per-peer'
        : this.#requestCount >= limits.requestsMax
          ? 'requests'
          : undefined
    const reply = new Reply(this.#context, this.#exchanges, remote, request)
    if (limit !== undefined) {
      counters.refused[limit].value += 1
      // Not remembered: the same request may find room when it comes again.
      reply.send(errorResponse(new ThingmeshError('unavailable', 'too many requests are not answered yet')))
      return
    }
    const answer = this.#context.answer(request, remote)
    const isLater = answer instanceof CommitAnswer || answer instanceof Promise
    // What is safe to do again, and done, is done again when it comes again.
    if (isLater || !reply.isRepeatable) {
      reply.exchange = this.#exchanges.begin(remote.exchanges, request, this.#clock.nowMs, known)
    }
    remote.requestCount += 1
    this.#requestCount += 1
    reply.onDone = this.#onDone
    if (!isLater) {
      reply.send(answer)
      return
    }
    this.#answeringCount += 1
    reply.acknowledgeAtMs = this.#clock.nowMs + limits.piggybackMs
    if (confirmable) this.#unanswered.add(reply)
    if (answer instanceof CommitAnswer) this.#awaitCommit(answer, reply)
    else void answer.then(response => this.#answered(reply, response))
  }

  /** Those of one batch wait together. */
  #awaitCommit(answer: CommitAnswer, reply: Reply): void {
    const { committed } = answer
    if (this.#batch?.committed === committed) {
      this.#batch.answers.push(answer)
      this.#batch.replies.push(reply)
      return
    }
    const batch: Batch = { committed, answers: [answer], replies: [reply] }
    this.#batch = batch
    committed.then(
      () => this.#committed(batch, undefined),
      error => this.#committed(batch, error),
    )
  }

  #committed(batch: Batch, error: unknown): void {
    if (this.#batch === batch) this.#batch = undefined
    for (let i = 0; i < batch.replies.length; i++) this.#answered(batch.replies[i]!, batch.answers[i]!.settle(error))
  }

  #answered(reply: Reply, response: Response | undefined): void {
    this.#answeringCount -= 1
    if (reply.request.confirmable) this.#unanswered.remove(reply)
    if (!this.#closed) reply.send(response)
    if (this.#answeringCount === 0) this.#onSettled?.()
  }

  readonly #onDone = (remote: UdpRemote): void => {
    remote.requestCount -= 1
    this.#requestCount -= 1
  }

  /** A format error: what wants an answer is told that there is none; what does not is dropped (RFC 7252, section 4.2, 4.3). */
  #rejectMalformed(datagram: Uint8Array, address: string, port: number): void {
    const header = decodeHeader(datagram)
    if (header?.type === 'confirmable') this.#context.wire.send(encodeEmpty('reset', header.messageId), address, port)
  }

  #refuseUnread(datagram: Uint8Array, address: string, port: number): void {
    const header = decodeHeader(datagram)
    if (header?.token === undefined || header.type !== 'confirmable' || !isRequestCode(header.code)) return
    const { messageId, token } = header
    const max = this.#context.limits.datagramBytesMax
    const sizeExponent = exponentThatFits(max - pathBytes)
    // A hint (RFC 7959, section 2.9.3): the peer may send in blocks already, and these be too large beside its options.
    const hint = sizeExponent === undefined ? [] : [{ number: 0, more: false, sizeExponent }]
    const inBlocks = sizeExponent === undefined ? '' : ` of ${blockBytes(sizeExponent)} bytes`
    const text = `datagram of ${datagram.length} bytes, the limit is ${max}: send the body in blocks${inBlocks}`
    const { code, options, payload } = errorResponse(new ThingmeshError('too-large', text))
    const told = [...options, ...hint.map(block => blockOption(OptionNumber.block1, block))]
    this.#context.wire.send(
      encodeMessage({ type: 'acknowledgement', code, messageId, token, options: told, payload }),
      address,
      port,
    )
  }

  #forget(remote: UdpRemote): void {
    this.#exchanges.forgetAll(remote.exchanges)
    this.#context.onForgotten(remote)
  }
}
