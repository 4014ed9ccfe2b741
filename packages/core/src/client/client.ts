import { ThingmeshError, toThingmeshError } from '../errors/index.ts'
import type { ChannelDefinition } from '../schema/index.ts'
import { type Backoff, resolveBackoff } from './backoff.ts'
import { canceled, untilAborted } from './cancellation.ts'
import { type ChannelHost, type ClientChannel, openChannel } from './channel.ts'
import { ClientEmitter, type ClientEvents } from './events.ts'
import type { Published } from './http.ts'
import { resolveOptions, timerMsMax } from './option-rules.ts'
import { memoryOutbox } from './outbox/memory.ts'
import type { Outbox, OutboxLimits, OutboxStats } from './outbox/outbox.ts'
import { type NewEntry, OutboxQueue } from './outbox/queue.ts'
import { OutboxSender } from './outbox/sender.ts'
import { type CancelSignal, platform } from './platform.ts'
import { randomName } from './random-name.ts'
import { KeptReceipt } from './receipt.ts'
import { type ReconnectHints, stayConnected } from './reconnect.ts'
import { type ClientStatus, deferred, StatusBoard } from './status.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Connection, Transport } from './transport.ts'
import type { TypedChannel } from './typed-channel.ts'

export interface ClientOptions {
  /** Where drafts wait until the hub has them; in memory by default. */
  readonly outbox?: Outbox | undefined
  readonly backoff?: Backoff | undefined
  /** For one attempt to connect, subscriptions included; 15,000 by default. */
  readonly connectTimeoutMs?: number | undefined
  /** Publishes of one channel that may wait for room in the outbox; 1,000 by default. */
  readonly waitersMax?: number | undefined
  readonly hints?: ReconnectHints | undefined
  /** Gives up on the first attempt, with `canceled`, and closes the client. */
  readonly signal?: CancelSignal | undefined
}

const clientRules = {
  connectTimeoutMs: [15_000, 1, timerMsMax],
  waitersMax: [1_000, 0],
} as const

interface ClientTerms {
  readonly connectTimeoutMs: number
  readonly waitersMax: number
  readonly backoff: Backoff
}

