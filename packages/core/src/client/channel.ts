import { parseChannelName, parseFilter, parseTopic } from '../address/index.ts'
import { encodeUtf8 } from '../codec/utf8.ts'
import type { MessageProperties } from '../model/index.ts'
import { notSent } from './failure.ts'
import type { HistoryOptions } from './history.ts'
import type { ReceivedMessage } from './messages.ts'
import { resolveOptions } from './option-rules.ts'
import type { OutboxLimits } from './outbox/outbox.ts'
import type { NewEntry } from './outbox/queue.ts'
import { type ResolvedLimits, resolveLimits } from './outbox/shares.ts'
import { type Publishable, toBody } from './payload.ts'
import type { CancelSignal } from './platform.ts'
import type { Receipt } from './receipt.ts'
import type { Subscription } from './subscription.ts'
import type { ClientMessage } from './transport.ts'

export interface ChannelPublishOptions {
  /** Levels below the channel, `room1/temperature`; none by default. */
  readonly subtopic?: string | undefined
  /** A media type. By default what the payload is: JSON, text or bytes. */
  readonly contentType?: string | undefined
  /** `at-least-once` by default. `at-most-once` goes out at once or not at all. */
  readonly delivery?: 'at-most-once' | 'at-least-once' | undefined
  /** Keep as the last value of its address; an empty payload clears it. */
  readonly retain?: boolean | undefined
  /** What few messages carry: where to answer to, expiry at the hub, headers. */
  readonly properties?: MessageProperties | undefined
  /** Gives up waiting for room in the outbox, with `canceled`. What is in the outbox stays there. */
  readonly signal?: CancelSignal | undefined
}

export interface ChannelSubscribeOptions {
  /** What below the channel, with `+` and `#`; by default `#`: all of it. */
  readonly pattern?: string | undefined
  /** Ends the subscription, without an error. */
  readonly signal?: CancelSignal | undefined
}

/** One channel of the hub, as this client sees it. */
export interface ClientChannel {
  readonly name: string
  /**
   * `await` it: it settles when the message is safe, see `Receipt`. Rejects with `not-sent` where it never left, with
   * `rejected` where the hub refused it, with `unknown` where only the hub knows.
   */
  publish(payload: Publishable, options?: ChannelPublishOptions): Receipt
  /** From now on, over every reconnection. */
  subscribe(options?: ChannelSubscribeOptions): Subscription
  /** The callback gets one message at a time: the next one when its promise has settled. */
  subscribe(callback: (message: ClientMessage) => void | Promise<void>, options?: ChannelSubscribeOptions): Subscription
  /** The last value of each address. Throws `unsupported` where the transport has no such thing. */
  latest(options?: ChannelSubscribeOptions): Promise<readonly ClientMessage[]>
  /** What the hub has kept, oldest first. Throws `unsupported` where the transport has no such thing. */
  history(options?: HistoryOptions): AsyncGenerator<ReceivedMessage, void, undefined>
}

/** What a channel needs of its client. */
export interface ChannelHost {
  publish(draft: NewEntry, limits: ResolvedLimits, signal: CancelSignal | undefined): Receipt
  subscribe(filter: string, signal: CancelSignal | undefined): Subscription
  latest(filter: string, signal: CancelSignal | undefined): Promise<readonly ClientMessage[]>
  history(filter: string, options: HistoryOptions): AsyncGenerator<ReceivedMessage, void, undefined>
  callbackFailed(error: unknown): void
}

/** Throws `invalid-argument` for what cannot be a channel's name, `TypeError` for limits that make no sense. */
export function openChannel(host: ChannelHost, name: string, limits: OutboxLimits): ClientChannel {
  notSent(() => parseChannelName(name))
  const resolved = resolveLimits(limits)
  const toFilter = (pattern = '#'): string => notSent(() => parseFilter(`${name}/${pattern}`))

  const subscribe = (
    first?: ChannelSubscribeOptions | ((message: ClientMessage) => void | Promise<void>),
    second?: ChannelSubscribeOptions,
  ): Subscription => {
    const callback = typeof first === 'function' ? first : undefined
    const options = (typeof first === 'function' ? second : first) ?? {}
    const subscription = host.subscribe(toFilter(options.pattern), options.signal)
    if (callback !== undefined) void callForEach(subscription, callback, host)
    return subscription
  }

  return {
    name,
    publish: (payload, options = {}) => host.publish(toDraft(name, payload, options), resolved, options.signal),
    subscribe,
    latest: async (options = {}) => host.latest(toFilter(options.pattern), options.signal),
    history: (options = {}) => host.history(toFilter(options.pattern), options),
  }
}

async function callForEach(
  subscription: Subscription,
  callback: (message: ClientMessage) => void | Promise<void>,
  host: ChannelHost,
): Promise<void> {
  try {
    for await (const message of subscription) {
      try {
        await callback(message)
      } catch (error) {
        host.callbackFailed(error)
      }
    }
  } catch {
    // `confirmed` has said so, or `subscriptionRefused`, or the client's status.
  }
}

function toDraft(name: string, payload: Publishable, options: ChannelPublishOptions): NewEntry {
  const { body, contentType } = toBody(payload)
  const topic = options.subtopic === undefined || options.subtopic === '' ? name : `${name}/${options.subtopic}`
  notSent(() => parseTopic(topic))
  return {
    topic,
    // A copy: what the caller does with its own bytes afterwards changes no message.
    payload: typeof body === 'string' ? encodeUtf8(body) : new Uint8Array(body),
    contentType: options.contentType ?? contentType,
    // Most do not say it, and to look up a rule for each of a hundred thousand a second shows.
    delivery: options.delivery === undefined ? 'at-least-once' : resolveOptions(options, deliveryRule).delivery,
    retain: options.retain === true,
    properties: options.properties,
  }
}

const deliveryRule = { delivery: ['at-least-once', 'at-most-once'] } as const
