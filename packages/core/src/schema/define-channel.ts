import type { StandardSchemaV1 } from '@standard-schema/spec'
import { parseChannelName } from '../address/index.ts'
import type { ClientChannel } from '../client/channel.ts'
import { type TypedChannel, typedChannel } from '../client/typed-channel.ts'
import type { ChannelName } from '../model/index.ts'
import { type EventAffordance, type Form, toEventAffordance } from './event-affordance.ts'
import type { Fields, ValueOf } from './field.ts'
import { object } from './fields.ts'
import { type Carry, type Content, carrierOf, type Format, unreadable } from './format.ts'
import { bytesFormat, jsonFormat, textFormat } from './formats.ts'
import type { JsonSchema } from './json-schema.ts'
import { toValues } from './values.ts'

interface DefinitionOptions {
  readonly name: ChannelName
  /** For people; goes into what is exported. */
  readonly description?: string | undefined
  /** What is sent: a media type of one of the formats. By default that of the first format given, or `application/json`. */
  readonly contentType?: string | undefined
  /** Beyond JSON, text and bytes: `cborFormat` of `@thingmesh/core/schema/cbor`, and those of SenML. */
  readonly formats?: readonly Format[] | undefined
}

export interface FieldsDefinition<F extends Fields> extends DefinitionOptions {
  readonly fields: F
  readonly schema?: undefined
}

export interface SchemaDefinition<S extends StandardSchemaV1> extends DefinitionOptions {
  /** A schema of any library that follows Standard Schema and does not validate asynchronously; or one field. */
  readonly schema: S
  /** What the library cannot tell by itself, for `toJsonSchema`: of what is sent, which is the schema's input. */
  readonly jsonSchema?: JsonSchema | undefined
  readonly fields?: undefined
}

export interface DecodeOptions {
  /** Milliseconds since 1970 that a time in SenML is counted from; now by default. */
  readonly nowMs?: number | undefined
}

/**
 * What travels on a channel. `Input` is what is published and what the bytes say; `Output` is what a reader gets. They
 * differ only where a foreign schema transforms.
 */
export interface ChannelDefinition<Input, Output = Input> {
  readonly name: ChannelName
  readonly description: string | undefined
  /** What `encode` writes. */
  readonly contentType: string
  readonly schema: StandardSchemaV1<Input, Output>
  /** Throws `invalid-argument` with the path of the first misfit in `details.path`; never tells the value. */
  validate(value: unknown): Output
  /** Throws as `validate` does; of own fields also for a member that is none of them. */
  encode(value: Input): { readonly payload: Uint8Array; readonly contentType: string }
  /**
   * By the message's own content type; by the channel's where that is absent or `''`. Throws `unsupported` where no
   * format is of that type, `invalid-argument` for a payload that is not of the format or does not fit.
   */
  decode(payload: Uint8Array, contentType?: string, options?: DecodeOptions): Output
  /** What `client.channel(definition)` gives: here and not in the client, so that who has no definition has none of it. */
  typed(channel: ClientChannel): TypedChannel<Input, Output>
  /**
   * JSON Schema 2020-12 of the value as JSON carries it. Throws `unsupported` for a foreign schema that has none: then
   * `jsonSchema` is to be given.
   */
  toJsonSchema(): JsonSchema
  /** A member of `events` in a Thing Description (W3C TD 1.1, section 5.3.1.5). Where to subscribe is the caller's to know. */
  toEventAffordance(forms: readonly Form[]): EventAffordance
}

/** What is published on a channel. */
export type InputOf<Definition> = Definition extends ChannelDefinition<infer Input, unknown> ? Input : never
/** What a reader of a channel gets. */
export type OutputOf<Definition> = Definition extends { validate(value: unknown): infer Output } ? Output : never

/** It becomes a header: no line breaks, nothing but ASCII, and not endless. */
const headerValue = /^[\x20-\x7e]{1,255}$/

/**
 * Says once what travels on a channel, for devices, dashboards and servers alike.
 *
 * Throws `invalid-argument` for a name that no channel can have, and `TypeError` for what cannot be meant: a content
 * type that no format has, fields that the format has no place for, a schema that validates asynchronously.
 */
export function defineChannel<const F extends Fields>(definition: FieldsDefinition<F>): ChannelDefinition<ValueOf<F>>
export function defineChannel<S extends StandardSchemaV1>(
  definition: SchemaDefinition<S>,
): ChannelDefinition<StandardSchemaV1.InferInput<S>, StandardSchemaV1.InferOutput<S>>
export function defineChannel(
  definition: FieldsDefinition<Fields> | SchemaDefinition<StandardSchemaV1>,
): ChannelDefinition<unknown> {
  const { description, formats = [] } = definition
  const name = parseChannelName(definition.name)
  const values =
    definition.fields === undefined
      ? toValues(name, definition.schema, definition.jsonSchema)
      : toValues(name, object(definition.fields))
  const carries: readonly Carry[] = [
    ...formats.map((format): Carry => [format, format.carrierFor(values.content)]),
    ...builtIn(values.content),
  ]
  const contentType = definition.contentType ?? (formats[0] ?? jsonFormat).contentTypes[0]!
  if (!headerValue.test(contentType)) throw new TypeError('the content type is no media type')
  const sending = carrierOf(contentType, carries)
  if (sending === undefined) throw new TypeError(`no format is given for ${contentType}`)
  if (sending instanceof TypeError) throw sending
  const toJsonSchema = (): JsonSchema => ({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: name,
    ...(description === undefined ? {} : { description }),
    ...values.toJsonSchema(),
  })

  const codec: Pick<ChannelDefinition<unknown>, 'encode' | 'decode'> = {
    encode: value => ({ payload: sending.encode(values.toSend(value)), contentType }),
    decode(payload, type = '', options = {}) {
      const carrier = type === '' ? sending : carrierOf(type, carries)
      if (carrier === undefined || carrier instanceof TypeError) throw unreadable(name, type)
      return values.validate(carrier.decode(payload, options.nowMs ?? Date.now()))
    },
  }

  return {
    name,
    description,
    contentType,
    schema: values.schema,
    validate: values.validate,
    ...codec,
    typed: channel => typedChannel(channel, codec),
    toJsonSchema,
    toEventAffordance: forms => toEventAffordance(toJsonSchema(), contentType, forms),
  }
}

/** JSON, text and bytes are there without being asked for, and a channel need not fit them. */
function builtIn(content: Content): readonly Carry[] {
  return [jsonFormat, textFormat, bytesFormat].map(format => {
    try {
      return [format, format.carrierFor(content)]
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      return [format, error]
    }
  })
}