/** One thing's or application's standing connection to its hub. */
export interface Client extends AsyncDisposable {
  /**
   * By name, or typed by a definition of `@thingmesh/core/schema`. Each call may set its own outbox limits for the same
   * channel; a draft goes by those it was published with.
   */
  channel(name: string, limits?: OutboxLimits): ClientChannel
  channel<Input, Output>(
    definition: ChannelDefinition<Input, Output>,
    limits?: OutboxLimits,
  ): TypedChannel<Input, Output>
  /** What is, and then every change; a slow reader gets the newest. Ends when the client is closed. */
  status(options?: { readonly signal?: CancelSignal | undefined }): AsyncGenerator<ClientStatus, void, undefined>
  readonly currentStatus: ClientStatus
  readonly outbox: { stats(): OutboxStats }
  on<Name extends keyof ClientEvents>(name: Name, listener: ClientEvents[Name]): void
  off<Name extends keyof ClientEvents>(name: Name, listener: ClientEvents[Name]): void
  /** Settles when the outbox is empty. Rejects with why the client was closed before, or `canceled` for the signal. */
  drain(options?: { readonly signal?: CancelSignal | undefined }): Promise<void>
  /** Ends everything, at once; what is not acknowledged stays in the outbox. `drain` first to wait for it. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens a client. Settles when the first attempt is decided: rejects where the hub refuses for good, a wrong key say; a hub
 * that is not there gives a client that is `offline` and goes on trying, because a device that starts has to work then too.
 * `TypeError` for options that make no sense.
 */
export async function openClient(transport: Transport, options: ClientOptions = {}): Promise<Client> {
  const client = new StandingClient(transport, options)
  await client.start(options.signal)
  return client
}

class StandingClient implements Client, ChannelHost {
  readonly #transport: Transport
  readonly #options: ClientOptions & ClientTerms
  readonly #events = new ClientEmitter()
  readonly #closing = new (platform().AbortController)()
  readonly #status = new StatusBoard(status => this.#events.emit('statusChanged', status))
  readonly #subscriptions = new Subscriptions(this.#events)
  readonly #queue: OutboxQueue
  readonly #sender: OutboxSender
  readonly #firstAttempt = deferred()
  #connection: Connection | undefined
  #ended: Promise<void> | undefined

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport
    this.#options = { ...options, ...resolveOptions(options, clientRules), backoff: resolveBackoff(options.backoff) }
    this.#queue = new OutboxQueue({
      outbox: options.outbox ?? memoryOutbox(),
      events: this.#events,
      name: randomName(),
      waitersMax: this.#options.waitersMax,
      now: () => Date.now(),
    })
    this.#sender = new OutboxSender(this.#queue, this.#options.backoff)
  }

  async start(signal: CancelSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw canceled(signal.reason)
    // May have to wait for who has the outbox now. Where the caller has given up by then, that closes it again.
    const decided = this.#queue.open().then(() => {
      this.#ended = this.#run()
      return this.#firstAttempt.promise
    })
    try {
      await untilAborted(decided, signal)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  channel(name: string, limits?: OutboxLimits): ClientChannel
  channel<Input, Output>(
    definition: ChannelDefinition<Input, Output>,
    limits?: OutboxLimits,
  ): TypedChannel<Input, Output>
  channel<Input, Output>(nameOrDefinition: string | ChannelDefinition<Input, Output>, limits: OutboxLimits = {}) {
    if (typeof nameOrDefinition === 'string') return openChannel(this, nameOrDefinition, limits)
    return nameOrDefinition.typed(openChannel(this, nameOrDefinition.name, limits))
  }

  status(options: { readonly signal?: CancelSignal | undefined } = {}): AsyncGenerator<ClientStatus, void, undefined> {
    return this.#status.follow(options.signal)
  }

  get currentStatus(): ClientStatus {
    return this.#status.current
  }

  readonly outbox = { stats: (): OutboxStats => this.#queue.stats() }

  on<Name extends keyof ClientEvents>(name: Name, listener: ClientEvents[Name]): void {
    this.#events.on(name, listener)
  }

  off<Name extends keyof ClientEvents>(name: Name, listener: ClientEvents[Name]): void {
    this.#events.off(name, listener)
  }

  async drain({ signal }: { readonly signal?: CancelSignal | undefined } = {}): Promise<void> {
    await this.#queue.emptied(signal)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#connection?.close(true).catch(() => undefined)
    await this.#ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  publish(draft: NewEntry, limits: Parameters<ChannelHost['publish']>[1], signal: CancelSignal | undefined) {
    if (draft.delivery === 'at-most-once' || limits.policy === 'none') {
      const sent = this.#sendNow(draft)
      return new KeptReceipt(
        sent.then(() => ({ stored: { promise: Promise.resolve() }, acked: { promise: sent } })),
        false,
      )
    }
    return new KeptReceipt(this.#queue.append(draft, limits, signal), this.#queue.durable)
  }

  subscribe(filter: string, signal: CancelSignal | undefined) {
    if (this.#closing.signal.aborted) throw closedError(undefined)
    const reader = this.#subscriptions.add(filter)
    reader.closeOnAbort(signal)
    return reader
  }

  async latest(filter: string, signal: CancelSignal | undefined) {
    const connection = this.#live()
    if (connection.latest === undefined) throw unsupported('last values')
    return connection.latest(filter, signal)
  }

  async *history(filter: string, options: Parameters<ChannelHost['history']>[1]) {
    const { history } = this.#live()
    if (history === undefined) throw unsupported('history')
    // Each page by the connection that there is by then.
    yield* history(page => this.#live().read!(filter, page), options)
  }

  callbackFailed(error: unknown): void {
    this.#events.emit('callbackFailed', { error })
  }

  async #run(): Promise<void> {
    const refused = await stayConnected({
      transport: this.#transport,
      backoff: this.#options.backoff,
      connectTimeoutMs: this.#options.connectTimeoutMs,
      hints: this.#options.hints,
      status: this.#status,
      closing: this.#closing.signal,
      attach: async connection => {
        this.#connection = connection
        await this.#subscriptions.attach(connection)
        this.#sender.attach(connection)
        this.#firstAttempt.resolve()
      },
      detach: () => {
        this.#connection = undefined
        this.#subscriptions.detach()
        this.#sender.detach()
      },
      onAttemptFailed: (error, retryInMs) => {
        this.#events.emit('attemptFailed', { error, retryInMs })
        this.#firstAttempt.resolve()
      },
    }).catch(toThingmeshError)
    this.#closing.abort()
    this.#firstAttempt.reject(refused ?? closedError(undefined))
    this.#subscriptions.close(refused)
    await this.#queue.close(closedError(refused)).catch((error: unknown) => this.callbackFailed(error))
    this.#status.set({ state: 'closed', reason: refused })
  }

  async #sendNow(draft: NewEntry): Promise<Published> {
    return this.#live().publish({ ...draft, key: undefined })
  }

  #live(): Connection {
    if (this.#closing.signal.aborted) throw closedError(this.#status.current.reason)
    const { state, reason: cause } = this.#status.current
    if (this.#connection !== undefined && state === 'connected') return this.#connection
    throw new ThingmeshError('unavailable', 'no connection to the hub', { cause, outcome: 'not-sent' })
  }
}

/** With the hub's reason where there is one: that is what a caller who waits has to know. */
function closedError(refused: ThingmeshError | undefined): ThingmeshError {
  const { code, message } = refused ?? { code: 'canceled', message: 'by this program' }
  return new ThingmeshError(code, `the client is closed: ${message}`, { cause: refused, outcome: 'not-sent' })
}

function unsupported(what: string): ThingmeshError {
  return new ThingmeshError('unsupported', `this transport has no ${what}: http has`, { outcome: 'not-sent' })
}
