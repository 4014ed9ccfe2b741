import {
  Code,
  encodeEmpty,
  encodePiggybacked,
  findUint,
  isUnwanted,
  type MessageType,
  OptionNumber,
} from '@thingmesh/core/coap'
import type { EngineContext } from './engine-context.ts'
import { type Exchanges, noExchange } from './exchanges.ts'
import type { Outcome } from './remote.ts'
import { emptyResponse, isError, type Response } from './response.ts'
import type { UdpRemote } from './udp-remote.ts'
import type { UdpRequest } from './udp-request.ts'

const amplificationMax = 3
const pingBytes = 4

/** The way back of one request's answer. */
export class Reply {
  readonly request: UdpRequest
  readonly #context: EngineContext
  readonly #exchanges: Exchanges
  readonly #remote: UdpRemote
  /** Where it is remembered. */
  exchange: number = noExchange
  /** When the peer is told that its answer will come apart. */
  acknowledgeAtMs = 0
  /** Its neighbours among those that are not answered. */
  before: Reply | undefined
  after: Reply | undefined
  /** There is nothing more to be done for the request. */
  onDone: (remote: UdpRemote) => void = () => undefined
  #acknowledged = false

  constructor(context: EngineContext, exchanges: Exchanges, remote: UdpRemote, request: UdpRequest) {
    this.#context = context
    this.#exchanges = exchanges
    this.#remote = remote
    this.request = request
  }

  /** Doing it again is cheaper than keeping its answer, and safe (RFC 7252, section 4.5). */
  get isRepeatable(): boolean {
    return this.request.confirmable && this.request.code === Code.get
  }

  /** The answer will come apart. */
  acknowledge(): void {
    this.#acknowledged = true
    const bytes = encodeEmpty('acknowledgement', this.request.messageId)
    this.#exchanges.remember(this.exchange, bytes)
    this.#remote.send(bytes)
  }

  /** Of no answer: says no more than it has to. */
  send(response: Response | undefined): void {
    const { confirmable, messageId } = this.request
    if (response === undefined || this.#isUnwanted(response)) {
      if (confirmable && !this.#acknowledged) this.#sendOnce(encodeEmpty('acknowledgement', messageId))
      response?.onSent?.()
      this.onDone(this.#remote)
      return
    }
    const sent = this.#bounded(response, confirmable && this.#acknowledged)
    if (sent !== response) response.onRefused?.()
    if (confirmable && !this.#acknowledged) {
      this.#sendOnce(this.#encode(sent))
      this.onDone(this.#remote)
    } else this.#sendApart(sent)
    sent.onSent?.()
  }

  #isUnwanted({ code }: Response): boolean {
    // Hardly any has options as high as that, and so none is read for it.
    if (this.request.numberMax < OptionNumber.noResponse) return false
    return isUnwanted(findUint(this.request.options, OptionNumber.noResponse), code)
  }

  #sendApart(sent: Response): void {
    const { confirmable, token } = this.request
    const type: MessageType = confirmable ? 'confirmable' : 'non-confirmable'
    const { code, options, payload } = sent
    this.#remote.sendApart({ type, code, token, options, payload }, outcome => {
      this.#settle(sent, outcome)
      if (confirmable) this.onDone(this.#remote)
    })
    if (!confirmable) this.onDone(this.#remote)
  }

  #settle(sent: Response, outcome: Outcome): void {
    if (outcome !== 'acknowledged') sent.onRefused?.()
  }

  /** With the acknowledgement. */
  #sendOnce(bytes: Uint8Array): void {
    if (this.isRepeatable) this.#exchanges.forget(this.exchange)
    else this.#exchanges.remember(this.exchange, bytes)
    this.#remote.send(bytes)
  }

  #encode(response: Response): Uint8Array {
    return encodePiggybacked(this.request.datagram, response, this.#context.allocate)
  }

  /**
   * Whoever writes another's address into his requests must not make this hub flood that address: until it has shown that
   * it hears us, it is sent at most three times what came from there (RFC 9175, section 2.4), with all that is sent again
   * for want of an answer: a response that comes apart, and a ping.
   */
  #bounded(response: Response, isRepeated: boolean): Response {
    if (this.#remote.isProved) return response
    const times = this.#context.limits.retransmitMax + 1
    const room = Math.max(0, amplificationMax * this.request.datagram.length - times * pingBytes)
    const bytesMax = isRepeated ? Math.floor(room / times) : room
    const bytes = this.#encode(response).length
    if (bytes <= bytesMax) return response
    this.#context.counters.refused['address-proof'].value += 1
    // The code tells; half a text would not.
    if (isError(response)) return emptyResponse(response.code, response.options)
    // A peer that does not know Echo shows it by this, and is answered when it asks again.
    this.#remote.ping()
    return emptyResponse(Code.unauthorized, [this.#context.echo.option(this.#remote)])
  }
}
