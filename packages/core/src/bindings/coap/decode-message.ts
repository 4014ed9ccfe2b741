import { codeClass } from './codes.ts'
import { decodeOptions } from './decode-options.ts'
import { malformed, pastTheEnd } from './faults.ts'
import { type CoapMessage, type MessageType, messageTypes, noBytes, tokenBytesMax } from './message.ts'

/** Of a datagram that may be malformed after it: enough to reject it by. */
export interface MessageHeader {
  readonly type: MessageType
  readonly code: number
  readonly messageId: number
  /** `undefined` where the token's length is not valid, or goes past the end. */
  readonly token: Uint8Array | undefined
}

const headerBytes = 4

/**
 * The fixed header (RFC 7252, section 3). `undefined` where the datagram is of no version that there is, or too short for
 * one: it is not to be answered.
 */
export function decodeHeader(bytes: Uint8Array): MessageHeader | undefined {
  if (bytes.length < headerBytes || bytes[0]! >> 6 !== 1) return undefined
  const tokenLength = bytes[0]! & 0x0f
  const tokenEnd = headerBytes + tokenLength
  return {
    type: messageTypes[(bytes[0]! >> 4) & 3]!,
    code: bytes[1]!,
    messageId: (bytes[2]! << 8) | bytes[3]!,
    token: tokenLength > tokenBytesMax || tokenEnd > bytes.length ? undefined : bytes.subarray(headerBytes, tokenEnd),
  }
}

/** One datagram (RFC 7252, section 3). Token, options and payload are views of it. Throws `invalid-argument`. */
export function decodeMessage(bytes: Uint8Array): CoapMessage {
  if (bytes.length < headerBytes) throw malformed(`message of ${bytes.length} bytes, ${headerBytes} are the least`)
  const first = bytes[0]!
  if (first >> 6 !== 1) throw malformed(`version ${first >> 6}, which there is not`)
  const type = messageTypes[(first >> 4) & 3]!
  const code = bytes[1]!
  const messageId = (bytes[2]! << 8) | bytes[3]!
  const tokenLength = first & 0x0f
  if (code === 0) {
    if (bytes.length > headerBytes) throw malformed(`empty message of ${bytes.length} bytes, ${headerBytes} are right`)
    if (tokenLength > 0) throw malformed('empty message with a token')
    return { type, code, messageId, token: noBytes, options: [], payload: noBytes }
  }
  if (isReserved(code)) throw malformed(`code class ${codeClass(code)}, which is reserved`)
  if (tokenLength > tokenBytesMax) throw malformed(`token of ${tokenLength} bytes, the limit is ${tokenBytesMax}`)
  const start = headerBytes + tokenLength
  if (start > bytes.length) throw pastTheEnd('token', tokenLength, bytes.length - headerBytes)
  const token = tokenLength === 0 ? noBytes : bytes.subarray(headerBytes, start)
  const { options, payload } = decodeOptions(bytes, start)
  return { type, code, messageId, token, options, payload }
}

/** RFC 7252, section 12.1; class 7 is for reliable transports (RFC 8323, section 11.1). */
function isReserved(code: number): boolean {
  const top = codeClass(code)
  return top === 1 || top === 3 || top > 5
}
