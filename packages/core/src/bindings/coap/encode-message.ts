import { measureOptions, sortOptions, writeOptions } from './encode-options.ts'
import { malformed } from './faults.ts'
import { type CoapMessage, messageTypes, tokenBytesMax } from './message.ts'

const headerBytes = 4
const acknowledgementBits = messageTypes.indexOf('acknowledgement') << 4

/**
 * The datagram. Options may come in any order. `allocate` gives the bytes to write it into, of which every one is written.
 * Throws `invalid-argument` for what no message can hold.
 */
export function encodeMessage(message: CoapMessage, allocate: (bytes: number) => Uint8Array = newBytes): Uint8Array {
  const { type, code, messageId, token, payload } = message
  const options = sortOptions(message.options)
  if (token.length > tokenBytesMax) throw malformed(`token of ${token.length} bytes, the limit is ${tokenBytesMax}`)
  checkInteger(code, 0xff, 'code')
  checkInteger(messageId, 0xffff, 'message id')
  const size = measureOptions(options, payload)
  if (code === 0 && token.length + size > 0) throw malformed('empty message with a token, options or a payload')
  const bytes = allocate(headerBytes + token.length + size)
  bytes[0] = 0x40 | (messageTypes.indexOf(type) << 4) | token.length
  bytes[1] = code
  bytes[2] = messageId >> 8
  bytes[3] = messageId
  bytes.set(token, headerBytes)
  writeOptions(options, payload, bytes, headerBytes + token.length)
  return bytes
}

/**
 * The acknowledgement that carries the response to a confirmable request (RFC 7252, section 5.2.1): it has the message id
 * and the token of the request, which is the datagram as it came, and well-formed. Otherwise as `encodeMessage`.
 */
export function encodePiggybacked(
  request: Uint8Array,
  response: Pick<CoapMessage, 'code' | 'options' | 'payload'>,
  allocate: (bytes: number) => Uint8Array = newBytes,
): Uint8Array {
  const { code, payload } = response
  const options = sortOptions(response.options)
  checkInteger(code, 0xff, 'code')
  const start = headerBytes + (request[0]! & 0x0f)
  const bytes = allocate(start + measureOptions(options, payload))
  bytes[0] = (request[0]! & 0x4f) | acknowledgementBits
  bytes[1] = code
  for (let i = 2; i < start; i++) bytes[i] = request[i]!
  writeOptions(options, payload, bytes, start)
  return bytes
}

/** Four bytes: an acknowledgement, a reset, or, confirmable, a ping (RFC 7252, section 4.1). */
export function encodeEmpty(type: CoapMessage['type'], messageId: number): Uint8Array {
  return Uint8Array.of(0x40 | (messageTypes.indexOf(type) << 4), 0, messageId >> 8, messageId)
}

function newBytes(length: number): Uint8Array {
  return new Uint8Array(length)
}

function checkInteger(value: number, max: number, field: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return
  throw malformed(`${field} of ${value}, integers from 0 to ${max} fit`)
}
