import { ThingmeshError } from '../errors/index.ts'
import { onAbort } from './cancellation.ts'
import type { CancelSignal } from './platform.ts'
import { type Deferred, deferred } from './status.ts'
import type { ClientMessage } from './transport.ts'

/**
 * Messages of one filter, as they come. Iterating takes them; coming back for the next says that the one before is done
 * with, and only then is it acknowledged. A reader that is slow holds the hub back, and with it the other readers of its
 * client; one that keeps nothing has no business subscribing.
 *
 * Ends when it is closed; throws what the hub said where the hub refused the filter, or why the client ended.
 */
export interface Subscription<Message = ClientMessage> extends AsyncIterable<Message>, AsyncDisposable {
  /** Settles when the hub has confirmed it for the first time; rejects where it refused. */
  readonly confirmed: Promise<void>
  close(): Promise<void>
}

interface Waiting {
  readonly message: ClientMessage
  readonly taken: Deferred
}

/** At-most-once messages that may wait for one reader. The others are bounded by what the connection lets come. */
export const waitingMax = 1_000

/** One reader's end of a subscription. */
export class Reader implements Subscription {
  readonly #waiting: Waiting[] = []
  readonly #onClose: (reader: Reader) => Promise<void>
  readonly #firstTime = deferred()
  #release: (() => void) | undefined
  #inHand: Waiting | undefined
  /** What those wait for who found nothing. */
  #more: Deferred | undefined
  #closed = false
  #closedBy: ThingmeshError | undefined

  constructor(onClose: (reader: Reader) => Promise<void>) {
    this.#onClose = onClose
  }

  closeOnAbort(signal: CancelSignal | undefined): void {
    this.#release = onAbort(signal, () => void this.close())
  }

  get confirmed(): Promise<void> {
    return this.#firstTime.promise
  }

  confirm(): void {
    this.#firstTime.resolve()
  }

  /** False where it cannot be kept: an at-most-once message beyond the bound. */
  push(message: ClientMessage): Promise<void> | false {
    if (this.#closed) return Promise.resolve()
    if (message.delivery === 'at-most-once' && this.#waiting.length >= waitingMax) return false
    const waiting = { message, taken: deferred() }
    this.#waiting.push(waiting)
    this.#wake()
    return waiting.taken.promise
  }

  /** Ends it from the client's side. What waits may still be read. */
  end(reason: ThingmeshError | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#closedBy = reason
    this.#release?.()
    this.#firstTime.reject(reason ?? new ThingmeshError('canceled', 'the subscription was closed'))
    this.#wake()
  }

  #wake(): void {
    this.#more?.resolve()
    this.#more = undefined
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.end(undefined)
    // Nobody will read them. They count as taken, or they would hold back everybody else.
    for (const { taken } of this.#waiting.splice(0)) taken.resolve()
    this.#inHand?.taken.resolve()
    await this.#onClose(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ClientMessage, void, undefined> {
    try {
      for (;;) {
        this.#inHand?.taken.resolve()
        this.#inHand = this.#waiting.shift()
        if (this.#inHand !== undefined) yield this.#inHand.message
        else if (!this.#closed) {
          this.#more ??= deferred()
          await this.#more.promise
        } else if (this.#closedBy !== undefined) throw this.#closedBy
        else return
      }
    } finally {
      await this.close()
    }
  }
}
