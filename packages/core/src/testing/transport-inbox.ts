import type { ClientMessage, Connection, SubscribeRequest } from '../client/index.ts'
import type { ThingmeshError } from '../errors/index.ts'

/** A reader for the cases: keeps what comes, and takes it at once, or when it is told to. */
export class TransportInbox {
  readonly messages: ClientMessage[] = []
  readonly refused: Promise<ThingmeshError>
  readonly #takesAtOnce: boolean
  readonly #untaken: (() => void)[] = []
  #refuse!: (error: ThingmeshError) => void
  #came = (): void => undefined
  /** The most that it had in front of it at once. */
  peak = 0

  constructor(takesAtOnce = true) {
    this.#takesAtOnce = takesAtOnce
    this.refused = new Promise(resolve => {
      this.#refuse = resolve
    })
  }

  request(filter: string, again = false): SubscribeRequest {
    return { filter, again, onMessage: message => this.#receive(message), onRefused: error => this.#refuse(error) }
  }

  get texts(): readonly unknown[] {
    return this.messages.map(({ payload }) => payload)
  }

  /** Settles when so many have come. A case fails by its runner's time limit. */
  async count(count: number): Promise<void> {
    while (this.messages.length < count) await this.#next()
  }

  /** Settles when it has come. */
  async has(text: string): Promise<void> {
    while (!this.texts.includes(text)) await this.#next()
  }

  /** Takes the oldest, as soon as there is one. */
  async take(): Promise<void> {
    while (this.#untaken.length === 0) await this.#next()
    this.#untaken.shift()?.()
  }

  #next(): Promise<void> {
    return new Promise(resolve => {
      this.#came = resolve
    })
  }

  #receive(message: ClientMessage): Promise<void> {
    this.messages.push(message)
    const taken = this.#takesAtOnce ? Promise.resolve() : new Promise<void>(resolve => this.#untaken.push(resolve))
    this.peak = Math.max(this.peak, this.#untaken.length)
    this.#came()
    return taken
  }
}

/** An inbox that is subscribed, by this connection, for the first time. */
export async function subscribed(connection: Connection, filter: string): Promise<TransportInbox> {
  const inbox = new TransportInbox()
  const { resumed } = await connection.subscribe(inbox.request(filter))
  if (resumed) throw new Error('a first subscription was resumed')
  return inbox
}
