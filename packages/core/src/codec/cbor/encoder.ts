import { ThingmeshError } from '../../errors/index.ts'
import { isRefusedKey, refusedKey, tooDeep, tooManyNodes } from '../data-limits.ts'
import { encodeUtf8 } from '../utf8.ts'
import type { CborLimits } from './limits.ts'
import { array, byteString, map, negative, simple, tag, textString, unsigned } from './reader.ts'

/**
 * One CBOR data item (RFC 8949), with every head as short as it can be, and floats of 64 bits. Refuses what `scanCbor`
 * would refuse of the outcome, and instances of classes, sets and typed arrays. Counts as the scanner does, so a cycle
 * ends at the limit for depth.
 *
 * Throws `invalid-argument`.
 */
export function encodeItem(value: unknown, limits: CborLimits): Uint8Array {
  const encoder = new Encoder(limits)
  encoder.item(value, 0)
  return encoder.bytes()
}

class Encoder {
  readonly #limits: CborLimits
  #target = new Uint8Array(64)
  #view = new DataView(this.#target.buffer)
  #at = 0
  #nodes = 0

  constructor(limits: CborLimits) {
    this.#limits = limits
  }

  bytes(): Uint8Array {
    return this.#target.slice(0, this.#at)
  }

  item(value: unknown, depth: number): void {
    this.#count(1)
    switch (typeof value) {
      case 'string':
        this.#string(textString, encodeUtf8(value))
        return
      case 'number':
        this.#number(value)
        return
      case 'bigint':
        this.#bigint(value, depth)
        return
      case 'boolean':
        this.#head(simple, value ? 21 : 20)
        return
      case 'undefined':
        this.#head(simple, 23)
        return
      case 'object':
        if (value === null) this.#head(simple, 22)
        else this.#object(value, depth)
        return
      default:
        throw notEncodable(typeof value)
    }
  }

  #object(value: object, depth: number): void {
    if (value instanceof Uint8Array) {
      this.#string(byteString, value)
      return
    }
    const inner = this.#deeper(depth)
    if (value instanceof Date) {
      if (Number.isNaN(value.getTime())) throw notEncodable('invalid date')
      // RFC 8949, section 3.4.2: tag 1 counts seconds.
      this.#head(tag, 1)
      this.#count(1)
      this.#number(value.getTime() / 1000)
      return
    }
    if (Array.isArray(value)) {
      // A sparse array is as long as it says before it is walked.
      if (value.length > this.#limits.nodesMax - this.#nodes) throw tooManyNodes(this.#limits.nodesMax)
      this.#head(array, value.length)
      for (const item of value) this.item(item, inner)
      return
    }
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Map.prototype) this.#map([...(value as Map<unknown, unknown>)], inner)
    else if (prototype === Object.prototype || prototype === null) this.#map(Object.entries(value), inner)
    else throw notEncodable('instance of a class')
  }

  #map(entries: readonly (readonly [unknown, unknown])[], depth: number): void {
    this.#head(map, entries.length)
    for (const [key, item] of entries) {
      this.#key(key)
      this.item(item, depth)
    }
  }

  #key(key: unknown): void {
    this.#count(1)
    if (typeof key === 'string') {
      if (isRefusedKey(key)) throw refusedKey(key)
      this.#string(textString, encodeUtf8(key))
    } else if (typeof key === 'number' && Number.isSafeInteger(key)) this.#number(key)
    else throw new ThingmeshError('invalid-argument', 'a cbor map has a key that is no text and no safe integer')
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value < 0) this.#head(negative, -1 - value)
      else this.#head(unsigned, value)
      return
    }
    this.#reserve(9)
    this.#target[this.#at] = (simple << 5) | 27
    this.#view.setFloat64(this.#at + 1, value)
    this.#at += 9
  }

  /** As a plain integer where 64 bits hold it (RFC 8949, section 3.1), else as a bignum (section 3.4.3). */
  #bigint(value: bigint, depth: number): void {
    const [isNegative, magnitude] = value < 0n ? [true, -1n - value] : [false, value]
    if (magnitude < 1n << 64n) {
      this.#head(isNegative ? negative : unsigned, magnitude)
      return
    }
    const { bignumBytesMax } = this.#limits
    if (magnitude >> BigInt(8 * bignumBytesMax) !== 0n) {
      throw new ThingmeshError('invalid-argument', `a bigint has more than ${bignumBytesMax} bytes, which is the limit`)
    }
    // A tag and its content.
    this.#deeper(depth)
    this.#count(1)
    this.#head(tag, isNegative ? 3 : 2)
    const bytes: number[] = []
    for (let rest = magnitude; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn))
    this.#string(byteString, Uint8Array.from(bytes.reverse()))
  }

  #string(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length)
    this.#reserve(bytes.length)
    this.#target.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** The initial byte and the argument, as short as they can be (RFC 8949, section 4.2.1). */
  #head(major: number, argument: number | bigint): void {
    this.#reserve(9)
    const [info, width] = widthOf(argument)
    this.#target[this.#at++] = (major << 5) | info
    if (width === 1) this.#view.setUint8(this.#at, Number(argument))
    else if (width === 2) this.#view.setUint16(this.#at, Number(argument))
    else if (width === 4) this.#view.setUint32(this.#at, Number(argument))
    else if (width === 8) this.#view.setBigUint64(this.#at, BigInt(argument))
    this.#at += width
  }

  #reserve(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#target.length) return
    const grown = new Uint8Array(Math.max(needed, this.#target.length * 2))
    grown.set(this.#target)
    this.#target = grown
    this.#view = new DataView(grown.buffer)
  }

  #count(more: number): void {
    this.#nodes += more
    if (this.#nodes > this.#limits.nodesMax) throw tooManyNodes(this.#limits.nodesMax)
  }

  #deeper(depth: number): number {
    if (depth >= this.#limits.depthMax) throw tooDeep(this.#limits.depthMax)
    return depth + 1
  }
}

/** The additional information that says how wide the argument is, and that width; small ones are in the information. */
function widthOf(argument: number | bigint): readonly [info: number, width: number] {
  if (argument < 24) return [Number(argument), 0]
  if (argument < 0x100) return [24, 1]
  if (argument < 0x1_0000) return [25, 2]
  return argument < 0x1_0000_0000 ? [26, 4] : [27, 8]
}

function notEncodable(what: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', `cbor has no ${what}`)
}
