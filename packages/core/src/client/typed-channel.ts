import { encodeUtf8 } from '../codec/utf8.ts'
import { type ThingmeshError, toThingmeshError } from '../errors/index.ts'
import type { ChannelPublishOptions, ChannelSubscribeOptions, ClientChannel } from './channel.ts'
import { notSent } from './failure.ts'
import type { HistoryOptions } from './history.ts'
import type { ReceivedMessage, ReceivedPayload } from './messages.ts'
import type { Receipt } from './receipt.ts'
import type { Subscription } from './subscription.ts'
import type { ClientMessage } from './transport.ts'

/**
 * A message and its value, or why it has none: what others published need not fit, and a misfit is no reason to stop
 * reading. TypeScript has `value` only where `error` has been asked for.
 */
export type TypedMessage<Value, Message extends ClientMessage = ClientMessage> = Message &
  (
    | { readonly value: Value; readonly error?: undefined }
    /** `invalid-argument` with the path in `details.path`; `unsupported` for a content type without a format. */
    | { readonly value?: undefined; readonly error: ThingmeshError }
  )

/** One channel of the hub in the types of its definition: `Input` is what goes in, `Output` what comes out. */
export interface TypedChannel<Input, Output> {
  readonly name: string
  /** Throws `invalid-argument` with `outcome: 'not-sent'` for a value that does not fit; else as `ClientChannel.publish`. */
  publish(value: Input, options?: Omit<ChannelPublishOptions, 'contentType'>): Receipt
  /** As of `ClientChannel`. */
  subscribe(options?: ChannelSubscribeOptions): Subscription<TypedMessage<Output>>
  subscribe(
    callback: (message: TypedMessage<Output>) => void | Promise<void>,
    options?: ChannelSubscribeOptions,
  ): Subscription<TypedMessage<Output>>
  /** As of `ClientChannel`. */
  latest(options?: ChannelSubscribeOptions): Promise<readonly TypedMessage<Output>[]>
  /** As of `ClientChannel`. */
  history(options?: HistoryOptions): AsyncGenerator<TypedMessage<Output, ReceivedMessage>, void, undefined>
}

/** What of a definition a channel needs. */
interface Definition<Input, Output> {
  encode(value: Input): { readonly payload: Uint8Array; readonly contentType: string }
  decode(payload: Uint8Array, contentType?: string, options?: { readonly nowMs?: number | undefined }): Output
}

/** Puts a definition between a channel and its user. */
export function typedChannel<Input, Output>(
  channel: ClientChannel,
  definition: Definition<Input, Output>,
): TypedChannel<Input, Output> {
  const toTyped = <Message extends ClientMessage>(message: Message): TypedMessage<Output, Message> => {
    const { contentType, acceptedAtMs } = message
    try {
      const value = definition.decode(toBytes(message), contentType, { nowMs: acceptedAtMs })
      return { ...message, value }
    } catch (thrown) {
      return { ...message, error: toThingmeshError(thrown) }
    }
  }
  return {
    name: channel.name,
    publish(value, options) {
      const { payload, contentType } = notSent(() => definition.encode(value))
      return channel.publish(payload, { ...options, contentType })
    },
    subscribe(
      first?: ChannelSubscribeOptions | ((message: TypedMessage<Output>) => void | Promise<void>),
      second?: ChannelSubscribeOptions,
    ) {
      if (typeof first !== 'function') return typedSubscription(channel.subscribe(first), toTyped)
      return typedSubscription(
        channel.subscribe(message => first(toTyped(message)), second),
        toTyped,
      )
    },
    latest: async options => (await channel.latest(options)).map(toTyped),
    async *history(options) {
      for await (const message of channel.history(options)) yield toTyped(message)
    },
  }
}

function typedSubscription<Typed>(
  subscription: Subscription,
  toTyped: (message: ClientMessage) => Typed,
): Subscription<Typed> {
  return {
    get confirmed() {
      return subscription.confirmed
    },
    close: () => subscription.close(),
    async *[Symbol.asyncIterator]() {
      for await (const message of subscription) yield toTyped(message)
    },
    [Symbol.asyncDispose]: () => subscription.close(),
  }
}

/** As they were published: what took them in has made JSON and text of them already, within the limits of both. */
function toBytes({ encoding, payload }: ReceivedPayload): Uint8Array {
  if (encoding === 'bytes') return payload
  return encodeUtf8(encoding === 'text' ? payload : JSON.stringify(payload))
}
