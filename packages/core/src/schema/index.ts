export {
  type ChannelDefinition,
  type DecodeOptions,
  defineChannel,
  type FieldsDefinition,
  type InputOf,
  type OutputOf,
  type SchemaDefinition,
} from './define-channel.ts'
export type { EventAffordance, Form } from './event-affordance.ts'
export type { Field, Fields, ValueOf } from './field.ts'
export {
  type BytesOptions,
  boolean,
  bytes,
  choice,
  type FieldOptions,
  integer,
  type ListOptions,
  list,
  type NumberOptions,
  number,
  object,
  type StringOptions,
  string,
  time,
} from './fields.ts'
export type { Carrier, Content, ForeignContent, Format } from './format.ts'
export type { JsonSchema } from './json-schema.ts'
export type { Shape } from './shape.ts'
