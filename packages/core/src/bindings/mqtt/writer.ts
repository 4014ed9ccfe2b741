import { malformed, packetTooLarge } from './faults.ts'
import { fixedHeaderBytesMax } from './fixed-header.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'
import { variableIntegerMax, variableIntegerSize, writeVariableInteger } from './variable-integer.ts'

// V8 keeps typed arrays up to this size on its own heap, where making one is about twenty times cheaper.
const initialBytes = 64

/**
 * Gathers a packet's fields. Room for the longest fixed header is left in front, so that the header, which needs the
 * length of the rest, is put before it without moving anything.
 */
export class Writer {
  #bytes = new Uint8Array(initialBytes)
  #position = fixedHeaderBytesMax

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#position++] = value
  }

  uint16(value: number, field: string): void {
    checkInteger(value, 0xffff, field)
    this.#reserve(2)
    this.#bytes[this.#position++] = value >> 8
    this.#bytes[this.#position++] = value
  }

  uint32(value: number, field: string): void {
    checkInteger(value, 0xffff_ffff, field)
    this.#reserve(4)
    this.#bytes[this.#position++] = value >>> 24
    this.#bytes[this.#position++] = value >>> 16
    this.#bytes[this.#position++] = value >>> 8
    this.#bytes[this.#position++] = value
  }

  variableInteger(value: number, field: string): void {
    checkInteger(value, variableIntegerMax, field)
    this.#reserve(variableIntegerSize(value))
    this.#position = writeVariableInteger(value, this.#bytes, this.#position)
  }

  string(value: string, field: string): void {
    const length = utf8Length(value)
    if (length < 0) throw malformed(`${field} holds U+0000 or an unpaired surrogate`)
    this.uint16(checkLength(length, field), field)
    this.#reserve(length)
    this.#position = writeUtf8(value, this.#bytes, this.#position)
  }

  binary(value: Uint8Array, field: string): void {
    this.uint16(checkLength(value.length, field), field)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#position)
    this.#position += value.length
  }

  packetId(value: number): void {
    checkPacketId(value)
    this.uint16(value, 'packet id')
  }

  /** Makes room for so many bytes, which `write` fills, from where it is told. */
  inPlace(length: number, write: (bytes: Uint8Array, at: number) => void): void {
    this.#reserve(length)
    write(this.#bytes, this.#position)
    this.#position += length
  }

  /** The packet: what was written, behind its fixed header. */
  packet(first: number): Uint8Array {
    const remaining = this.#position - fixedHeaderBytesMax
    checkRemainingLength(remaining)
    const start = fixedHeaderBytesMax - 1 - variableIntegerSize(remaining)
    this.#bytes[start] = first
    writeVariableInteger(remaining, this.#bytes, start + 1)
    return this.#bytes.subarray(start, this.#position)
  }

  #reserve(length: number): void {
    const needed = this.#position + length
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#position))
    this.#bytes = grown
  }
}

export function checkInteger(value: number, max: number, field: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return
  throw malformed(`${field} of ${value}, integers from 0 to ${max} fit`, { limit: max })
}

export function checkPacketId(value: number): void {
  if (Number.isInteger(value) && value > 0 && value <= 0xffff) return
  throw malformed(`packet id of ${value}, integers from 1 to 65535 are valid`)
}

/** Refuses what no packet can hold (MQTT 5, section 2.1.4). */
export function checkRemainingLength(remaining: number): void {
  if (remaining > variableIntegerMax) throw packetTooLarge(remaining, variableIntegerMax)
}

/** Strings and binary data carry their length in two bytes. */
export function checkLength(length: number, field: string): number {
  if (length > 0xffff)
    throw malformed(`${field} of ${length} bytes, the limit is 65535`, { found: length, limit: 0xffff })
  return length
}
