import { isPayloadIntact, payloadPublisher, payloadSequence, payloadTimeMs } from '../frames.ts'
import { SequenceTracker } from '../sequence.ts'
import {
  ACK,
  CON,
  CONTENT,
  EMPTY,
  encodeEmpty,
  GET,
  messageIdOf,
  NON,
  OBSERVE,
  RST,
  readBody,
  tokenOf,
  typeOf,
} from './datagrams.ts'
import type { Endpoint } from './endpoint.ts'
import { codeText, exchange, isPing } from './exchange.ts'
import type { EndpointSpec } from './job.ts'

/** What one observer has seen. */
export interface Observation {
  readonly tracker: SequenceTracker
  corrupt: number
}

/** Observes with one endpoint: acknowledges what is confirmable, and tells everything apart by its token. */
export class Observing {
  readonly #endpoint: Endpoint
  readonly #payloadBytes: number
  readonly #publisher: number
  readonly #byToken = new Map<number, Observation>()
  readonly #onSeen: (timeMs: number) => void

  /** `onSeen` is told the time that a notification was stamped with. */
  constructor(options: {
    readonly endpoint: Endpoint
    readonly payloadBytes: number
    readonly publisher: number
    readonly onSeen: (timeMs: number) => void
  }) {
    this.#endpoint = options.endpoint
    this.#payloadBytes = options.payloadBytes
    this.#publisher = options.publisher
    this.#onSeen = options.onSeen
    this.#endpoint.onDatagram = datagram => this.#receive(datagram)
  }

  get observations(): readonly Observation[] {
    return [...this.#byToken.values()]
  }

  /** Registers (RFC 7641, section 4.1); throws where the answer does not say that it observes. */
  async register(spec: EndpointSpec, token: number, confirmable: boolean): Promise<void> {
    this.#byToken.set(token, { tracker: new SequenceTracker(), corrupt: 0 })
    const options = [[OBSERVE, new Uint8Array(0)]] as const
    const type = confirmable ? CON : NON
    const answer = await exchange(this.#endpoint, { code: GET, ...spec, options }, { token, type })
    if (answer.code === CONTENT && answer.options.has(OBSERVE)) return
    throw new Error(`an observer was answered with ${codeText(answer.code)}, and does not observe`)
  }

  #receive(datagram: Buffer): void {
    if (datagram[1] === EMPTY) {
      if (isPing(datagram)) this.#endpoint.send(encodeEmpty(RST, messageIdOf(datagram)))
      return
    }
    const observation = this.#byToken.get(tokenOf(datagram) ?? -1)
    if (observation === undefined) return
    if (typeOf(datagram) === CON) this.#endpoint.send(encodeEmpty(ACK, messageIdOf(datagram)))
    const body = readBody(datagram)
    const at = body?.payloadAt ?? 0
    const isWhole =
      datagram[1] === CONTENT &&
      body?.options.has(OBSERVE) === true &&
      isPayloadIntact(datagram, at, datagram.length, this.#payloadBytes) &&
      payloadPublisher(datagram, at) === this.#publisher
    if (!isWhole) {
      observation.corrupt++
      return
    }
    observation.tracker.see(payloadSequence(datagram, at))
    this.#onSeen(payloadTimeMs(datagram, at))
  }
}
