import { type Message, ThingmeshError } from '@thingmesh/core'
import { type Block, blockBytes, Code, nextObserve, sizeExponentMax } from '@thingmesh/core/coap'
import type { DeliveryTerms, Outlet, Session } from '../../contracts/index.ts'
import type { ObserverEnding } from './counters.ts'
import type { Downloads } from './downloads.ts'
import { isAcceptable, type Representation, type Representations, withObserve } from './mapping.ts'
import { type NotificationBudget, NotificationQueue, type Waiting } from './notification-queue.ts'
import type { ServiceLimits } from './options.ts'
import { errorResponse } from './reasons.ts'
import type { Outcome, Remote } from './remote.ts'

export interface ObserverFacts {
  readonly remote: Remote
  readonly token: Uint8Array
  readonly filter: string
  /** It registered by a confirmable request: it is owed every at-least-once message. */
  readonly confirmable: boolean
  /** What the rest of a notification is found by that takes more than one block. */
  readonly transferKey: string
  /** The size of blocks that it asked for when it registered (RFC 7959, section 3.4). */
  readonly sizeExponent: number | undefined
  /** The one Content-Format that it takes; `undefined` where it takes any. */
  readonly accept: number | undefined
}

export interface ObserverContext {
  readonly limits: ServiceLimits
  readonly downloads: Downloads
  readonly budget: NotificationBudget
  readonly representations: Representations
  readonly nowMs: () => number
  readonly onEnded: (observer: Observer, ending: ObserverEnding) => void
  readonly onFault: (error: unknown) => void
}

const longTopic = 64

/**
 * One observation (RFC 7641): a session's outlet, which sends one notification at a time. What has to be acknowledged is
 * waited for, so notifications arrive in order; what does not fit in its short queue the hub keeps.
 */
export class Observer implements Outlet {
  readonly facts: ObserverFacts
  /** It observes more than one address. */
  readonly isPattern: boolean
  readonly #context: ObserverContext
  readonly #queue: NotificationQueue
  #session: Session | undefined
  #sequence = 0
  /** The registration was answered: notifications may follow. */
  #begun = false
  /** The registration was answered with this message, and what was before it is of no interest. */
  #toldSequence = 0
  /** Parts of the notification under way that are to come: its acknowledgement, the rest of its blocks. */
  #pending = 0
  #isFull = false
  #isProving = false
  #unconfirmed = 0
  #confirmedAtMs: number
  #ended = false

