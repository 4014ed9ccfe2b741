// A minimal CoAP codec of the bench's own (RFC 7252, section 3). It shares nothing with the project's on purpose: a
// fault in that one would otherwise cancel itself out here.
export const CON = 0
export const NON = 1
export const ACK = 2
export const RST = 3

export const EMPTY = 0
export const GET = 1
export const POST = 2
export const PUT = 3
export const CHANGED = 0x44
export const CONTENT = 0x45
export const UNAUTHORIZED = 0x81

export const OBSERVE = 6
export const URI_PATH = 11
export const URI_QUERY = 15
export const ECHO = 252

export const TOKEN_BYTES = 4
export const TOKEN_AT = 4
const OPTIONS_AT = TOKEN_AT + TOKEN_BYTES

export type Option = readonly [number: number, value: Uint8Array]

export interface RequestFields {
  readonly type: number
  readonly code: number
  readonly path: readonly string[]
  readonly query: readonly string[]
  /** By ascending number, each smaller than that of Uri-Path or greater than that of Uri-Query. */
  readonly options?: readonly Option[]
  readonly payload?: Uint8Array
}

/** A request whose message id and token are still to be stamped. */
export function encodeRequest(fields: RequestFields): Buffer {
  const { type, code, path, query, options = [], payload } = fields
  const own: Option[] = [
    ...path.map((segment): Option => [URI_PATH, Buffer.from(segment)]),
    ...query.map((part): Option => [URI_QUERY, Buffer.from(part)]),
  ]
  const parts: Uint8Array[] = [Buffer.from([0x40 | (type << 4) | TOKEN_BYTES, code, 0, 0]), Buffer.alloc(TOKEN_BYTES)]
  let last = 0
  for (const [number, value] of [...own, ...options].sort((a, b) => a[0] - b[0])) {
    parts.push(optionHeader(number - last, value.length), value)
    last = number
  }
  if (payload !== undefined) parts.push(Buffer.from([0xff]), payload)
  return Buffer.concat(parts)
}

export function stamp(datagram: Buffer, messageId: number, token: number): void {
  datagram[2] = messageId >>> 8
  datagram[3] = messageId
  datagram[TOKEN_AT] = token >>> 24
  datagram[TOKEN_AT + 1] = token >>> 16
  datagram[TOKEN_AT + 2] = token >>> 8
  datagram[TOKEN_AT + 3] = token
}

export function encodeEmpty(type: number, messageId: number): Buffer {
  return Buffer.from([0x40 | (type << 4), EMPTY, messageId >>> 8, messageId & 0xff])
}

export function typeOf(datagram: Uint8Array): number {
  return (datagram[0]! >> 4) & 3
}

export function messageIdOf(datagram: Uint8Array): number {
  return (datagram[2]! << 8) | datagram[3]!
}

/** `undefined` where it has none of ours. */
export function tokenOf(bytes: Uint8Array): number | undefined {
  if ((bytes[0]! & 0x0f) !== TOKEN_BYTES || bytes.length < OPTIONS_AT) return undefined
  return (
    ((bytes[TOKEN_AT]! << 24) | (bytes[TOKEN_AT + 1]! << 16) | (bytes[TOKEN_AT + 2]! << 8) | bytes[TOKEN_AT + 3]!) >>> 0
  )
}

export interface Body {
  readonly options: ReadonlyMap<number, Buffer>
  /** Where the payload begins: the end where there is none. */
  readonly payloadAt: number
}

/** What comes after the token. `undefined` for what is malformed. Of repeated options it has the last. */
export function readBody(datagram: Buffer): Body | undefined {
  const options = new Map<number, Buffer>()
  let number = 0
  let at = TOKEN_AT + (datagram[0]! & 0x0f)
  while (at < datagram.length) {
    const head = datagram[at++]!
    if (head === 0xff) return at < datagram.length ? { options, payloadAt: at } : undefined
    const fields = [head >> 4, head & 0x0f]
    for (const [i, nibble] of fields.entries()) {
      if (nibble === 15) return undefined
      if (nibble === 13) fields[i] = datagram[at]! + 13
      if (nibble === 14) fields[i] = ((datagram[at]! << 8) | datagram[at + 1]!) + 269
      at += nibble > 12 ? nibble - 12 : 0
    }
    const [delta = 0, length = 0] = fields
    if (at + length > datagram.length) return undefined
    number += delta
    options.set(number, datagram.subarray(at, at + length))
    at += length
  }
  return at === datagram.length ? { options, payloadAt: at } : undefined
}

function optionHeader(delta: number, length: number): Buffer {
  return Buffer.from([(nibble(delta) << 4) | nibble(length), ...extension(delta), ...extension(length)])
}

function nibble(value: number): number {
  return value < 13 ? value : value < 269 ? 13 : 14
}

function extension(value: number): number[] {
  if (value < 13) return []
  return value < 269 ? [value - 13] : [(value - 269) >> 8, (value - 269) & 0xff]
}
