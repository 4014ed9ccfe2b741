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
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
  if (type === 'application/json' || type.endsWith('+json')) return 'json'
  if (type === 'application/octet-stream') return 'bytes'
  if (type.startsWith('text/')) return isUtf8Charset(contentType) ? 'text' : undefined
  return undefined
}

/** Whether the `charset` parameter, where there is one, names UTF-8 or its subset (RFC 2046, section 4.1.2). */
function isUtf8Charset(contentType: string): boolean {
  for (const parameter of contentType.split(';').slice(1)) {
    const [name, value = ''] = parameter.split('=')
    if (name?.trim().toLowerCase() !== 'charset') continue
    const charset = value.trim().replaceAll('"', '').toLowerCase()
    if (charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') return false
  }
  return true
}
