import { ThingmeshError } from '@thingmesh/core'
import {
  type CoapMessage,
  Code,
  decodeHeader,
  decodeMessage,
  encodeEmpty,
  encodeMessage,
  findUint,
  isRequestCode,
  isUnwanted,
  OptionNumber,
} from '@thingmesh/core/coap'
import type { CoapCounters } from './counters.ts'
import type { EchoValues } from './echo.ts'
import { type Exchange, Exchanges, unremembered } from './exchanges.ts'
import type { CoapLimits } from './options.ts'
import { errorResponse } from './reasons.ts'
import type { Outcome, Remote } from './remote.ts'
import { Remotes } from './remotes.ts'
import { emptyResponse, isError, type Request, type Response } from './response.ts'
import { Transmissions } from './transmissions.ts'
import type { UdpRemote } from './udp-remote.ts'
import type { Wire } from './wire.ts'

export interface EngineContext {
  readonly limits: CoapLimits
  readonly counters: CoapCounters
  readonly wire: Wire
  readonly echo: EchoValues
  /** Answers a request; `undefined` where there is nothing to answer. Does not reject. */
  readonly answer: (request: Request, remote: Remote) => Promise<Response | undefined>
  /** Nothing is known of the endpoint any more. */
  readonly onForgotten: (remote: Remote) => void
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** Evenly from 0 to 1. */
  readonly random: () => number
}

/** A confirmable request whose answer may still go with its acknowledgement. */
interface Unanswered {
  readonly remote: UdpRemote
  readonly exchange: Exchange
  readonly acknowledgeAtMs: number
}

const amplificationMax = 3
const pingBytes = 4

/**
 * CoAP's message layer over datagrams (RFC 7252, section 4), without I/O: acknowledgements, repetitions, resets, and who
 * is told how much before he has shown that he hears it. Datagrams come in by `receive`, time by `tick`.
 */
export class CoapEngine {
  readonly #context: EngineContext
  readonly #exchanges: Exchanges
  readonly #transmissions: Transmissions
  readonly #remotes: Remotes
  readonly #unanswered = new Set<Unanswered>()
  #requestCount = 0
  readonly #answering = new Set<Promise<void>>()
  #closed = false

  constructor(context: EngineContext) {
    this.#context = context
    const { limits, counters, wire, nowMs, random } = context
    this.#exchanges = new Exchanges(limits, counters)
    this.#transmissions = new Transmissions(limits, random, counters.retransmissions)
    const remoteContext = { limits, wire, transmissions: this.#transmissions, nowMs, random }
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
    let message: CoapMessage
    try {
      message = decodeMessage(datagram)
    } catch {
      this.#context.counters.refused.malformed.value += 1
      this.#rejectMalformed(datagram, address, port)
      return
    }
    this.#handle(message, this.#remotes.heard(address, port), datagram.length)
  }

  /** Several times a second. */
  tick(isNeeded: (remote: Remote) => boolean): void {
    const nowMs = this.#context.nowMs()
    for (const unanswered of this.#unanswered) {
      if (unanswered.acknowledgeAtMs > nowMs) break
      this.#acknowledge(unanswered)
    }
    this.#transmissions.tick(nowMs)
    this.#exchanges.tick(nowMs)
    this.#remotes.tick(nowMs, isNeeded)
  }

  /** Settles when what was asked so far is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#answering)
  }

  /** What was to be said is said; nothing is sent again. */
  close(): void {
    this.#closed = true
    this.#transmissions.clear()
    this.#unanswered.clear()
  }

  #handle(message: CoapMessage, remote: UdpRemote, bytes: number): void {
    const { type, code, messageId } = message
    if (type === 'acknowledgement' || type === 'reset') {
      // What belongs to an acknowledgement of ours is nothing but its message id (RFC 7252, section 4.2).
      if (code === Code.empty) remote.answered(messageId, type === 'reset' ? 'reset' : 'acknowledged')
      return
    }
    if (isRequestCode(code)) this.#receiveRequest(message, remote, bytes)
    else if (type === 'confirmable') remote.send(encodeEmpty('reset', messageId))
  }

