import type { ThingmeshError } from '../../errors/index.ts'
import { malformed, protocolError } from './faults.ts'
import { decodeUtf8 } from './utf8.ts'
import { measureVariableInteger, readVariableInteger, variableIntegerSize } from './variable-integer.ts'

const nothing = new Uint8Array(0)

/** Reads fields off a packet's bytes, never past `end`. One reader serves all packets of a parser, one after another. */
export class Reader {
  bytes: Uint8Array = nothing
  position = 0
  end = 0

  reset(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes
    this.position = start
    this.end = end
    return this
  }

  /** Lets go of the bytes, which would live as long as the reader. */
  release(): void {
    this.bytes = nothing
  }

  get remaining(): number {
    return this.end - this.position
  }

  byte(): number {
    return this.bytes[this.#take(1)]!
  }

  uint16(): number {
    const at = this.#take(2)
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  uint32(): number {
    const at = this.#take(4)
    const bytes = this.bytes
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  variableInteger(): number {
    const size = measureVariableInteger(this.bytes, this.position, this.end)
    if (size === 0) throw malformed('variable byte integer runs past its end')
    const value = readVariableInteger(this.bytes, this.#take(size), size)
    // MQTT-1.5.5-1: the fewest bytes that hold the value.
    if (size !== variableIntegerSize(value)) throw malformed(`variable byte integer of ${size} bytes for ${value}`)
    return value
  }

  string(): string {
    const length = this.uint16()
    const start = this.#take(length)
    const text = decodeUtf8(this.bytes, start, start + length)
    if (text === undefined) throw malformed('string is not UTF-8, or holds U+0000')
    return text
  }

  /** A copy: what a session keeps of a packet must not hold the whole chunk in memory. */
  binary(): Uint8Array {
    const length = this.uint16()
    const start = this.#take(length)
    return this.bytes.slice(start, start + length)
  }

  /** A packet id is never 0 (MQTT-2.2.1-3). */
  packetId(): number {
    const id = this.uint16()
    if (id === 0) throw packetIdZero()
    return id
  }

  /** A packet with bytes after its last field is not the packet that it says it is. */
  finish(): void {
    if (this.remaining > 0) throw malformed(`${this.remaining} bytes after the last field`)
  }

  #take(length: number): number {
    const at = this.position
    if (length > this.end - at) throw pastTheEnd(length, this.end - at)
    this.position = at + length
    return at
  }
}

/** A field that claims more bytes than its packet has left. */
export function pastTheEnd(found: number, limit: number): ThingmeshError {
  return malformed(`field of ${found} bytes, ${limit} are left`, { found, limit })
}

export function packetIdZero(): ThingmeshError {
  return protocolError('packet id is 0')
}
