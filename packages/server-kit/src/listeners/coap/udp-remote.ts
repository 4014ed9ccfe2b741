import { type CoapMessage, encodeEmpty, encodeMessage } from '@thingmesh/core/coap'
import type { Peer } from '../../contracts/index.ts'
import { PeerExchanges } from './exchanges.ts'
import type { CoapLimits } from './options.ts'
import type { Recognized } from './recognized.ts'
import type { Outcome, Remote } from './remote.ts'
import type { Response } from './response.ts'
import type { Transmissions } from './transmissions.ts'
import type { Wire } from './wire.ts'

export interface UdpRemoteContext {
  readonly limits: CoapLimits
  readonly wire: Wire
  readonly transmissions: Transmissions
  /** Some tens of milliseconds behind at most. */
  readonly clock: { readonly nowMs: number }
  readonly random: () => number
}

/** Notifications of which a reset may still come. */
const resettableMax = 64
/** Message ids that a peer may be wrong about while it proves its address: who guesses is not there. */
const straysMax = 8

/** One address and port: what it asked lately, and what it was sent and has not answered. */
export class UdpRemote implements Remote {
  readonly key: string
  readonly peer: Peer
  readonly isReliable = false
  readonly address: string
  readonly port: number
  readonly #context: UdpRemoteContext
  /** What it asked. */
  readonly exchanges: PeerExchanges
  /** Requests that are not answered, or whose answer is not acknowledged. */
  requestCount = 0
  heardAtMs: number
  lately: readonly Recognized[] = []
  /** When it was last put behind all who were quiet longer. */
  orderedAtMs: number
  #provedUntilMs = 0
  #strays = 0
  #nextMessageId: number
  #isPinging = false
  readonly #onPinged: ((outcome: Outcome) => void)[] = []
  /** What to do about a reset, by the message id of what was not confirmable. */
  readonly #resettable = new Map<number, (outcome: Outcome) => void>()

  constructor(serial: number, address: string, port: number, context: UdpRemoteContext) {
    this.key = `${address} ${port}`
    this.exchanges = new PeerExchanges(serial)
    this.peer = { address, port }
    this.address = address
    this.port = port
    this.#context = context
    this.heardAtMs = context.clock.nowMs
    this.orderedAtMs = this.heardAtMs
    // A random start: it cannot be told from elsewhere what is to be acknowledged (RFC 7252, section 4.4).
    this.#nextMessageId = Math.floor(context.random() * 0x1_0000)
  }

  get isProved(): boolean {
    return this.#context.limits.addressProof === 'none' || this.#provedUntilMs > this.#context.clock.nowMs
  }

  prove(): void {
    this.#strays = 0
    this.#provedUntilMs = this.#context.clock.nowMs + this.#context.limits.proofMs
  }

  send(bytes: Uint8Array): void {
    this.#context.wire.send(bytes, this.address, this.port)
  }

  /** A datagram with a message id of its own. `onOutcome` comes once if it is confirmable, and else only for a reset. */
  sendApart(message: Omit<CoapMessage, 'messageId'>, onOutcome: (outcome: Outcome) => void): void {
    const messageId = this.#takeMessageId()
    const bytes = encodeMessage({ ...message, messageId })
    if (message.type === 'confirmable') this.#transmit(messageId, bytes, onOutcome)
    else {
      this.#noteResettable(messageId, onOutcome)
      this.send(bytes)
    }
  }

  notify(token: Uint8Array, response: Response, confirmable: boolean, onOutcome: (outcome: Outcome) => void): void {
    const { code, options, payload } = response
    const type = confirmable ? 'confirmable' : 'non-confirmable'
    this.sendApart({ type, code, token, options, payload }, onOutcome)
  }

  ping(onOutcome?: (outcome: Outcome) => void): void {
    if (onOutcome !== undefined) this.#onPinged.push(onOutcome)
    if (this.#isPinging) return
    this.#isPinging = true
    const messageId = this.#takeMessageId()
    this.#transmit(messageId, encodeEmpty('confirmable', messageId), outcome => {
      this.#isPinging = false
      for (const tell of this.#onPinged.splice(0)) tell(outcome)
    })
  }

  /** An acknowledgement or a reset came. Only who hears us knows what there is to acknowledge. */
  answered(messageId: number, outcome: 'acknowledged' | 'reset'): void {
    if (this.#context.transmissions.has(this.#keyOf(messageId))) {
      if (this.#strays <= straysMax) this.prove()
      this.#context.transmissions.settle(this.#keyOf(messageId), outcome)
      return
    }
    const onReset = this.#resettable.get(messageId)
    if (onReset === undefined) {
      if (!this.isProved) this.#strays += 1
      return
    }
    if (outcome !== 'reset') return
    this.#resettable.delete(messageId)
    onReset('reset')
  }

  #transmit(messageId: number, bytes: Uint8Array, onOutcome: (outcome: Outcome) => void): void {
    const { transmissions, clock } = this.#context
    transmissions.start(this.#keyOf(messageId), clock.nowMs, () => this.send(bytes), onOutcome)
  }

  #noteResettable(messageId: number, onOutcome: (outcome: Outcome) => void): void {
    if (this.#resettable.size >= resettableMax) {
      for (const oldest of this.#resettable.keys()) {
        this.#resettable.delete(oldest)
        break
      }
    }
    this.#resettable.set(messageId, onOutcome)
  }

  /** Ids come around after 65,536; one that still waits for its answer is passed over. */
  #takeMessageId(): number {
    let messageId = this.#nextMessageId
    while (this.#context.transmissions.has(this.#keyOf(messageId))) messageId = (messageId + 1) & 0xffff
    this.#nextMessageId = (messageId + 1) & 0xffff
    this.#resettable.delete(messageId)
    return messageId
  }

  /** Of all that any endpoint was sent: a number, which costs no text for each message. */
  #keyOf(messageId: number): number {
    return this.exchanges.serial * 0x1_0000 + messageId
  }
}
