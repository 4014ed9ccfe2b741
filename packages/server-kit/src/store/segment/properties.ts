import type { MessageProperties } from '@thingmesh/core'
import { Cursor } from './format.ts'
import type { GrowingBuffer } from './growing.ts'

const bits = { replyTo: 1, correlation: 2, expires: 4, utf8Known: 8, utf8: 16, headers: 32 } as const

/** Bits for what is there, then the fields in the order of the bits; in place of what was in the buffer. */
export function encodeProperties(properties: MessageProperties, buffer: GrowingBuffer): void {
  const { replyTo, correlation, expiresInSeconds, utf8, headers } = properties
  let mask = 0
  buffer.clear()
  buffer.reserve(1)
  buffer.at = 1
  if (replyTo !== undefined) {
    mask |= bits.replyTo
    buffer.text(replyTo)
  }
  if (correlation !== undefined) {
    mask |= bits.correlation
    buffer.varint(correlation.length)
    buffer.reserve(correlation.length)
    buffer.bytes.set(correlation, buffer.at)
    buffer.at += correlation.length
  }
  if (expiresInSeconds !== undefined) {
    mask |= bits.expires
    buffer.reserve(8)
    buffer.at = buffer.bytes.writeDoubleLE(expiresInSeconds, buffer.at)
  }
  if (utf8 !== undefined) mask |= utf8 ? bits.utf8Known | bits.utf8 : bits.utf8Known
  if (headers !== undefined) {
    mask |= bits.headers
    buffer.varint(headers.length)
    for (const [name, value] of headers) {
      buffer.text(name)
      buffer.text(value)
    }
  }
  buffer.bytes[0] = mask
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
