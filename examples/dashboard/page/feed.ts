import {
  type Client,
  type ClientMessage,
  type HttpClient,
  isThingmeshError,
  type ReceivedMessage,
  ThingmeshError,
} from '@thingmesh/client-browser'
import { MessageLog } from './message-log.ts'
import type { Store } from './store.ts'

/** The page holds so many messages of a channel, and goes so far back for them. */
export const messagesMax = 10_000
const pageSize = 1_000

/**
 * The messages of the channel that is shown. It subscribes, and reads the past once that is confirmed: what is published
 * in between comes by both ways, and is held once. Over a break the subscription goes on by its cursor, so the log of the page
 * has what the log of the hub has.
 */
export class Feed {
  readonly #store: Store
  readonly #client: Client
  readonly #http: HttpClient
  #following = new AbortController()

  constructor(store: Store, client: Client, http: HttpClient) {
    this.#store = store
    this.#client = client
    this.#http = http
  }

  /** Leaves the channel before. The same one again is read anew, and what is shown stays until that is done. */
  show(channel: string): void {
    this.stop()
    this.#following = new AbortController()
    const log = new MessageLog(messagesMax)
    if (channel !== this.#store.state.channel) this.#put(channel, log)
    const { signal } = this.#following
    this.#follow(channel, log, signal).catch(error => {
      if (!signal.aborted) this.#store.set({ history: toError(error) })
    })
  }

  /** Further back, where the range that is shown has become longer. */
  reach(): void {
    const { channel, log } = this.#store.state
    const { signal } = this.#following
    if (channel === undefined || signal.aborted) return
    this.#readBack(channel, log, signal).catch(error => {
      if (!signal.aborted) this.#store.set({ history: toError(error) })
    })
  }

  stop(): void {
    this.#following.abort()
  }

  async #follow(channel: string, log: MessageLog, signal: AbortSignal): Promise<void> {
    const subscription = this.#client.channel(channel).subscribe({ signal })
    const live = (async () => {
      for await (const message of subscription) {
        if (signal.aborted) return
        if (log.append(toReceived(message))) this.#changed(log)
      }
    })()
    // Told below; until then it is nobody's.
    live.catch(() => undefined)
    await subscription.confirmed
    await this.#readBack(channel, log, signal)
    if (!signal.aborted) this.#put(channel, log)
    await live
  }

  /** Page by page into the past, as far as the range and the bound go. Whoever is away comes back. */
  async #readBack(channel: string, log: MessageLog, signal: AbortSignal): Promise<void> {
    this.#store.set({ history: 'loading' })
    const fromMs = Date.now() - this.#store.state.rangeMs
    const oldest = log.items[0]
    // What comes live comes in order: only what is before it is to be read.
    let before = oldest?.cursor
    let isReached = oldest !== undefined && oldest.acceptedAtMs < fromMs
    while (!isReached && !signal.aborted && log.items.length < messagesMax) {
      const page = await this.#retried(() => this.#http.read(channel, { last: pageSize, before, signal }), signal)
      log.prepend(page.messages)
      this.#changed(log)
      const first = page.messages[0]
      isReached = page.complete || page.next === undefined || (first !== undefined && first.acceptedAtMs < fromMs)
      before = page.next
    }
    if (!signal.aborted) this.#store.set({ history: 'ready' })
  }

  async #retried<Value>(ask: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (signal.aborted || !isThingmeshError(error) || !error.retryable) throw error
        // The client knows when there is a hub again.
        for await (const { state } of this.#client.status({ signal })) if (state === 'connected') break
        await new Promise(resolve => setTimeout(resolve, 250))
      }
    }
  }

  #put(channel: string, log: MessageLog): void {
    const { state } = this.#store
    if (state.log !== log) this.#store.set({ channel, log, logChanges: state.logChanges + 1 })
  }

  #changed(log: MessageLog): void {
    const { state } = this.#store
    if (state.log === log) this.#store.set({ logChanges: state.logChanges + 1 })
  }
}

/** Over HTTP a message comes with everything that the log has of it. */
function toReceived(message: ClientMessage): ReceivedMessage {
  const { id, cursor, publisher, acceptedAtMs } = message
  if (id === undefined || cursor === undefined || publisher === undefined || acceptedAtMs === undefined) {
    throw new ThingmeshError('unsupported', 'the transport tells no ids of messages')
  }
  return { protocol: '', ...message, id, cursor, publisher, acceptedAtMs }
}

function toError(error: unknown): ThingmeshError {
  return isThingmeshError(error) ? error : new ThingmeshError('internal', String(error), { cause: error })
}
