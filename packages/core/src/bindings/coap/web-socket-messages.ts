import { decodeOptions } from './decode-options.ts'
import { measureOptions, sortOptions, writeOptions } from './encode-options.ts'
import { malformed } from './faults.ts'
import { type CoapBody, noBytes, tokenBytesMax } from './message.ts'

/** Length and token length, and the code. */
const headerBytes = 2

/**
 * The message as one binary WebSocket message (RFC 8323, section 4.2): as over TCP, but its length is 0, because the frame has it.
 * Options may come in any order. Throws `invalid-argument` for what no message can hold.
 */
export function encodeWebSocketMessage(body: CoapBody): Uint8Array {
  const { code, token, payload } = body
  const options = sortOptions(body.options)
  if (token.length > tokenBytesMax) throw malformed(`token of ${token.length} bytes, the limit is ${tokenBytesMax}`)
  const bytes = new Uint8Array(headerBytes + token.length + measureOptions(options, payload))
  bytes[0] = token.length
  bytes[1] = code
  bytes.set(token, headerBytes)
  writeOptions(options, payload, bytes, headerBytes + token.length)
  return bytes
}

/** Token, options and payload are views of the bytes. Throws `invalid-argument`. */
export function decodeWebSocketMessage(bytes: Uint8Array): CoapBody {
  if (bytes.length < headerBytes) throw malformed(`message of ${bytes.length} bytes, the least is ${headerBytes}`)
  const length = bytes[0]! >> 4
  if (length !== 0) throw malformed(`length field of ${length}, over WebSocket it is 0`)
  const tokenLength = bytes[0]! & 0x0f
  if (tokenLength > tokenBytesMax) throw malformed(`token of ${tokenLength} bytes, the limit is ${tokenBytesMax}`)
  const optionsAt = headerBytes + tokenLength
  if (bytes.length < optionsAt) throw malformed(`message of ${bytes.length} bytes, its token ends at ${optionsAt}`)
  const token = tokenLength === 0 ? noBytes : bytes.subarray(headerBytes, optionsAt)
  return { code: bytes[1]!, token, ...decodeOptions(bytes, optionsAt) }
}