  #receiveRequest(message: CoapMessage, remote: UdpRemote, bytes: number): void {
    const { limits, counters, nowMs } = this.#context
    const known = remote.exchanges.get(message.messageId)
    if (known !== undefined && isSameToken(known.token, message.token)) {
      counters.duplicates.value += 1
      if (message.type === 'confirmable' && known.reply !== undefined) remote.send(known.reply)
      return
    }
    const limit =
      remote.requestCount >= limits.requestsPerPeerMax
        ? 'requests-per-peer'
        : this.#requestCount >= limits.requestsMax
          ? 'requests'
          : undefined
    const { messageId, token } = message
    const exchange =
      limit === undefined
        ? this.#exchanges.begin(remote.exchanges, messageId, token, nowMs())
        : // The same request may find room when it comes again.
          unremembered(messageId, token)
    const reply = new Reply(this.#context, this.#exchanges, remote, message, exchange, bytes)
    if (limit !== undefined) {
      counters.refused[limit].value += 1
      reply.send(errorResponse(new ThingmeshError('unavailable', 'too many requests are not answered yet')), () => {})
      return
    }
    remote.requestCount += 1
    this.#requestCount += 1
    const confirmable = message.type === 'confirmable'
    const unanswered = { remote, exchange, acknowledgeAtMs: nowMs() + limits.piggybackMs }
    if (confirmable) this.#unanswered.add(unanswered)
    const { code, options, payload } = message
    const answering = this.#context.answer({ code, token, options, payload, confirmable }, remote).then(response => {
      this.#answering.delete(answering)
      this.#unanswered.delete(unanswered)
      if (this.#closed) return
      reply.send(response, () => {
        remote.requestCount -= 1
        this.#requestCount -= 1
      })
    })
    this.#answering.add(answering)
  }

  /** The answer takes its time: the peer need not ask again, and is answered apart (RFC 7252, section 5.2.2). */
  #acknowledge(unanswered: Unanswered): void {
    this.#unanswered.delete(unanswered)
    const { remote, exchange } = unanswered
    exchange.reply = encodeEmpty('acknowledgement', exchange.messageId)
    remote.send(exchange.reply)
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
    const text = `datagram of ${datagram.length} bytes, the limit is ${max}: send the body in blocks`
    const { code, options, payload } = errorResponse(new ThingmeshError('too-large', text))
    this.#context.wire.send(
      encodeMessage({ type: 'acknowledgement', code, messageId, token, options, payload }),
      address,
      port,
    )
  }

  #forget(remote: UdpRemote): void {
    for (const exchange of remote.exchanges.values()) this.#exchanges.forget(exchange)
    this.#context.onForgotten(remote)
  }
}

/** The way back of one request's answer. */
class Reply {
  readonly #context: EngineContext
  readonly #exchanges: Exchanges
  readonly #remote: UdpRemote
  readonly #request: CoapMessage
  readonly #exchange: Exchange
  readonly #requestBytes: number

  constructor(
    context: EngineContext,
    exchanges: Exchanges,
    remote: UdpRemote,
    request: CoapMessage,
    exchange: Exchange,
    requestBytes: number,
  ) {
    this.#context = context
    this.#exchanges = exchanges
    this.#remote = remote
    this.#request = request
    this.#exchange = exchange
    this.#requestBytes = requestBytes
  }

  /** `onDone` comes when there is nothing more to be done for the request. */
  send(response: Response | undefined, onDone: () => void): void {
    const { type, messageId, options, token } = this.#request
    const confirmable = type === 'confirmable'
    const acknowledged = this.#exchange.reply !== undefined
    const unwanted = response === undefined || isUnwanted(findUint(options, OptionNumber.noResponse), response.code)
    if (unwanted) {
      if (confirmable && !acknowledged) this.#remember(encodeEmpty('acknowledgement', messageId))
      response?.onSent?.()
      onDone()
      return
    }
    const sent = this.#bounded(response, confirmable && acknowledged)
    if (sent !== response) response.onRefused?.()
    const body = { code: sent.code, token, options: sent.options, payload: sent.payload }
    const settle = (outcome: Outcome) => {
      if (outcome !== 'acknowledged') sent.onRefused?.()
    }
    if (!confirmable) {
      this.#remote.sendApart({ type: 'non-confirmable', ...body }, settle)
      onDone()
    } else if (acknowledged) {
      this.#remote.sendApart({ type: 'confirmable', ...body }, outcome => {
        settle(outcome)
        onDone()
      })
    } else {
      this.#remember(encodeMessage({ type: 'acknowledgement', messageId, ...body }))
      onDone()
    }
    sent.onSent?.()
  }

  /** What is safe to do again is done again when it comes again: keeping its answer would be the dearer way (RFC 7252, section 4.5). */
  #remember(reply: Uint8Array): void {
    this.#exchange.reply = reply
    if (this.#request.code === Code.get) this.#exchanges.forget(this.#exchange)
    this.#remote.send(reply)
  }

  /**
   * Whoever writes another's address into his requests must not make this hub flood that address: until it has shown that
   * it hears us, it is sent at most three times what came from there (RFC 9175, section 2.4), with all that is sent again
   * for want of an answer: a response that comes apart, and a ping.
   */
  #bounded(response: Response, isRepeated: boolean): Response {
    if (this.#remote.isProved) return response
    const times = this.#context.limits.retransmitMax + 1
    const room = Math.max(0, amplificationMax * this.#requestBytes - times * pingBytes)
    const bytesMax = isRepeated ? Math.floor(room / times) : room
    const without = { type: 'acknowledgement', messageId: 0, token: this.#request.token } as const
    const bytesOf = ({ code, options, payload }: Response) =>
      encodeMessage({ ...without, code, options, payload }).length
    const bytes = bytesOf(response)
    if (bytes <= bytesMax) return response
    this.#context.counters.refused['address-proof'].value += 1
    // The code tells; half a text would not.
    if (isError(response)) return emptyResponse(response.code, response.options)
    // A peer that does not know Echo shows it by this, and is answered when it asks again.
    this.#remote.ping()
    return emptyResponse(Code.unauthorized, [this.#context.echo.option(this.#remote)])
  }
}

function isSameToken(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
