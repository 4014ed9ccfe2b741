import { ThingmeshError, toThingmeshError } from '@thingmesh/core'
import {
  type CoapBody,
  Code,
  codeClass,
  codeText,
  exponentThatFits,
  findUint,
  isCritical,
  isRequestCode,
  isUnwanted,
  noBytes,
  OptionNumber,
  Signal,
  SignalOption,
  sizeExponentMax,
  uintOption,
} from '@thingmesh/core/coap'
import type { Peer } from '../../contracts/index.ts'
import type { CoapCounters } from './counters.ts'
import type { Framing } from './framing.ts'
import type { ReliableLimits } from './options.ts'
import { errorResponse } from './reasons.ts'
import type { Recognized } from './recognized.ts'
import type { Outcome, Remote } from './remote.ts'
import type { Request, Response } from './response.ts'

/** The bytes' way out: a TCP socket, a WebSocket. */
export interface ReliableWire {
  readonly waitingBytes: number
  /** `onTaken` comes when the system has the bytes. */
  write(bytes: Uint8Array, onTaken?: () => void): void
  pause(): void
  resume(): void
  /** Sends what was written and closes. */
  end(because: 'release' | 'abort'): void
  /** Closes at once. */
  destroy(): void
}

export interface ReliableConnectionContext {
  readonly limits: ReliableLimits
  readonly counters: CoapCounters
  readonly answer: (request: Request, remote: Remote) => Promise<Response | undefined>
  readonly nowMs: () => number
}

/** Of the codes of signals (RFC 8323, section 5). */
const signalClass = 7
/** What a peer takes that does not say (RFC 8323, section 5.3.1). */
const messageBytesDefault = 1_152
/** What a block leaves room for beside itself. */
const optionBytes = 128

/**
 * One connection's CoAP over a reliable transport (RFC 8323), without I/O: there is nothing to acknowledge and nothing comes
 * twice.
 */
export class ReliableConnection implements Remote {
  readonly key: string
  readonly peer: Peer
  readonly isProved = true
  readonly isReliable = true
  heardAtMs: number
  lately: readonly Recognized[] = []
  /** Since when more waits to be taken than may. */
  fullSinceMs: number | undefined
  readonly openedAtMs: number
  readonly #context: ReliableConnectionContext
  readonly #wire: ReliableWire
  readonly #framing: Framing
  readonly #answering = new Set<Promise<void>>()
  readonly #onPinged: ((outcome: Outcome) => void)[] = []
  #pingedAtMs: number | undefined
  #peerBytesMax = messageBytesDefault
  #sizeExponentMax: number | undefined
  #isSettled = false
  #closed = false
  #paused = false

