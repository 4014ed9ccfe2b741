import { ThingmeshError } from '../errors/index.ts'
import type { Delivery, JsonValue, MessageId, MessageProperties, PrincipalId } from '../model/index.ts'
import { platform } from './platform.ts'

/** A message as the hub tells it over HTTP. */
export type ReceivedMessage = ReceivedEnvelope & ReceivedPayload

interface ReceivedEnvelope {
  /** Unique in the whole mesh, for ever: what to tell a repeat by. */
  readonly id: MessageId
  /** Where to go on reading after this message. Opaque, and of this hub only. */
  readonly cursor: string
  readonly channel: string
  readonly subtopic: string
  /** `<channel>/<subtopic>`, or `<channel>` where the subtopic is empty. */
  readonly topic: string
  readonly publisher: PrincipalId
  readonly protocol: string
  /** Milliseconds since 1970, by the hub's clock. */
  readonly acceptedAtMs: number
  /** A media type, or `''`. */
  readonly contentType: string
  readonly delivery: Delivery
  readonly retain: boolean
  readonly properties?: MessageProperties
}

/** By `encoding`: what was published as JSON comes as a value, text as a string, everything else as bytes. */
export type ReceivedPayload =
  | { readonly encoding: 'json'; readonly payload: JsonValue }
  | { readonly encoding: 'text'; readonly payload: string }
  | { readonly encoding: 'bytes'; readonly payload: Uint8Array }

export interface ReceivedPage {
  /** In the order of the log. */
  readonly messages: readonly ReceivedMessage[]
  /** Where to go on: `after` this cursor, or `before` it where `last` was asked for. */
  readonly next: string | undefined
  /** Nothing more matches, as of this page. A page may be empty and yet not the last. */
  readonly complete: boolean
}

/** Throws `unavailable` for what no hub of this protocol would say. */
export function readPage(answer: unknown): ReceivedPage {
  const page = asRecord(answer)
  if (!Array.isArray(page.messages)) throw unexpected('messages')
  const next = page.next
  if (next !== undefined && next !== null && typeof next !== 'string') throw unexpected('next')
  return { messages: page.messages.map(readMessage), next: next ?? undefined, complete: page.complete === true }
}

/** Throws `unavailable` for what no hub of this protocol would say. */
export function readMessage(value: unknown): ReceivedMessage {
  const fields = asRecord(value)
  const envelope: ReceivedEnvelope = {
    id: text(fields, 'id'),
    cursor: text(fields, 'cursor'),
    channel: text(fields, 'channel'),
    subtopic: text(fields, 'subtopic'),
    topic: text(fields, 'topic'),
    publisher: text(fields, 'publisher'),
    protocol: text(fields, 'protocol'),
    acceptedAtMs: readTime(text(fields, 'acceptedAt')),
    contentType: text(fields, 'contentType'),
    delivery: readDelivery(fields.delivery),
    retain: fields.retain === true,
    ...(fields.properties === undefined ? {} : { properties: readProperties(asRecord(fields.properties)) }),
  }
  return { ...envelope, ...readPayload(fields.encoding, fields.payload) }
}

function readPayload(encoding: unknown, payload: unknown): ReceivedPayload {
  if (encoding === 'json' && payload !== undefined) return { encoding, payload: payload as JsonValue }
  if (typeof payload !== 'string') throw unexpected('payload')
  if (encoding === 'text') return { encoding, payload }
  if (encoding !== 'base64') throw unexpected('encoding')
  return { encoding: 'bytes', payload: fromBase64(payload) }
}

/** The hub's own account of them, but for the bytes, which JSON has no form for. */
function readProperties(fields: Record<string, unknown>): MessageProperties {
  const { correlation, ...rest } = fields
  if (correlation === undefined) return rest as MessageProperties
  if (typeof correlation !== 'string') throw unexpected('correlation')
  return { ...(rest as MessageProperties), correlation: fromBase64(correlation) }
}

function fromBase64(payload: string): Uint8Array {
  let binary: string
  try {
    binary = platform().atob(payload)
  } catch {
    throw unexpected('payload')
  }
  return Uint8Array.from(binary, character => character.charCodeAt(0))
}

function readTime(value: string): number {
  const time = Date.parse(value)
  if (Number.isNaN(time)) throw unexpected('acceptedAt')
  return time
}

function readDelivery(value: unknown): Delivery {
  if (value === 'at-most-once' || value === 'at-least-once' || value === 'exactly-once') return value
  throw unexpected('delivery')
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw unexpected('body')
  return value as Record<string, unknown>
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw unexpected(name)
  return value
}

function unexpected(field: string): ThingmeshError {
  return new ThingmeshError('unavailable', `the answer's ${field} is not as a hub writes it`, {
    outcome: 'unknown',
    details: { field },
  })
}
