import { decodeOptions } from './decode-options.ts'
import { measureOptions, sortOptions, writeOptions } from './encode-options.ts'
import { malformed } from './faults.ts'
import { type CoapBody, noBytes, tokenBytesMax } from './message.ts'

/** Codes of signaling messages (RFC 8323, section 5). */
export const Signal = { csm: 0xe1, ping: 0xe2, pong: 0xe3, release: 0xe4, abort: 0xe5 } as const

/** Options of signaling messages; each code has a registry of its own (RFC 8323, section 11.2). */
export const SignalOption = { maxMessageSize: 2, blockWiseTransfer: 4, custody: 2, badCsmOption: 2 } as const

/** The message over TCP (RFC 8323, section 3.2). Options may come in any order. Throws `invalid-argument` for what no message can hold. */
export function encodeFrame(body: CoapBody): Uint8Array {
  const { code, token, payload } = body
  const options = sortOptions(body.options)
  if (token.length > tokenBytesMax) throw malformed(`token of ${token.length} bytes, the limit is ${tokenBytesMax}`)
  const length = measureOptions(options, payload)
  const extension = extensionBytes(length)
  const bytes = new Uint8Array(2 + extension + token.length + length)
  bytes[0] = (nibbleOf(length) << 4) | token.length
  let at = writeExtension(length, bytes, 1)
  bytes[at++] = code
  bytes.set(token, at)
  writeOptions(options, payload, bytes, at + token.length)
  return bytes
}

/** Where the parts of a frame are, from its first bytes. */
export interface FrameHeader {
  /** Of the whole frame. */
  readonly bytes: number
  readonly tokenLength: number
  /** Where the code is. */
  readonly codeAt: number
}

/** `undefined` where more bytes are needed to tell. Throws `invalid-argument` for a token that is too long. */
export function decodeFrameHeader(bytes: Uint8Array, start: number, end: number): FrameHeader | undefined {
  if (start >= end) return undefined
  const nibble = bytes[start]! >> 4
  const tokenLength = bytes[start]! & 0x0f
  if (tokenLength > tokenBytesMax) throw malformed(`token of ${tokenLength} bytes, the limit is ${tokenBytesMax}`)
  const extension = nibble < 13 ? 0 : nibble === 13 ? 1 : nibble === 14 ? 2 : 4
  if (start + 1 + extension > end) return undefined
  let length = 0
  for (let i = 0; i < extension; i++) length = length * 256 + bytes[start + 1 + i]!
  length += nibble < 13 ? nibble : nibble === 13 ? 13 : nibble === 14 ? 269 : 65_805
  return { bytes: 2 + extension + tokenLength + length, tokenLength, codeAt: 1 + extension }
}

/** A whole frame. Token, options and payload are views of it. Throws `invalid-argument`. */
export function decodeFrame(frame: Uint8Array, { tokenLength, codeAt }: FrameHeader): CoapBody {
  const tokenAt = codeAt + 1
  const token = tokenLength === 0 ? noBytes : frame.subarray(tokenAt, tokenAt + tokenLength)
  return { code: frame[codeAt]!, token, ...decodeOptions(frame, tokenAt + tokenLength) }
}

function extensionBytes(length: number): number {
  return length < 13 ? 0 : length < 269 ? 1 : length < 65_805 ? 2 : 4
}

function nibbleOf(length: number): number {
  return length < 13 ? length : length < 269 ? 13 : length < 65_805 ? 14 : 15
}

function writeExtension(length: number, target: Uint8Array, at: number): number {
  const size = extensionBytes(length)
  let rest = length - (size === 0 ? 0 : size === 1 ? 13 : size === 2 ? 269 : 65_805)
  for (let i = size - 1; i >= 0; i--, rest = Math.floor(rest / 256)) target[at + i] = rest
  return at + size
}
