import { type Delivery, type MessageProperties, ThingmeshError } from '@thingmesh/core'
import type { Cursor } from '../../../contracts/index.ts'
import { malformed } from './close-codes.ts'
import type { Format, Payload } from './format.ts'
import type { FramesLimits } from './options.ts'

/** The client's own, to know the answer by. Without one there is none, but for errors. */
export type RequestId = string | number | undefined

export type Request = PublishRequest | SubscribeRequest | UnsubscribeRequest

export interface PublishRequest {
  readonly type: 'publish'
  /** Of the path's channel; the path's own where it is absent. */
  readonly subtopic: string | undefined
  readonly payload: Payload
  readonly contentType: string
  readonly delivery: Delivery
  readonly retain: boolean
  readonly properties: MessageProperties | undefined
  /** The publisher's own idempotency key. */
  readonly key: string | undefined
}

export interface SubscribeRequest {
  readonly type: 'subscribe'
  readonly pattern: string | undefined
  /** Absent: live, and not from the log. */
  readonly after: Cursor | 'now' | undefined
  readonly delivery: Delivery
  readonly lastValues: boolean
}

export interface UnsubscribeRequest {
  readonly type: 'unsubscribe'
  readonly pattern: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

const fieldNames = {
  publish: ['subtopic', 'payload', 'encoding', 'contentType', 'delivery', 'retain', 'properties', 'key'],
  subscribe: ['pattern', 'after', 'delivery', 'lastValues'],
  unsubscribe: ['pattern'],
} as const
const propertyNames = ['replyTo', 'correlation', 'expiresInSeconds', 'utf8', 'headers']
const idLengthMax = 64

/** What decoded to an envelope: an object that says its type. Throws what ends the connection where it is none. */
export function openEnvelope(value: unknown): { readonly fields: Fields; readonly id: RequestId } {
  if (!isObject(value)) throw malformed('the frame is no object')
  const fields = value
  if (typeof fields.type !== 'string' || !Object.hasOwn(fieldNames, fields.type)) {
    throw malformed(`the frame's type is none of ${Object.keys(fieldNames).join(', ')}`)
  }
  const { id } = fields
  const isText = typeof id === 'string' && id.length >= 1 && id.length <= idLengthMax
  if (id === undefined || isText || Number.isSafeInteger(id)) return { fields, id: id as RequestId }
  throw malformed(`the frame's id is neither a text of 1 to ${idLengthMax} characters nor a whole number`)
}

/** Of an envelope. Throws `invalid-argument`. */
export function parseRequest(fields: Fields, format: Format, limits: FramesLimits): Request {
  const type = fields.type as Request['type']
  checkNames(fields, ['type', 'id', ...fieldNames[type]], `a ${type}`)
  if (type === 'publish') return parsePublish(fields, format, limits)
  const pattern = optional(fields, 'pattern', isString, 'a text')
  if (type === 'unsubscribe') return { type, pattern }
  return {
    type,
    pattern,
    after: optional(fields, 'after', isString, 'a text'),
    delivery: optional(fields, 'delivery', isDelivery, 'at-most-once or at-least-once') ?? 'at-least-once',
    lastValues: optional(fields, 'lastValues', isBoolean, 'true or false') ?? true,
  }
}

function parsePublish(fields: Fields, format: Format, limits: FramesLimits): PublishRequest {
  const payload = format.payloadOf(fields.payload, fields.encoding)
  const properties = optional(fields, 'properties', isObject, 'an object')
  const key = optional(fields, 'key', isString, 'a text')
  const delivery = optional(fields, 'delivery', isDelivery, 'at-most-once or at-least-once') ?? 'at-least-once'
  // As over HTTP: of what is promised nothing, nothing is known again.
  if (key !== undefined && delivery === 'at-most-once') throw invalid('a key comes with at-most-once')
  return {
    type: 'publish',
    subtopic: optional(fields, 'subtopic', isString, 'a text'),
    payload,
    contentType:
      optional(fields, 'contentType', isContentType, '256 printable ascii characters at most') ?? payload.contentType,
    delivery,
    retain: optional(fields, 'retain', isBoolean, 'true or false') ?? false,
    properties: parseProperties(properties, payload, format, limits),
    key,
  }
}

function parseProperties(
  fields: Fields | undefined,
  { isText }: Payload,
  format: Format,
  limits: FramesLimits,
): MessageProperties | undefined {
  if (fields === undefined) return isText ? { utf8: true } : undefined
  checkNames(fields, propertyNames, 'properties')
  const { correlation, headers } = fields
  const bytes = correlation === undefined ? undefined : format.bytesOf(correlation)
  if (correlation !== undefined && bytes === undefined) throw invalid('the correlation is not bytes')
  return {
    replyTo: optional(fields, 'replyTo', isString, 'a text'),
    correlation: bytes,
    expiresInSeconds: optional(fields, 'expiresInSeconds', isNumber, 'a number'),
    // Not what the client says, but what is so.
    utf8: isText || undefined,
    headers: headers === undefined ? undefined : parseHeaders(headers, limits),
  }
}

function parseHeaders(
  value: unknown,
  { headersMax, headerBytesMax }: FramesLimits,
): readonly (readonly [string, string])[] {
  if (!Array.isArray(value)) throw invalid('the headers are no list')
  if (value.length > headersMax) {
    throw new ThingmeshError('too-large', `${value.length} headers, the limit is ${headersMax}`)
  }
  if (!value.every(isHeader)) throw invalid('a header is not a name and a value, both text')
  const bytes = value.reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
  if (bytes > headerBytesMax) {
    throw new ThingmeshError('too-large', `headers of ${bytes} bytes, the limit is ${headerBytesMax}`)
  }
  return value
}

function checkNames(fields: Fields, known: readonly string[], what: string): void {
  // Not by its name: that is as long as the client likes.
  if (Object.keys(fields).some(name => !known.includes(name))) throw invalid(`${what} has a field that is not known`)
}

function optional<Value>(
  fields: Fields,
  name: string,
  is: (value: unknown) => value is Value,
  allowed: string,
): Value | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  if (!is(value)) throw invalid(`${name} is not ${allowed}`)
  return value
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isDelivery = (value: unknown): value is Delivery => value === 'at-most-once' || value === 'at-least-once'
const isContentType = (value: unknown): value is string => isString(value) && /^[\x20-\x7e]{0,256}$/.test(value)
/** Not a list, and not a map whose keys are no text. */
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null
const isHeader = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every(isString)

function invalid(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message)
}
