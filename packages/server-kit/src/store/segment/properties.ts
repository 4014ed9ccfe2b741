import type { MessageProperties } from '@thingmesh/core'
import { Cursor, writeVarint } from './format.ts'

const bits = { replyTo: 1, correlation: 2, expires: 4, utf8Known: 8, utf8: 16, headers: 32 } as const
const varintBytesMax = 5

/** Bits for what is there, then the fields in the order of the bits. */
export function encodeProperties(properties: MessageProperties): Uint8Array {
  const { replyTo, correlation, expiresInSeconds, utf8, headers } = properties
  const bytes = Buffer.allocUnsafe(sizeMax(properties))
  let mask = 0
  let at = 1
  if (replyTo !== undefined) {
    mask |= bits.replyTo
    at = writeText(bytes, at, replyTo)
  }
  if (correlation !== undefined) {
    mask |= bits.correlation
    at = writeVarint(bytes, at, correlation.length)
    bytes.set(correlation, at)
    at += correlation.length
  }
  if (expiresInSeconds !== undefined) {
    mask |= bits.expires
    at = bytes.writeDoubleLE(expiresInSeconds, at)
  }
  if (utf8 !== undefined) mask |= utf8 ? bits.utf8Known | bits.utf8 : bits.utf8Known
  if (headers !== undefined) {
    mask |= bits.headers
    at = writeVarint(bytes, at, headers.length)
    for (const [name, value] of headers) at = writeText(bytes, writeText(bytes, at, name), value)
  }
  bytes[0] = mask
  return bytes.subarray(0, at)
}

export function decodeProperties(bytes: Buffer, start: number): MessageProperties {
  const cursor = new Cursor(bytes, start + 1)
  const mask = bytes[start] as number
  const properties: { -readonly [Field in keyof MessageProperties]: MessageProperties[Field] } = {}
  if (mask & bits.replyTo) properties.replyTo = cursor.text()
  if (mask & bits.correlation) {
    const length = cursor.varint()
    properties.correlation = bytesOf(bytes, cursor.at, length)
    cursor.at += length
  }
  if (mask & bits.expires) {
    properties.expiresInSeconds = bytes.readDoubleLE(cursor.at)
    cursor.at += 8
  }
  if (mask & bits.utf8Known) properties.utf8 = (mask & bits.utf8) !== 0
  if (mask & bits.headers) {
    const headers: (readonly [string, string])[] = []
    for (let left = cursor.varint(); left > 0; left--) headers.push([cursor.text(), cursor.text()])
    properties.headers = headers
  }
  return properties
}

/** A plain view: what leaves the store is a `Uint8Array`, whatever it was read with. */
export function bytesOf(bytes: Buffer, start: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
}

function sizeMax({ replyTo, correlation, headers = [] }: MessageProperties): number {
  let size = 1 + 8 + varintBytesMax
  if (replyTo !== undefined) size += varintBytesMax + Buffer.byteLength(replyTo)
  if (correlation !== undefined) size += varintBytesMax + correlation.length
  for (const [name, value] of headers) size += 2 * varintBytesMax + Buffer.byteLength(name) + Buffer.byteLength(value)
  return size
}

function writeText(bytes: Buffer, at: number, text: string): number {
  const start = writeVarint(bytes, at, Buffer.byteLength(text))
  return start + bytes.write(text, start)
}
