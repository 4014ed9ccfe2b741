import type { RecordShape, Shape } from './shape.ts'

/** A JSON Schema 2020-12. */
export type JsonSchema = Record<string, unknown>

/**
 * What the JSON form of a value of the shape fits, and nothing else does, but for members that are not named: those are
 * passed over. `unit` is an annotation: JSON Schema has none, a Thing Description does (TD 1.1, section 5.3.2.1).
 */
export function shapeToJsonSchema(shape: Shape): JsonSchema {
  return withoutAbsent({ ...keywordsOf(shape), description: shape.description })
}

function keywordsOf(shape: Shape): JsonSchema {
  switch (shape.kind) {
    case 'number': {
      const { unit, min, max } = shape
      if (!shape.isInteger) return { type: 'number', unit, minimum: min, maximum: max }
      const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number
      return { type: 'integer', unit, minimum: min ?? MIN_SAFE_INTEGER, maximum: max ?? MAX_SAFE_INTEGER }
    }
    case 'boolean':
      return { type: 'boolean' }
    case 'text':
      return { type: 'string', minLength: shape.lengthMin, maxLength: shape.lengthMax }
    case 'choice':
      return { type: 'string', enum: [...shape.of] }
    case 'bytes': {
      const maxLength = shape.lengthMax === undefined ? undefined : Math.ceil((shape.lengthMax * 4) / 3)
      return { type: 'string', contentEncoding: 'base64url', maxLength }
    }
    case 'time':
      return { type: 'string', format: 'date-time' }
    case 'list':
      return {
        type: 'array',
        items: shapeToJsonSchema(shape.of),
        minItems: shape.itemsMin === 0 ? undefined : shape.itemsMin,
        maxItems: shape.itemsMax,
      }
    case 'record':
      return recordKeywords(shape)
  }
}

function recordKeywords({ fields }: RecordShape): JsonSchema {
  const required = [...fields].filter(([, { isOptional }]) => !isOptional).map(([name]) => name)
  return {
    type: 'object',
    properties: Object.fromEntries([...fields].map(([name, { shape }]) => [name, shapeToJsonSchema(shape)])),
    required: required.length === 0 ? undefined : required,
  }
}

function withoutAbsent(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined))
}
