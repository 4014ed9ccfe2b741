import { type Draft, type Message, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type {
  DeliveryTerms,
  Ingress,
  Outlet,
  Receipt,
  Session,
  WebSocketConnection,
  WebSocketHandler,
  WebSocketOpening,
} from '../../../contracts/index.ts'
import { toClose } from './close-codes.ts'
import type { FramesCounters } from './counters.ts'
import { checkShortLived, credentialShown } from './credentials.ts'
import type { Frame } from './format.ts'
import type { LiveFrames } from './live-frames.ts'
import type { FramesLimits } from './options.ts'
import type { Line, Speech } from './speech.ts'
import { parseTarget, type Target } from './target.ts'

/** What is to be said on a connection of this subprotocol. */
export type Speak = (subprotocol: string, line: Line, target: Target) => Speech

export interface ConnectionContext {
  readonly ingress: Ingress
  readonly limits: FramesLimits
  readonly counters: FramesCounters
  readonly liveFrames: LiveFrames
  readonly speak: Speak
  /** Calls `flush` at the end of the event loop's turn. */
  schedule(connection: FramesConnection): void
  onFault(error: unknown): void
}

/** Above this much that waits, nothing is read from the peer or the log that would add to it. */
const fillBytes = 64 * 1024

/** One WebSocket: who is on it, what it holds back, and its end. What is said on it is its speech's. */
export class FramesConnection implements WebSocketHandler, Line, Outlet {
  readonly #socket: WebSocketConnection
  readonly #context: ConnectionContext
  readonly #onEnded: () => void
  readonly #onClosed: () => void
  readonly #ending = new AbortController()
  readonly #sinceMs = performance.now()
  #session: Session | undefined
  #speech: Speech | undefined
  /** The speech has begun: frames are read. */
  #isOpen = false
  /** Published, and not in the log yet. */
  #publishing = 0
  /** Frames that the system has not taken yet, and when it last took one. */
  #waiting = 0
  #movedAtMs = 0
  #isCorked = false
  /** A delivery was turned away: the session waits to be told that there is room. */
  #isAwaited = false
  #roomWaiters: (() => void)[] = []
  #pingedAtMs = 0

  /** It has ended when nothing more is said on it, and is closed when it is gone. */
  constructor(
    socket: WebSocketConnection,
    context: ConnectionContext,
    on: { readonly ended: () => void; readonly closed: () => void },
  ) {
    this.#socket = socket
    this.#context = context
    this.#onEnded = on.ended
    this.#onClosed = on.closed
  }

  get isProven(): boolean {
    return this.#session !== undefined
  }

  get session(): Session {
    if (this.#session === undefined) throw new TypeError('open comes first')
    return this.#session
  }

  get ended(): AbortSignal {
    return this.#ending.signal
  }

  /** Finds out who it is, reading nothing meanwhile. */
  open(opening: WebSocketOpening): void {
    this.#socket.pause()
    this.#enter(opening).catch(error => this.fail(error))
  }

  received(bytes: Uint8Array, isText: boolean): void {
    if (this.ended.aborted || this.#speech === undefined) return
    try {
      // A view of our own: what is made of a Node Buffer would be Buffers.
      this.#speech.received({ bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), isText })
    } catch (error) {
      this.fail(error)
    }
    this.#regulate()
  }

  closed(farewell: boolean): void {
    this.#end(farewell ? 'farewell' : 'lost')
    this.#onClosed()
  }

  deliver(message: Message, terms: DeliveryTerms, tag: number): boolean {
    if (this.#speech === undefined || this.#isFull()) {
      this.#isAwaited = true
      return false
    }
    const frame = this.#context.liveFrames.encode(this.#speech, this.#socket.subprotocol, message, terms)
    // What the system has taken is the peer's as far as this protocol can tell.
    if (tag === 0) this.send(frame)
    else this.send(frame, () => this.#session?.acknowledge(tag))
    return true
  }

  /** Of exactly-once deliveries, which are not asked for here. */
  release(tag: number): void {
    this.#session?.acknowledge(tag)
  }

  revoke(filters: readonly string[], reason: ThingmeshError): void {
    try {
      this.#speech?.revoke(filters, reason)
    } catch (error) {
      this.fail(error)
    }
  }

  close(reason: ThingmeshError): void {
    this.fail(reason)
  }

  send(frame: Frame, onSent?: () => void): void {
    if (this.ended.aborted || this.#socket.isClosed) return
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      this.#context.schedule(this)
    }
    if (this.#waiting === 0) this.#movedAtMs = performance.now()
    this.#waiting += 1
    this.#socket.send(
      frame.bytes,
      () => {
        onSent?.()
        this.#moved()
      },
      frame.isText,
    )
  }

  flush(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket.uncork()
  }

  async room(): Promise<void> {
    while (!this.ended.aborted && this.#socket.bufferedBytes >= this.#fillBytes) {
      await new Promise<void>(resolve => this.#roomWaiters.push(resolve))
    }
  }

  publish(draft: Draft, answer: (error: ThingmeshError | undefined, messageId: string | undefined) => void): void {
    let receipt: Receipt | undefined
    try {
      receipt = this.session.publish(draft)
    } catch (error) {
      answer(toThingmeshError(error), undefined)
      return
    }
    if (receipt === undefined) {
      answer(undefined, undefined)
      return
    }
    const { id, committed } = receipt
    this.#publishing += 1
    const settled = (error: ThingmeshError | undefined) => {
      this.#publishing -= 1
      if (!this.ended.aborted) answer(error, error === undefined ? id : undefined)
      this.#regulate()
    }
    committed.then(
      () => settled(undefined),
      error => settled(toThingmeshError(error)),
    )
  }

  fail(failure: unknown): void {
    if (this.ended.aborted) return
    const error = toThingmeshError(failure)
    if (error.code === 'internal') this.#context.onFault(failure)
    this.#context.counters.failed(error.code).value += 1
    const last = this.#speech?.lastWords(error)
    if (last !== undefined) this.send(last)
    this.flush()
    const { code, reason } = toClose(error)
    this.#socket.close(code, reason)
    this.#end('lost')
  }

  tick(nowMs: number): void {
    if (this.ended.aborted) return
    const { limits, counters } = this.#context
    if (this.#session === undefined) {
      if (nowMs - this.#sinceMs <= limits.openTimeoutMs) return
      counters.refused['open-timeout'].value += 1
      this.fail(new ThingmeshError('timeout', `not let in within ${limits.openTimeoutMs} ms`))
    } else if (this.#waiting > 0 && nowMs - this.#movedAtMs > limits.drainTimeoutMs) {
      counters.refused['drain-timeout'].value += 1
      this.fail(new ThingmeshError('unavailable', `nothing was read for ${limits.drainTimeoutMs} ms`))
    } else this.#keepAlive(nowMs)
  }

  async #enter(opening: WebSocketOpening): Promise<void> {
    const { ingress, limits, speak } = this.#context
    const asked = parseTarget(limits.path, limits.dialects, opening.target)
    const { credential, inAddress } = credentialShown(opening, asked)
    // A client id of nothing: a session of its own, that nobody comes back to, and counted as a connection.
    const hello = { protocol: 'websocket', credential, peer: opening.peer, clientId: '', outlet: this }
    const session = await ingress.open(hello)
    if (this.ended.aborted) {
      await session.close('lost')
      return
    }
    this.#session = session
    if (inAddress) checkShortLived(session.principal, limits.queryTokenSecondsMax)
    const target = { ...asked, ...asked.placeOf(session.principal) }
    this.#speech = speak(this.#socket.subprotocol, this, target)
    session.resume()
    await this.#speech.begin()
    this.#isOpen = true
    this.#regulate()
  }

  get #fillBytes(): number {
    return Math.min(fillBytes, this.#context.limits.socketBytesMax)
  }

  #isFull(): boolean {
    return this.#socket.bufferedBytes >= this.#context.limits.socketBytesMax
  }

  /** The system has taken a frame. */
  #moved(): void {
    this.#waiting -= 1
    this.#movedAtMs = performance.now()
    if (this.#socket.bufferedBytes >= this.#fillBytes) return
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
    this.#regulate()
    if (!this.#isAwaited) return
    this.#isAwaited = false
    this.#session?.resume()
  }

  /** Reads from a peer as long as it takes its answers, and the store what it publishes. */
  #regulate(): void {
    if (!this.#isOpen || this.ended.aborted) return
    const { publishesMax } = this.#context.limits
    const reads = this.#publishing < publishesMax && this.#socket.bufferedBytes < this.#fillBytes
    if (reads !== this.#socket.isPaused) return
    if (reads) this.#socket.resume()
    else this.#socket.pause()
  }

  /** A peer that is not read from cannot be heard. */
  #keepAlive(nowMs: number): void {
    const { limits, counters } = this.#context
    if (this.#socket.isPaused) return
    const { heardAtMs } = this.#socket
    const silentMs = nowMs - heardAtMs
    if (silentMs > 2 * limits.keepAliveMs && this.#pingedAtMs > heardAtMs) {
      counters.refused['keep-alive'].value += 1
      this.#socket.destroy()
    } else if (silentMs > limits.keepAliveMs && this.#pingedAtMs <= heardAtMs) {
      this.#pingedAtMs = nowMs
      this.#socket.ping()
    }
  }

  #end(how: 'farewell' | 'lost'): void {
    if (this.ended.aborted) return
    this.#ending.abort()
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
    this.#onEnded()
    this.#session?.close(how).catch(error => this.#context.onFault(error))
  }
}
