import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { ThingmeshError } from '../errors/index.ts'
import type { ChannelName } from '../model/index.ts'
import { checkShape } from './check.ts'
import { type Field, isField } from './field.ts'
import type { Content } from './format.ts'
import { type JsonSchema, shapeToJsonSchema } from './json-schema.ts'
import { refusalAt } from './refusal.ts'

/** What a definition knows of its values, whoever wrote the schema. */
export interface Values {
  readonly schema: StandardSchemaV1
  readonly content: Content
  validate(value: unknown): unknown
  /** The value to be encoded, checked. */
  toSend(value: unknown): unknown
  toJsonSchema(): JsonSchema
}

/** Throws `TypeError` for a schema that cannot be used. */
export function toValues(channel: ChannelName, schema: StandardSchemaV1, jsonSchema?: JsonSchema): Values {
  return isField(schema) ? ownValues(channel, schema) : foreignValues(channel, schema, jsonSchema)
}

function ownValues(channel: ChannelName, schema: Field<unknown, boolean>): Values {
  const { shape, isOptional } = schema
  if (isOptional) throw new TypeError('the value of a channel cannot be left out')
  const check = (value: unknown, who: 'reading' | 'writing'): unknown => {
    const checked = checkShape(shape, value, who)
    if (checked.issues === undefined) return checked.value
    const [first] = checked.issues
    throw refusalAt(first!.path, first!.message, { channel, issues: checked.issues.length })
  }
  return {
    schema,
    content: shape,
    validate: value => check(value, 'reading'),
    toSend: value => check(value, 'writing'),
    toJsonSchema: () => shapeToJsonSchema(shape),
  }
}

/**
 * The bytes say the schema's input: a reader validates what they say, and so transforms it. To send the output would
 * be to transform twice.
 */
function foreignValues(channel: ChannelName, schema: StandardSchemaV1, given: JsonSchema | undefined): Values {
  const standard = schema?.['~standard']
  if (standard?.version !== 1 || typeof standard.validate !== 'function')
    throw new TypeError('the schema does not follow Standard Schema, version 1')
  refuseAsync(standard)
  const validate = (value: unknown): unknown => {
    const result = standard.validate(value)
    if (isPromise(result)) throw asyncSchema(result)
    if (result.issues === undefined) return result.value
    const [first] = result.issues
    // The library's own words are not repeated: they quote the value.
    throw refusalAt(keysOf(first), 'the schema refuses it', { channel, issues: result.issues.length })
  }
  return {
    schema,
    content: { kind: 'foreign', jsonType: jsonTypeOf(given ?? jsonSchemaIfAny(schema)) },
    validate,
    toSend(value) {
      validate(value)
      return value
    },
    toJsonSchema: () => given ?? jsonSchemaOf(schema),
  }
}

/** An asynchronous schema answers with a promise whatever it is asked, so that one question tells. */
function refuseAsync(standard: StandardSchemaV1['~standard']): void {
  let result: unknown
  try {
    result = standard.validate(undefined)
  } catch {
    // A check of the user's own that does not expect this value.
    return
  }
  if (isPromise(result)) throw asyncSchema(result)
}

function asyncSchema(result: Promise<unknown>): TypeError {
  result.catch(() => undefined)
  return new TypeError('the schema validates asynchronously, which a channel cannot wait for')
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | undefined)?.then === 'function'
}

function keysOf(issue: StandardSchemaV1.Issue | undefined): readonly unknown[] {
  return (issue?.path ?? []).map(segment => (typeof segment === 'object' ? segment.key : segment))
}

function jsonTypeOf(schema: JsonSchema | undefined): string | undefined {
  return typeof schema?.type === 'string' ? schema.type : undefined
}

function jsonSchemaIfAny(schema: StandardSchemaV1): JsonSchema | undefined {
  try {
    return jsonSchemaOf(schema)
  } catch {
    return undefined
  }
}

/** By Standard JSON Schema, of what is sent. A library may have it and yet not for this schema. */
function jsonSchemaOf(schema: StandardSchemaV1): JsonSchema {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>
  if (jsonSchema === undefined) {
    throw new ThingmeshError('unsupported', 'the schema tells no json schema: give one as the option jsonSchema')
  }
  try {
    return jsonSchema.input({ target: 'draft-2020-12' })
  } catch (cause) {
    throw new ThingmeshError('unsupported', 'the schema has no form as json schema', { cause })
  }
}
