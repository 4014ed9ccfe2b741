import type { StandardSchemaV1 } from '@standard-schema/spec'
import { checkShape } from './check.ts'
import { type JsonSchema, shapeToJsonSchema } from './json-schema.ts'
import type { Shape } from './shape.ts'

/**
 * One field of a channel, or the whole of its value. It is a Standard Schema by itself: version 1 of the interface,
 * with JSON Schema export.
 */
export interface Field<Value, IsOptional extends boolean = false> {
  readonly '~standard': FieldStandard<Value>
  readonly shape: Shape
  readonly isOptional: IsOptional
  /** The same field, which may be left out. */
  optional(): Field<Value, true>
}

interface FieldStandard<Value> extends StandardSchemaV1.Props<Value, Value> {
  readonly vendor: typeof vendor
  readonly validate: (value: unknown) => StandardSchemaV1.Result<Value>
  readonly jsonSchema: {
    readonly input: (options: { readonly target: string }) => JsonSchema
    readonly output: (options: { readonly target: string }) => JsonSchema
  }
}

export type Fields = Readonly<Record<string, Field<unknown, boolean>>>

/** The value that a set of fields describes. */
export type ValueOf<F extends Fields> = Flat<
  { readonly [Name in RequiredNames<F>]: FieldValue<F[Name]> } & {
    readonly [Name in Exclude<keyof F, RequiredNames<F>>]?: FieldValue<F[Name]> | undefined
  }
>

type RequiredNames<F extends Fields> = {
  [Name in keyof F]: F[Name]['isOptional'] extends false ? Name : never
}[keyof F]
type FieldValue<F> = F extends Field<infer Value, boolean> ? Value : never
/** One object type in place of an intersection, for the sake of who reads it in an editor. */
type Flat<T> = { [Name in keyof T]: T[Name] }

const vendor = 'thingmesh'
const target = 'draft-2020-12'

/** A field of a shape. `Value` is the caller's to know. */
export function toField<Value>(shape: Shape): Field<Value> {
  return withPresence<Value, false>(shape, false)
}

export function isField(schema: object): schema is Field<unknown, boolean> {
  const standard = (schema as Partial<Field<unknown>>)['~standard']
  return standard?.vendor === vendor && 'shape' in schema
}

function withPresence<Value, IsOptional extends boolean>(
  shape: Shape,
  isOptional: IsOptional,
): Field<Value, IsOptional> {
  const jsonSchema = (options: { readonly target: string }): JsonSchema => {
    if (options.target !== target) throw new TypeError(`the target ${options.target} is not known, ${target} is`)
    return shapeToJsonSchema(shape)
  }
  return {
    '~standard': {
      version: 1,
      vendor,
      validate(value) {
        if (isOptional && value === undefined) return { value: undefined as Value }
        const checked = checkShape(shape, value, 'reading')
        return checked.issues === undefined ? { value: checked.value as Value } : checked
      },
      jsonSchema: { input: jsonSchema, output: jsonSchema },
    },
    shape,
    isOptional,
    optional: () => withPresence<Value, true>(shape, true),
  }
}