  constructor(facts: ObserverFacts, context: ObserverContext) {
    this.facts = facts
    this.isPattern = /[+#]/.test(facts.filter)
    this.#context = context
    this.#queue = new NotificationQueue(context.limits.notificationsMax, context.budget)
    this.#confirmedAtMs = context.nowMs()
  }

  get isEnded(): boolean {
    return this.#ended
  }

  get session(): Session | undefined {
    return this.#session
  }

  attach(session: Session): void {
    this.#session = session
  }

  /** The value of the Observe option of the next response or notification (RFC 7641, section 3.4). */
  takeSequence(): number {
    this.#sequence = nextObserve(this.#sequence)
    return this.#sequence
  }

  /**
   * The registration was answered, with this message. Who registers again is owed what came before it all the same: it
   * is a last value, and not all that there was.
   */
  begin(toldSequence: number): void {
    if (!this.#begun) this.#toldSequence = toldSequence
    this.#begun = true
    this.#pump()
  }

  deliver(message: Message, _terms: DeliveryTerms, tag: number): boolean {
    if (this.#ended) return true
    if (this.#queue.isEmpty && this.#maySend) {
      this.#send({ message, payload: message.payload, tag })
      return true
    }
    if (!this.#queue.hasRoomFor(message)) {
      this.#isFull = true
      return false
    }
    this.#queue.push(message, tag)
    this.#pump()
    return true
  }

  release(tag: number): void {
    this.#session?.acknowledge(tag)
  }

  /** It is one subscription, and ends with it. */
  revoke(_filters: readonly string[], reason: ThingmeshError): void {
    if (!this.#ended) this.#refuse(reason)
  }

  /** The hub ends the session: a notification that is an error is the last one (RFC 7641, section 4.2). */
  close(reason: ThingmeshError): void {
    if (this.#ended) return
    const { remote, token } = this.facts
    if (this.#begun && remote.isProved) remote.notify(token, errorResponse(reason), false, () => undefined)
    this.#session = undefined
    void this.end('refused')
  }

  /** Lets go of everything. Settles, and does not reject, when the hub has let go, too. */
  async end(ending: ObserverEnding): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#queue.clear()
    const session = this.#session
    this.#session = undefined
    this.#context.onEnded(this, ending)
    await session?.close('farewell').catch(this.#context.onFault)
  }

  get #maySend(): boolean {
    return this.#begun && !this.#ended && this.#pending === 0 && this.facts.remote.isProved
  }

  /** Sends what waits, as far as it may. */
  #pump(): void {
    while (this.#maySend) {
      const next = this.#queue.shift()
      if (next === undefined) break
      this.#send(next)
    }
    if (this.#ended) return
    if (this.#begun && !this.#queue.isEmpty && !this.facts.remote.isProved) this.#prove()
    if (!this.#isFull || !this.#queue.isEmpty) return
    this.#isFull = false
    this.#session?.resume()
  }

  /** Nothing is sent to where nobody has shown that he hears it; a ping is small enough. */
  #prove(): void {
    if (this.#isProving) return
    this.#isProving = true
    const { remote } = this.facts
    remote.ping(() => {
      this.#isProving = false
      if (remote.isProved) this.#pump()
      else void this.end('timeout')
    })
  }

  #send({ message, payload, tag }: Waiting): void {
    if (!this.isPattern && message.sequence <= this.#toldSequence) {
      this.#acknowledgeLater(tag)
      return
    }
    const { nowMs, downloads, representations } = this.#context
    const { remote, token, transferKey } = this.facts
    const value = representations.of(message, this.isPattern, Date.now())
    if (!this.#takes(value)) {
      const text = 'a message came in another format than accept asks for'
      this.#refuse(new ThingmeshError('unsupported', text, { details: { coapCode: Code.notAcceptable } }))
      return
    }
    const confirmable = remote.isReliable || this.#isConfirmable(tag, nowMs())
    this.#pending = confirmable ? 2 : 1
    const part = (): void => {
      this.#pending -= 1
      if (this.#pending > 0 || this.#ended) return
      if (tag !== 0) this.#session?.acknowledge(tag)
      this.#pump()
    }
    const { options } = value
    // Not within this call: the hub notes a delivery after it.
    const onEnd = () => queueMicrotask(part)
    const response = downloads.begin(transferKey, { options, payload }, this.#wantedBlock(message), onEnd)
    const notification = { ...response, options: withObserve(response.options, this.takeSequence()) }
    remote.notify(token, notification, confirmable, outcome => this.#settle(outcome, part))
  }

  /** Where there is nothing, as behind a last value that was cleared, no format is the wrong one. */
  #takes(value: Representation): boolean {
    return value.payload.byteLength === 0 || isAcceptable(value, this.facts.accept)
  }

  /**
   * What it does not take, or may not have any more, ends it, so that it does not miss anything without knowing (RFC 7641, section 4.2). An address that is not
   * proved is told when it registers again.
   */
  #refuse(error: ThingmeshError): void {
    const { remote, token, confirmable } = this.facts
    if (this.#begun && remote.isProved) remote.notify(token, errorResponse(error), confirmable, () => undefined)
    void this.end('refused')
  }

  /** A long path takes room in the datagram that a full block would need. */
  #wantedBlock({ topic, payload }: Message): Block | undefined {
    const fits = this.isPattern && topic.length > longTopic ? sizeExponentMax - 1 : sizeExponentMax
    const { sizeExponent: wanted = fits, remote } = this.facts
    const sizeExponent = Math.min(wanted, fits, remote.sizeExponentMax ?? fits)
    return payload.byteLength <= blockBytes(sizeExponent) ? undefined : { number: 0, more: false, sizeExponent }
  }

  #isConfirmable(tag: number, nowMs: number): boolean {
    const { confirmEvery, confirmEveryMs } = this.#context.limits
    this.#unconfirmed += 1
    if (tag === 0 && this.#unconfirmed < confirmEvery && nowMs - this.#confirmedAtMs < confirmEveryMs) return false
    this.#unconfirmed = 0
    this.#confirmedAtMs = nowMs
    return true
  }

  #settle(outcome: Outcome, part: () => void): void {
    if (outcome === 'acknowledged') part()
    else void this.end(outcome)
  }

  #acknowledgeLater(tag: number): void {
    if (tag !== 0) queueMicrotask(() => this.#session?.acknowledge(tag))
  }
}
