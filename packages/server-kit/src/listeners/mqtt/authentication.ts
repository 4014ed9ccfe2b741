import { ThingmeshError } from '@thingmesh/core'
import { type AuthPacket, type ConnectPacket, ReasonCode } from '@thingmesh/core/mqtt'
import type { ChallengeCredential } from '../../contracts/index.ts'
import type { MqttLimits } from './options.ts'

/** The connection, as its authentication needs it. */
export interface AuthenticationPort {
  readonly limits: MqttLimits
  send(packet: AuthPacket): void
  /** Reads on, for the answer to what was sent. */
  listen(): void
  /** Ends the connection: a limit was reached. */
  fail(error: ThingmeshError): void
}

/** One exchange. The hub asks in it, the peer answers. */
interface Exchange {
  readonly sinceMs: number
  rounds: number
  bytes: number
  waiting: { resolve(answer: Uint8Array): void; reject(reason: ThingmeshError): void } | undefined
  conclusion: Uint8Array | undefined
}

/**
 * The enhanced authentication of one connection (MQTT 5, section 4.12): an exchange at CONNECT, and another one
 * whenever the peer proves itself anew. Both ends use the method that CONNECT has named, and no other.
 */
export class Authentication {
  readonly method: string
  readonly #port: AuthenticationPort
  readonly #identity: string | undefined
  readonly #clientId: string
  #exchange: Exchange | undefined
  #renewedMs = Number.NEGATIVE_INFINITY

  constructor(method: string, { username, clientId }: ConnectPacket, port: AuthenticationPort) {
    this.method = method
    this.#port = port
    this.#identity = username
    this.#clientId = clientId
  }

  /** A question is out, and the peer is to answer. */
  get isWaiting(): boolean {
    return this.#exchange?.waiting !== undefined
  }

  /** Since when an exchange has been under way; monotonic milliseconds. */
  get sinceMs(): number | undefined {
    return this.#exchange?.sinceMs
  }

  /** Begins an exchange, for the hub to carry on. Throws where that goes beyond a limit. */
  begin(data: Uint8Array | undefined): ChallengeCredential {
    const exchange: Exchange = {
      sinceMs: performance.now(),
      rounds: 0,
      bytes: 0,
      waiting: undefined,
      conclusion: undefined,
    }
    this.#exchange = exchange
    return {
      kind: 'challenge',
      method: this.method,
      identity: this.#identity,
      clientId: this.#clientId,
      data: this.#take(exchange, data),
      ask: challenge => this.#ask(exchange, challenge),
      conclude: conclusion => {
        exchange.conclusion = conclusion
      },
    }
  }

  /** The credential of an exchange that the packet begins, `undefined` where it has answered a question. Throws for what the peer may not say here. */
  receive({ reasonCode, properties }: AuthPacket): ChallengeCredential | undefined {
    // MQTT-4.12.0-5, -4.12.1-1.
    if (properties?.authenticationMethod !== this.method) throw breach('auth with another method than connect')
    if (reasonCode === ReasonCode.reAuthenticate) {
      this.#checkRenewal()
      return this.begin(properties.authenticationData)
    }
    const exchange = this.#exchange
    const waiting = exchange?.waiting
    if (exchange === undefined || waiting === undefined || reasonCode !== ReasonCode.continueAuthentication) {
      throw breach(`auth with reason code ${reasonCode}, which answers nothing`)
    }
    const answer = this.#take(exchange, properties.authenticationData)
    exchange.waiting = undefined
    waiting.resolve(answer)
    return undefined
  }

  /** The peer is proved: what the packet that says so carries. */
  finish(): { readonly authenticationMethod: string; readonly authenticationData?: Uint8Array } {
    const conclusion = this.#exchange?.conclusion
    this.#exchange = undefined
    return { authenticationMethod: this.method, ...(conclusion !== undefined && { authenticationData: conclusion }) }
  }

  /** The connection is over, and so is what was asked on it. */
  abort(): void {
    const waiting = this.#exchange?.waiting
    this.#exchange = undefined
    waiting?.reject(over())
  }

  async #ask(exchange: Exchange, challenge: Uint8Array): Promise<Uint8Array> {
    if (exchange !== this.#exchange) throw over()
    if (exchange.waiting !== undefined) throw new TypeError('the answer to the challenge before has not come yet')
    const { authRoundsMax } = this.#port.limits
    exchange.rounds += 1
    if (exchange.rounds > authRoundsMax) {
      const error = new ThingmeshError('rate-limited', `more than ${authRoundsMax} rounds of authentication`, {
        details: { limit: authRoundsMax, found: exchange.rounds },
      })
      this.#port.fail(error)
      throw error
    }
    this.#port.send({
      type: 'auth',
      reasonCode: ReasonCode.continueAuthentication,
      properties: { authenticationMethod: this.method, authenticationData: challenge },
    })
    // Not from within the packet that led here: whatever has come behind that has its turn after it.
    queueMicrotask(() => this.#port.listen())
    return new Promise((resolve, reject) => {
      exchange.waiting = { resolve, reject }
    })
  }

  /** A copy: what it came in is not kept for it. */
  #take(exchange: Exchange, data: Uint8Array = nothing): Uint8Array {
    const { authBytesMax } = this.#port.limits
    exchange.bytes += data.length
    if (exchange.bytes <= authBytesMax) return data.slice()
    throw new ThingmeshError(
      'too-large',
      `${exchange.bytes} bytes of authentication data, the limit is ${authBytesMax}`,
      { details: { limit: authBytesMax, found: exchange.bytes } },
    )
  }

  /** A proof costs more than it costs to ask for one. */
  #checkRenewal(): void {
    if (this.#exchange !== undefined) throw breach('re-authentication during another one')
    const { authIntervalMsMin } = this.#port.limits
    const now = performance.now()
    if (now - this.#renewedMs < authIntervalMsMin) {
      throw new ThingmeshError('rate-limited', `re-authentication within ${authIntervalMsMin} ms of the one before`, {
        details: { limit: authIntervalMsMin },
      })
    }
    this.#renewedMs = now
  }
}

const nothing = new Uint8Array(0)

function over(): ThingmeshError {
  return new ThingmeshError('canceled', 'the connection is over')
}

function breach(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message, { details: { reasonCode: ReasonCode.protocolError } })
}
