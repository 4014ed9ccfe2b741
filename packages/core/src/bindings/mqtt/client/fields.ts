import { decodeUtf8, encodeUtf8 } from '../../../codec/utf8.ts'
import { malformed } from './faults.ts'

/** The longest fixed header: the first byte, and four of the remaining length (MQTT 5, section 2.1). */
const headerBytesMax = 5
const varintMax = 0x0fff_ffff

/** Reads the fields of one packet (MQTT 5, section 1.5), and never behind its end. */
export class FieldReader {
  readonly #bytes: Uint8Array
  #at: number
  readonly #end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get left(): number {
    return this.#end - this.#at
  }

  uint(size: 1 | 2 | 4): number {
    let value = 0
    for (let at = this.#take(size); at < this.#at; at++) value = value * 256 + this.#bytes[at]!
    return value
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint(1)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw malformed('variable byte integer does not end')
  }

  string(): string {
    return checked(decodeUtf8(this.#bytes, this.#take(this.uint(2)), this.#at))
  }

  /** A copy. */
  binary(): Uint8Array {
    return this.#bytes.slice(this.#take(this.uint(2)), this.#at)
  }

  boolean(): boolean {
    return this.uint(1) === 1
  }

  pair(): [name: string, value: string] {
    return [this.string(), this.string()]
  }

  /** The fields of so many bytes. */
  part(length: number): FieldReader {
    return new FieldReader(this.#bytes, this.#take(length), this.#at)
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.left), this.#at)
  }

  /** Where so many bytes begin, which are read with that. */
  #take(length: number): number {
    if (length > this.left) throw malformed(`field of ${length} bytes, the limit is ${this.left}`)
    this.#at += length
    return this.#at - length
  }
}

const slabBytes = 8_192

/**
 * Writes the fields of one packet after the other. Room is left in front of each for its fixed header, which needs the length of
 * all the rest. They lie behind each other, and no byte is written twice: what has not left yet stays as it is, and an
 * array for each would cost more than all that is written into it.
 */
export class FieldWriter {
  #bytes = new Uint8Array(0)
  /** Where the packet's fields begin. */
  #body = 0
  #at = slabBytes

  /** With room for so many bytes, and as many more as it takes. */
  begin(room: number): void {
    if (this.#at + room > slabBytes) {
      this.#bytes = new Uint8Array(Math.max(room, slabBytes))
      this.#at = 0
    }
    this.#at += headerBytesMax
    this.#body = this.#at
  }

  uint(value: number, size: 1 | 2 | 4): void {
    checkInteger(value, 0xffff_ffff >>> (32 - size * 8))
    this.#reserve(size)
    for (let shift = size * 8 - 8; shift >= 0; shift -= 8) this.#bytes[this.#at++] = value >>> shift
  }

  varint(value: number): void {
    checkInteger(value, varintMax)
    this.#reserve(4)
    let left = value
    for (; left > 0x7f; left >>= 7) this.#bytes[this.#at++] = left | 0x80
    this.#bytes[this.#at++] = left
  }

  string(value: string): void {
    // Nearly all are ASCII, and need no array of their own.
    if (/[^ -~]/.test(value)) this.binary(encodeUtf8(checked(value)))
    else {
      this.uint(value.length, 2)
      this.#reserve(value.length)
      for (let i = 0; i < value.length; i++) this.#bytes[this.#at++] = value.charCodeAt(i)
    }
  }

  binary(value: Uint8Array): void {
    this.uint(value.length, 2)
    this.raw(value)
  }

  boolean(value: boolean): void {
    this.uint(value ? 1 : 0, 1)
  }

  pair(value: readonly [name: string, value: string]): void {
    for (const text of value) this.string(text)
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** What `write` writes, behind its length. */
  withLength(write: () => void): void {
    const start = this.#at
    write()
    const length = this.#at - start
    const size = varintSize(length)
    this.#reserve(size)
    this.#bytes.copyWithin(start + size, start, this.#at)
    this.#at = start
    this.varint(length)
    this.#at += length
  }

  /** What has been written, behind its fixed header. */
  packet(first: number): Uint8Array {
    const end = this.#at
    const remaining = end - this.#body
    this.#at = this.#body - varintSize(remaining)
    const start = this.#at - 1
    this.#bytes[start] = first
    this.varint(remaining)
    this.#at = end
    return this.#bytes.subarray(start, end)
  }

  #reserve(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(needed * 2)
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

function checkInteger(value: number, max: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) {
    throw malformed(`found ${value}, the limit is ${max}`)
  }
}

/** Seven bits in each byte. */
function varintSize(value: number): number {
  return Math.ceil((32 - Math.clz32(value | 1)) / 7)
}

/** MQTT-1.5.4-2 */
function checked(text: string): string {
  if (text.includes('\0')) throw malformed('text holds U+0000')
  return text
}
