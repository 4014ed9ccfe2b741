import type { Delivery, Draft, Message, MessageProperties, ThingmeshError } from '@thingmesh/core'
import type { Ingress, Outlet, ReadPage, ReadRequest, Session } from '../../contracts/index.ts'
import type { MemoryConnectOptions } from './options.ts'

export interface PublishOptions {
  readonly contentType?: string | undefined
  /** `at-least-once` by default: settles when the message is as durable as the store's profile says. */
  readonly delivery?: Delivery | undefined
  readonly retain?: boolean | undefined
  readonly properties?: MessageProperties | undefined
  /** The publisher's own idempotency key: what it publishes again under the same key is stored once. 1 to 64 printable ASCII characters. */
  readonly key?: string | undefined
}

interface Waiting {
  readonly message: Message
  readonly tag: number
}

/**
 * One connection in the hub's own process. Messages of all its subscriptions come by iterating it; taking the next one
 * acknowledges the one before, so that a reader that stops half-way is given that one again.
 */
export class MemoryConnection implements AsyncIterable<Message>, AsyncDisposable {
  readonly #queueMax: number
  readonly #queue: Waiting[] = []
  #session!: Session
  #wake: (() => void) | undefined
  /** Handed to the reader, which may still be at work on it. */
  #taken: Waiting | undefined
  #closedBy: ThingmeshError | undefined
  #closed = false

  private constructor(queueMax: number) {
    this.#queueMax = queueMax
  }

  static async open(
    ingress: Ingress,
    { credential, queueMax = 1000, ...options }: MemoryConnectOptions,
  ): Promise<MemoryConnection> {
    const connection = new MemoryConnection(queueMax)
    const peer = { address: 'memory' }
    connection.#session = await ingress.open({
      ...options,
      protocol: 'memory',
      credential,
      peer,
      outlet: connection.#outlet,
    })
    connection.#session.resume()
    return connection
  }

  /** The connection found a session of its client id, and what that missed comes first. */
  get resumed(): boolean {
    return this.#session.resumed
  }

  /** Why subscriptions of that session have ended: nothing was left of the right to them. */
  get revoked(): ThingmeshError | undefined {
    return this.#session.revoked
  }

  /** Messages that have come and were not read yet. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Settles with the message's id when it is committed; at once, without an id, for at-most-once. */
  async publish(
    topic: string,
    payload: Uint8Array | string,
    options: PublishOptions = {},
  ): Promise<{ readonly id?: string }> {
    const { contentType = '', delivery = 'at-least-once', retain = false, properties, key } = options
    const draft: Draft = { topic, payload: toBytes(payload), contentType, delivery, retain, properties, key }
    const receipt = this.#session.publish(draft)
    if (receipt === undefined) return {}
    await receipt.committed
    return { id: receipt.id }
  }

  /** Throws what the hub says against the filter. */
  async subscribe(filter: string, delivery: Delivery = 'at-least-once'): Promise<void> {
    const [result] = await this.#session.subscribe([{ filter, delivery }])
    if (result !== undefined && !result.ok) throw result.error
  }

  async unsubscribe(filter: string): Promise<boolean> {
    const [known] = await this.#session.unsubscribe([filter])
    return known === true
  }

  read(request: ReadRequest): Promise<ReadPage> {
    return this.#session.read(request)
  }

  latest(filter: string): Promise<readonly Message[]> {
    return this.#session.latest(filter)
  }

  async close(): Promise<void> {
    this.#end()
    await this.#session.close('farewell')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Ends when the connection is closed here; throws the hub's reason when it was closed there, as when a subscription's right was taken away. */
  async *[Symbol.asyncIterator](): AsyncIterator<Message> {
    for (;;) {
      this.#acknowledgeTaken()
      const next = this.#queue.shift()
      if (next !== undefined) {
        this.#taken = next
        yield next.message
      } else if (this.#closed) {
        if (this.#closedBy !== undefined) throw this.#closedBy
        return
      } else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }

  readonly #outlet: Outlet = {
    deliver: (message, _terms, tag) => {
      if (this.#closed || this.#queue.length >= this.#queueMax) return false
      this.#queue.push({ message, tag })
      this.#wake?.()
      return true
    },
    release: tag => {
      this.#session.acknowledge(tag)
    },
    // Its messages come one way, whatever they come for: there is no other way to say it.
    revoke: (_filters, reason) => {
      this.#closeBy(reason)
      void this.#session.close('lost').catch(() => undefined)
    },
    close: reason => this.#closeBy(reason),
  }

  /** A reader that has come back for more is done with what it took, also where it began to iterate anew. */
  #acknowledgeTaken(): void {
    const taken = this.#taken
    if (taken === undefined) return
    this.#taken = undefined
    if (taken.tag !== 0) this.#session.acknowledge(taken.tag)
    this.#session.resume()
  }

  #closeBy(reason: ThingmeshError): void {
    this.#closedBy = reason
    this.#end()
  }

  #end(): void {
    this.#closed = true
    this.#wake?.()
  }
}

/** A copy: what the caller does with its own bytes afterwards changes no message. */
function toBytes(payload: Uint8Array | string): Uint8Array {
  if (typeof payload === 'string') return new TextEncoder().encode(payload)
  if (payload instanceof Uint8Array) return Uint8Array.from(payload)
  throw new TypeError('a payload is a Uint8Array or a string')
}
