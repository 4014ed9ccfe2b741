import { isThingmeshError, type ThingmeshError, toThingmeshError } from '../errors/index.ts'
import type { ClientEmitter } from './events.ts'
import { Reader } from './subscription.ts'
import type { ClientMessage, Connection } from './transport.ts'

interface Wanted {
  readonly filter: string
  readonly readers: Set<Reader>
  confirmedBefore: boolean
  /** Settles as `#subscribe` did the last time. */
  asked: Promise<void> | undefined
}

/** What the client wants to hear, whatever connection there is: one subscription at the hub for all readers of a filter. */
export class Subscriptions {
  readonly #wanted = new Map<string, Wanted>()
  readonly #events: ClientEmitter
  /** Filters that were left while there was no connection to say so on. */
  readonly #left = new Set<string>()
  #connection: Connection | undefined

  constructor(events: ClientEmitter) {
    this.#events = events
  }

  add(filter: string): Reader {
    const reader = new Reader(leaving => this.#leave(filter, leaving))
    const known = this.#wanted.get(filter)
    if (known !== undefined) {
      known.readers.add(reader)
      if (known.confirmedBefore && this.#connection !== undefined) reader.confirm()
      return reader
    }
    const wanted: Wanted = { filter, readers: new Set([reader]), confirmedBefore: false, asked: undefined }
    this.#wanted.set(filter, wanted)
    const connection = this.#connection
    // What it could not be asked for is asked of the next one. Where it is over, that is the loop's business already.
    if (connection !== undefined) this.#ask(connection, wanted).catch(() => connection.close(false))
    return reader
  }

  /** Settles when every filter is confirmed, or refused for good. Rejects where the connection did not get that far. */
  async attach(connection: Connection): Promise<void> {
    this.#connection = connection
    // Those too that are wanted again: from now on, and not from where they were left.
    for (const filter of this.#left) connection.unsubscribe(filter).catch(() => undefined)
    this.#left.clear()
    await Promise.all([...this.#wanted.values()].map(wanted => this.#ask(connection, wanted)))
    // And what came to be wanted meanwhile.
    for (const { asked } of this.#wanted.values()) await asked
  }

  detach(): void {
    this.#connection = undefined
  }

  close(reason: ThingmeshError | undefined): void {
    this.#connection = undefined
    for (const wanted of this.#wanted.values()) for (const reader of wanted.readers) reader.end(reason)
    this.#wanted.clear()
  }

  #ask(connection: Connection, wanted: Wanted): Promise<void> {
    wanted.asked = this.#subscribe(connection, wanted)
    return wanted.asked
  }

  async #subscribe(connection: Connection, wanted: Wanted): Promise<void> {
    const { filter, confirmedBefore } = wanted
    try {
      const { resumed } = await connection.subscribe({
        filter,
        again: confirmedBefore,
        onMessage: message => this.#deliver(wanted, message),
        onRefused: error => this.#refuse(wanted, error),
      })
      wanted.confirmedBefore = true
      for (const reader of wanted.readers) reader.confirm()
      if (confirmedBefore && !resumed) this.#events.emit('gapOpened', { filter })
    } catch (thrown) {
      const error = toThingmeshError(thrown)
      const isRefused = error.outcome === 'rejected' || error.code === 'invalid-argument'
      // One too many is so the next time, too; but what the hub had room for it may have again.
      const mayPass = error.retryable && (confirmedBefore || error.code !== 'rate-limited')
      if (!isThingmeshError(thrown) || !isRefused || mayPass) throw error
      this.#refuse(wanted, error)
    }
  }

  async #deliver(wanted: Wanted, message: ClientMessage): Promise<void> {
    const taken: Promise<void>[] = []
    for (const reader of wanted.readers) {
      const pushed = reader.push(message)
      if (pushed !== false) taken.push(pushed)
      else this.#events.emit('messageDropped', { filter: wanted.filter, topic: message.topic })
    }
    await Promise.all(taken)
  }

  #refuse(wanted: Wanted, error: ThingmeshError): void {
    if (this.#wanted.get(wanted.filter) === wanted) this.#wanted.delete(wanted.filter)
    for (const reader of wanted.readers) reader.end(error)
    this.#events.emit('subscriptionRefused', { filter: wanted.filter, error })
  }

  async #leave(filter: string, reader: Reader): Promise<void> {
    const wanted = this.#wanted.get(filter)
    if (wanted?.readers.delete(reader) !== true || wanted.readers.size > 0) return
    this.#wanted.delete(filter)
    if (this.#connection === undefined) this.#left.add(filter)
    else await this.#connection.unsubscribe(filter).catch(() => undefined)
  }
}
