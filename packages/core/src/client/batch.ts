import { ThingmeshError } from '../errors/index.ts'
import type { JsonValue, MessageId } from '../model/index.ts'
import { readError } from './failure.ts'
import { type Publishable, toJson } from './payload.ts'
import { platform } from './platform.ts'

/** One message of a batch. */
export interface BatchItem {
  /** Below the batch's own topic; `''` by default. */
  readonly subtopic?: string | undefined
  readonly payload: Publishable
  /** A media type. By default what the payload is: JSON, text or bytes. */
  readonly contentType?: string | undefined
  /** `at-least-once` by default. */
  readonly delivery?: 'at-most-once' | 'at-least-once' | undefined
  readonly retain?: boolean | undefined
  readonly expiresInSeconds?: number | undefined
  /** The publisher's own idempotency key, as of `publish`. */
  readonly key?: string | undefined
  readonly replyTo?: string | undefined
  /** MQTT 5's user properties: order kept, names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined
}

/** What came of one message of a batch: an id, or why it was refused; neither for at-most-once. */
export interface BatchResult {
  readonly id?: MessageId
  readonly error?: ThingmeshError
}

export const ndjsonType = 'application/x-ndjson'

/** Throws `invalid-argument` where a payload is none. */
export function toLines(items: readonly BatchItem[]): string {
  return items.map(item => `${toJson(toLine(item) as JsonValue)}\n`).join('')
}

function toLine(item: BatchItem): Record<string, unknown> {
  const { subtopic, payload, contentType, delivery, retain, expiresInSeconds, key, replyTo, headers } = item
  return {
    subtopic,
    ...toPayload(payload),
    ...(contentType === undefined ? {} : { contentType }),
    qos: qosOf(delivery),
    retain,
    expires: expiresInSeconds,
    key,
    replyTo,
    headers,
  }
}

function toPayload(payload: Publishable): Record<string, unknown> {
  if (typeof payload === 'string') return { payload, encoding: 'text' }
  if (!(payload instanceof Uint8Array)) return { payload, encoding: 'json' }
  return { payload: toBase64(payload), encoding: 'base64', contentType: 'application/octet-stream' }
}

/** In pieces, because the arguments of one call are limited. */
function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.byteLength; at += 0x1000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x1000))
  }
  return platform().btoa(binary)
}

/** At-least-once is what the hub does by itself. */
export function qosOf(delivery: BatchItem['delivery']): 0 | undefined {
  if (delivery === 'at-most-once') return 0
  if (delivery === undefined || delivery === 'at-least-once') return undefined
  throw new TypeError('the delivery over http is at-most-once or at-least-once')
}

/** Throws `unavailable` for what no hub would say of so many. */
export function readResults(answer: unknown, count: number): readonly BatchResult[] {
  const results = typeof answer === 'object' && answer !== null ? (answer as { results?: unknown }).results : undefined
  if (!Array.isArray(results) || results.length !== count) {
    throw new ThingmeshError('unavailable', "the answer's results are not as a hub writes them", {
      outcome: 'unknown',
      details: { field: 'results' },
    })
  }
  return results.map(readResult)
}

function readResult(result: { readonly id?: unknown } | null): BatchResult {
  const said = readError(result)
  if (said === undefined) return typeof result?.id === 'string' ? { id: result.id } : {}
  return { error: new ThingmeshError(said.code, said.message, { outcome: 'rejected', details: said.details }) }
}
