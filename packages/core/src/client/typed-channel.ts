import { toTopic } from '../address/index.ts'
import { jsonCodec, textCodec } from '../codec/index.ts'
import { type ThingmeshError, toThingmeshError } from '../errors/index.ts'
import type { ChannelDefinition } from '../schema/index.ts'
import { notSent } from './failure.ts'
import type { FollowOptions } from './follow.ts'
import type { HttpClient, Published, PublishOptions, ReadOptions } from './http.ts'
import type { ReceivedMessage, ReceivedPage } from './messages.ts'

/** Which part of the channel. */
interface Part {
  /** To publish: the levels after the channel. To read and follow: the same with `+` and `#`. The whole channel by default. */
  readonly subtopic?: string | undefined
}

/**
 * A message and its value, or why it has none: what others published need not fit, and a misfit is no reason to stop
 * reading. TypeScript has `value` only where `error` has been asked for.
 */
export type TypedMessage<Value> = ReceivedMessage &
  (
    | { readonly value: Value; readonly error?: undefined }
    /** `invalid-argument` with the path in `details.path`; `unsupported` for a content type without a format. */
    | { readonly value?: undefined; readonly error: ThingmeshError }
  )

export interface TypedPage<Value> extends Omit<ReceivedPage, 'messages'> {
  readonly messages: readonly TypedMessage<Value>[]
}

/** A channel of a hub, in the types of its definition. */
export interface TypedChannel<Input, Output> {
  /** Throws `invalid-argument` with `outcome: 'not-sent'` for a value that does not fit; else as `HttpClient.publish`. */
  publish(value: Input, options?: Omit<PublishOptions, 'contentType'> & Part): Promise<Published>
  read(options?: ReadOptions & Part): Promise<TypedPage<Output>>
  follow(options?: FollowOptions & Part): AsyncGenerator<TypedMessage<Output>, void, undefined>
}

/** Puts a definition in the place of topics. Opens nothing, and holds nothing but its arguments. */
export function typedChannel<Input, Output>(
  client: Pick<HttpClient, 'publish' | 'read' | 'follow'>,
  definition: ChannelDefinition<Input, Output>,
): TypedChannel<Input, Output> {
  const filter = (subtopic = '#'): string => toTopic({ channel: definition.name, subtopic })
  const toTyped = (message: ReceivedMessage): TypedMessage<Output> => {
    const { contentType, acceptedAtMs } = message
    try {
      return { ...message, value: definition.decode(toBytes(message), contentType, { nowMs: acceptedAtMs }) }
    } catch (thrown) {
      return { ...message, error: toThingmeshError(thrown) }
    }
  }
  return {
    async publish(value, { subtopic = '', ...options } = {}) {
      const { payload, contentType } = notSent(() => definition.encode(value))
      return client.publish(toTopic({ channel: definition.name, subtopic }), payload, { ...options, contentType })
    },
    async read(options = {}) {
      const { subtopic, ...rest } = options
      const page = await client.read(filter(subtopic), rest)
      return { ...page, messages: page.messages.map(toTyped) }
    },
    async *follow(options = {}) {
      const { subtopic, ...rest } = options
      for await (const message of client.follow(filter(subtopic), rest)) yield toTyped(message)
    },
  }
}

/** As they were published: the hub has taken JSON and text out of their bytes already. */
function toBytes({ encoding, payload }: ReceivedMessage): Uint8Array {
  if (encoding === 'bytes') return payload
  return encoding === 'text' ? textCodec.encode(payload) : jsonCodec.encode(payload)
}
