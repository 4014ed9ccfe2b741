import type { JsonObject } from '@thingmesh/core'
import * as v from 'valibot'

/**
 * Queries are text. Each schema here turns the text into what is meant, and carries as metadata the JSON Schema by
 * which the OpenAPI document describes it.
 */
function parameter<Input = string>(schema: object): v.MetadataAction<Input, { readonly parameter: object }> {
  return v.metadata({ parameter: schema })
}

export const noQuery = v.strictObject({})

function integer(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`
  return v.pipe(
    v.string(),
    parameter({ type: 'integer', minimum: min, maximum: max }),
    v.regex(/^\d{1,15}$/, allowed),
    v.transform(Number),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
  )
}

const flag = v.pipe(
  v.picklist(['true', 'false']),
  parameter<'true' | 'false'>({ type: 'boolean' }),
  v.transform(text => text === 'true'),
)

/** A position in the log. What is one is the hub's to say, as on every protocol. */
const cursor = v.pipe(
  v.string(),
  parameter({
    type: 'string',
    description:
      'A cursor, as an answer of this hub gave it; `0` is the beginning of the log. One of another log is refused.',
  }),
)

const dateTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+\- ]\d\d:\d\d))?$/
const allowedTime = 'an ISO 8601 date, or date and time with its zone, or milliseconds since 1970'

/** A time without a zone is refused: it would mean another one on every server. */
const time = v.pipe(
  v.string(),
  parameter({ type: 'string', description: `A time: ${allowedTime}.` }),
  v.check(text => !Number.isNaN(toMilliseconds(text)), allowedTime),
  v.transform(toMilliseconds),
)

function toMilliseconds(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  // In a query a plus that was not percent-encoded is a space.
  return dateTime.test(text) ? Date.parse(text.replace(' ', '+')) : Number.NaN
}

/** For a browser's `EventSource`, which cannot send a header. */
const shortToken = v.pipe(v.string(), v.maxLength(8192, 'a token of at most 8192'))

const shortText = v.pipe(v.string(), v.maxLength(256, 'a string of at most 256'))

export const jsonObject = v.custom<JsonObject>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
  'an object',
)

const pageLimit = integer(1, 1000)

export const pageQuery = v.strictObject({ cursor: v.optional(shortText), limit: v.optional(pageLimit) })

export const describedQuery = v.strictObject({
  cursor: v.optional(shortText),
  limit: v.optional(pageLimit),
  name: v.optional(shortText),
  tag: v.optional(shortText),
  metadata: v.optional(jsonObject),
})

export const grantQuery = v.strictObject({
  cursor: v.optional(shortText),
  limit: v.optional(pageLimit),
  thing: v.optional(shortText),
  channel: v.optional(shortText),
})

export const presenceQuery = v.strictObject({
  cursor: v.optional(shortText),
  limit: v.optional(pageLimit),
  connected: v.optional(flag),
  token: v.optional(shortToken),
})

export const publishQuery = v.strictObject({
  qos: v.optional(v.picklist(['0', '1'])),
  retain: v.optional(flag),
  expires: v.optional(integer(0, 4_294_967_295)),
  batch: v.optional(flag),
})

export const readQuery = v.strictObject({
  after: v.optional(cursor),
  before: v.optional(cursor),
  from: v.optional(time),
  to: v.optional(time),
  limit: v.optional(pageLimit),
  last: v.optional(integer(1, 1000)),
  publisher: v.optional(shortText),
  wait: v.optional(integer(0, 30)),
  retained: v.optional(flag),
  token: v.optional(shortToken),
})

export const clearQuery = v.strictObject({
  retained: v.pipe(v.literal('true', '"true"'), parameter<'true'>({ type: 'boolean', const: true })),
})
