import { bytesCodec } from './bytes.ts'
import type { Codec } from './codec.ts'
import { jsonCodec } from './json.ts'
import { textCodec } from './text.ts'

/** The codec for a content type, where `payloadKindOf` knows it. CBOR is not among them: only who imports it loads it. */
export function codecFor(contentType: string): Codec | undefined {
  const kind = payloadKindOf(contentType)
  if (kind === undefined) return undefined
  return { json: jsonCodec, text: textCodec, bytes: bytesCodec }[kind]
}

/**
 * What a content type says, as a peer wrote it, parameters and all: `application/json` and every `+json` suffix (RFC 6839,
 * section 3.1), `text/*` in UTF-8, `application/octet-stream`.
 */
export function payloadKindOf(contentType: string): 'json' | 'text' | 'bytes' | undefined {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (type === 'application/json' || type.endsWith('+json')) return 'json'
  if (type === 'application/octet-stream') return 'bytes'
  return type.startsWith('text/') && !otherCharset.test(contentType) ? 'text' : undefined
}

/** A `charset` parameter that does not name UTF-8 or its subset (RFC 2046, section 4.1.2). */
const otherCharset = /;\s*charset\s*=(?!\s*"?(utf-?8|us-ascii)"?\s*(;|$))/i
