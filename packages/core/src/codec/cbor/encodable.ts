import { ThingmeshError } from '../../errors/index.ts'
import { isRefusedKey, refusedKey, tooDeep, tooManyNodes } from '../data-limits.ts'
import { utf8Length } from '../utf8.ts'
import type { CborLimits } from './limits.ts'

/**
 * Copies a value into what cbor-x writes faithfully: arrays, maps, dates, bytes and scalars. Refuses what `scanCbor`
 * would refuse once it is encoded, and what cbor-x would write as something else: instances of classes, sets, typed
 * arrays. Counts as the scanner does, so a cycle ends at the limit for depth.
 *
 * Throws `invalid-argument`.
 */
export function toEncodable(value: unknown, limits: CborLimits): unknown {
  return new Copier(limits).copy(value, 0)
}

class Copier {
  readonly #limits: CborLimits
  #nodes = 0

  constructor(limits: CborLimits) {
    this.#limits = limits
  }

  copy(value: unknown, depth: number): unknown {
    this.#count(1)
    switch (typeof value) {
      case 'string':
        utf8Length(value)
        return value
      case 'number':
        return toInteger(value)
      case 'bigint':
        if (isWide(value)) this.#checkBignum(value, depth)
        return value
      case 'object':
        return value === null ? null : this.#copyObject(value, depth)
      case 'function':
      case 'symbol':
        throw notEncodable(typeof value)
      default:
        return value
    }
  }

  #copyObject(value: object, depth: number): unknown {
    if (value instanceof Uint8Array) return value
    const inner = this.#deeper(depth)
    if (value instanceof Date) {
      if (Number.isNaN(value.getTime())) throw notEncodable('invalid date')
      this.#count(1)
      return value
    }
    if (Array.isArray(value)) {
      // A sparse array is as long as it says before it is walked.
      if (value.length > this.#limits.nodesMax - this.#nodes) throw tooManyNodes(this.#limits.nodesMax)
      return Array.from(value, item => this.copy(item, inner))
    }
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Map.prototype) return this.#copyEntries((value as Map<unknown, unknown>).entries(), inner)
    if (prototype !== Object.prototype && prototype !== null) throw notEncodable('instance of a class')
    return this.#copyEntries(Object.entries(value), inner)
  }

  #copyEntries(entries: Iterable<readonly [unknown, unknown]>, depth: number): Map<unknown, unknown> {
    const copied = new Map<unknown, unknown>()
    for (const [key, item] of entries) copied.set(this.#key(key), this.copy(item, depth))
    return copied
  }

  #key(key: unknown): string | number | bigint {
    this.#count(1)
    if (typeof key === 'string') {
      utf8Length(key)
      if (isRefusedKey(key)) throw refusedKey(key)
      return key
    }
    if (typeof key === 'number' && Number.isSafeInteger(key)) return toInteger(key)
    throw new ThingmeshError('invalid-argument', 'a cbor map has a key that is no text and no safe integer')
  }

  #checkBignum(value: bigint, depth: number): void {
    const { bignumBytesMax } = this.#limits
    const magnitude = value < 0n ? -1n - value : value
    if (magnitude >> BigInt(8 * bignumBytesMax) !== 0n) {
      throw new ThingmeshError('invalid-argument', `a bigint has more than ${bignumBytesMax} bytes, which is the limit`)
    }
    // A tag and its content.
    this.#deeper(depth)
    this.#count(1)
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

/** cbor-x writes integers beyond 32 bits as floats, which are other keys and which some decoders refuse as counts. */
function toInteger(value: number): number | bigint {
  const isWider = value > 0xffff_ffff || value < -0x1_0000_0000
  return isWider && Number.isSafeInteger(value) ? BigInt(value) : value
}

/**
 * Whether it needs more than the 64 bits of a plain integer (RFC 8949, section 3.1), and so a bignum. cbor-x writes
 * one for -2^64 too, which would just fit.
 */
function isWide(value: bigint): boolean {
  return value >= 1n << 64n || value <= -(1n << 64n)
}

function notEncodable(what: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', `cbor has no ${what}`)
}