  constructor(key: string, peer: Peer, wire: ReliableWire, framing: Framing, context: ReliableConnectionContext) {
    this.key = key
    this.peer = peer
    this.#wire = wire
    this.#framing = framing
    this.#context = context
    this.openedAtMs = context.nowMs()
    this.heardAtMs = this.openedAtMs
    this.#signal(Signal.csm, noBytes, [
      uintOption(SignalOption.maxMessageSize, context.limits.messageBytesMax),
      { number: SignalOption.blockWiseTransfer, value: noBytes },
    ])
  }

  /** The peer has said what it takes. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get sizeExponentMax(): number | undefined {
    return this.#sizeExponentMax
  }

  prove(): void {}

  receive(chunk: Uint8Array): void {
    if (this.#closed) return
    this.heardAtMs = this.#context.nowMs()
    try {
      this.#framing.push(chunk, message => this.#handle(message))
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      this.#context.counters.refused[error.code === 'too-large' ? 'datagram-bytes' : 'malformed'].value += 1
      this.abort(error.message)
    }
  }

  notify(token: Uint8Array, response: Response, _confirmable: boolean, onOutcome: (outcome: Outcome) => void): void {
    if (this.#closed) return
    this.#send({ ...response, token }, () => onOutcome('acknowledged'))
  }

  ping(onOutcome?: (outcome: Outcome) => void): void {
    if (onOutcome !== undefined) this.#onPinged.push(onOutcome)
    if (this.#pingedAtMs !== undefined || this.#closed) return
    this.#pingedAtMs = this.#context.nowMs()
    this.#signal(Signal.ping)
  }

  /** True where a ping was not answered in time. */
  isLost(nowMs: number): boolean {
    return this.#pingedAtMs !== undefined && nowMs - this.#pingedAtMs > this.#context.limits.settingsTimeoutMs
  }

  /** There is room on the wire again. */
  drained(): void {
    this.fullSinceMs = undefined
    if (!this.#paused || this.#closed) return
    this.#paused = false
    this.#wire.resume()
  }

  /** Settles when what was asked so far is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#answering)
  }

  /** Cut, without a word. */
  destroy(): void {
    this.lost()
    this.#wire.destroy()
  }

  /** This side goes: what was to be said is said (RFC 8323, section 5.5). */
  release(): void {
    if (this.#closed) return
    this.#signal(Signal.release)
    this.lost()
    this.#wire.end('release')
  }

  /** The peer broke a rule (RFC 8323, section 5.6). */
  abort(text: string, badOption?: number): void {
    if (this.#closed) return
    const options = badOption === undefined ? [] : [uintOption(SignalOption.badCsmOption, badOption)]
    this.#signal(Signal.abort, noBytes, options, new TextEncoder().encode(text))
    this.lost()
    this.#wire.end('abort')
  }

  /** The connection is gone. */
  lost(): void {
    this.#closed = true
    for (const tell of this.#onPinged.splice(0)) tell('timeout')
  }

  #handle(message: CoapBody): void {
    if (this.#closed) return
    const { code, options } = message
    // No signal has an option so far that is critical: one that is cannot be known (RFC 8323, section 5.1).
    const unknown = codeClass(code) === signalClass ? options.find(({ number }) => isCritical(number)) : undefined
    if (!this.#isSettled && code !== Signal.csm) this.abort('the first message is no csm')
    else if (unknown !== undefined) this.#refuseOption(code, unknown.number)
    else if (isRequestCode(code)) this.#receiveRequest(message)
    else if (code === Signal.csm) this.#takeSettings(message)
    else if (code === Signal.ping) this.#signal(Signal.pong, message.token)
    else if (code === Signal.pong) this.#ponged()
    else if (code === Signal.release) void this.settled().then(() => this.#leave())
    else if (code === Signal.abort) this.#leave()
  }

  /** The peer goes, or is gone. */
  #leave(): void {
    if (this.#closed) return
    this.lost()
    this.#wire.end('release')
  }

  #refuseOption(code: number, number: number): void {
    const text = `signal ${codeText(code)} has option ${number}, which is critical and not supported`
    this.abort(text, code === Signal.csm ? number : undefined)
  }

  #takeSettings({ options }: CoapBody): void {
    this.#isSettled = true
    this.#peerBytesMax = findUint(options, SignalOption.maxMessageSize) ?? this.#peerBytesMax
    const largest = exponentThatFits(this.#peerBytesMax - optionBytes) ?? 0
    this.#sizeExponentMax = largest < sizeExponentMax ? largest : undefined
  }

  #ponged(): void {
    this.#pingedAtMs = undefined
    for (const tell of this.#onPinged.splice(0)) tell('acknowledged')
  }

  #receiveRequest(message: CoapBody): void {
    const { limits, counters, answer } = this.#context
    if (this.#answering.size >= limits.requestsPerPeerMax) {
      counters.refused['requests-per-peer'].value += 1
      this.#respond(message, errorResponse(new ThingmeshError('unavailable', 'too many requests are not answered yet')))
      return
    }
    const answering = answer({ ...message, confirmable: true }, this).then(response => {
      this.#answering.delete(answering)
      if (!this.#closed) this.#respond(message, response)
      else response?.onRefused?.()
    })
    this.#answering.add(answering)
  }

  #respond({ token, options }: CoapBody, response: Response | undefined): void {
    if (response === undefined) return
    if (!isUnwanted(findUint(options, OptionNumber.noResponse), response.code)) this.#send({ ...response, token })
    response.onSent?.()
  }

  #send({ code, token, options, payload }: CoapBody, onTaken?: () => void): void {
    let bytes = this.#framing.encode({ code, token, options, payload })
    if (bytes.length > this.#peerBytesMax) {
      bytes = this.#framing.encode({ code: Code.internalServerError, token, options: [], payload: noBytes })
    }
    this.#write(bytes, onTaken)
  }

  #signal(code: number, token = noBytes, options: CoapBody['options'] = [], payload = noBytes): void {
    this.#write(this.#framing.encode({ code, token, options, payload }))
  }

  #write(bytes: Uint8Array, onTaken?: () => void): void {
    this.#wire.write(bytes, onTaken)
    if (this.#paused || this.#wire.waitingBytes < this.#context.limits.socketBytesMax) return
    // Answers are not dropped, to pings neither, so what would bring more of them has to wait.
    this.#paused = true
    this.fullSinceMs = this.#context.nowMs()
    this.#wire.pause()
  }
}
