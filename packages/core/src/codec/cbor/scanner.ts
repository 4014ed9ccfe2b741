import { ThingmeshError } from '../../errors/index.ts'
import { isRefusedKey, refusedKey, tooDeep, tooManyNodes } from '../data-limits.ts'
import { decodeUtf8, findUtf8Fault } from '../utf8.ts'
import type { CborLimits } from './limits.ts'
import {
  array,
  byteString,
  type Head,
  indefinite,
  malformed,
  map,
  negative,
  Reader,
  simple,
  tag,
  textString,
  unsigned,
} from './reader.ts'
import { float64Item, joinBytes, Rewrite, stringHead } from './rewrite.ts'

/** Seconds that a `Date` can reach, before and after 1970 (ECMA-262, section 21.4.1.1). */
const epochSecondsMax = 8.64e12

/** RFC 3339, section 5.6, with the case that RFC 8949 asks for. `Date` alone would take `March 7`, in local time. */
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** cbor-x reads longer text with a `TextDecoder` that drops a U+FEFF in front. */
const textBytesWithoutDecoderMax = 64

/**
 * Checks one CBOR data item (RFC 8949) from its first byte to its last and gives back the bytes for cbor-x to decode:
 * well-formed; within the limits, which hold before anything is allocated; with the tags 0–4, 21–23 and 32 only, on
 * the content that they are defined for; text in valid UTF-8; keys that are text or safe integers, each once.
 *
 * Three things that are fine in CBOR and that cbor-x gets wrong are rewritten on the way: strings of indefinite length
 * get a length, 64-bit integers that a number holds become floats (cbor-x makes bigints of them), and the tags
 * 21–23 and 32, which only comment on their content, are dropped.
 *
 * Throws `invalid-argument`.
 */
export function scanCbor(bytes: Uint8Array, limits: CborLimits): Uint8Array {
  return new Scanner(bytes, limits).scan()
}

class Scanner {
  readonly #reader: Reader
  readonly #rewrite: Rewrite
  readonly #limits: CborLimits
  #nodes = 0

  constructor(bytes: Uint8Array, limits: CborLimits) {
    this.#reader = new Reader(bytes)
    this.#rewrite = new Rewrite(bytes)
    this.#limits = limits
  }

  scan(): Uint8Array {
    this.#item(0)
    if (this.#reader.left > 0) throw malformed(`${this.#reader.left} bytes follow the item`, this.#reader.position)
    return this.#rewrite.result()
  }

  /** Recursion is no deeper than `depthMax`: every level asks `#deeper` first. */
  #item(depth: number): void {
    const head = this.#head()
    switch (head.major) {
      case unsigned:
      case negative:
        this.#integer(head)
        return
      case byteString:
      case textString:
        this.#string(head)
        return
      case array:
        this.#array(head, this.#deeper(depth))
        return
      case map:
        this.#map(head, this.#deeper(depth))
        return
      case tag:
        this.#tag(head, this.#deeper(depth))
        return
      default:
        this.#simpleOrFloat(head)
    }
  }

  #head(): Head {
    if (++this.#nodes > this.#limits.nodesMax) throw tooManyNodes(this.#limits.nodesMax)
    return this.#reader.head()
  }

  #deeper(depth: number): number {
    if (depth >= this.#limits.depthMax) throw tooDeep(this.#limits.depthMax)
    return depth + 1
  }

  #integer(head: Head): number | bigint {
    const { argument } = head
    const value =
      head.major === unsigned ? argument : typeof argument === 'bigint' ? -1n - argument : exactNegative(argument)
    if (head.info === 27 && typeof value === 'number') {
      this.#rewrite.replace(head.start, this.#reader.position, float64Item(value))
    }
    return value
  }

  /** Where the string's bytes are: in the input, or put together where it came in chunks. */
  #string(head: Head): Uint8Array {
    const content = head.info === indefinite ? this.#chunks(head) : this.#span(head)
    const dropsMark =
      head.major === textString &&
      content.length > textBytesWithoutDecoderMax &&
      content[0] === 0xef &&
      content[1] === 0xbb &&
      content[2] === 0xbf
    if (dropsMark) {
      const parts = [stringHead(textString, content.length + 3), content.subarray(0, 3), content]
      this.#rewrite.replace(head.start, this.#reader.position, joinBytes(parts))
    } else if (head.info === indefinite) {
      const parts = [stringHead(head.major, content.length), content]
      this.#rewrite.replace(head.start, this.#reader.position, joinBytes(parts))
    }
    return content
  }

  /** RFC 8949, section 3.2.3: every chunk is a string of the same kind, of definite length, valid on its own. */
  #chunks(head: Head): Uint8Array {
    const parts: Uint8Array[] = []
    while (!this.#reader.takeBreak()) {
      const chunk = this.#head()
      if (chunk.major !== head.major || chunk.info === indefinite) throw malformed('a wrong chunk', chunk.start)
      parts.push(this.#span(chunk))
    }
    return joinBytes(parts)
  }

  #span(head: Head): Uint8Array {
    const start = this.#reader.position
    const length = this.#fitting(head, this.#reader.left)
    const end = start + length
    if (head.major === textString && findUtf8Fault(this.#reader.bytes, start, end) !== -1) {
      throw malformed('a text that is not valid UTF-8', start)
    }
    this.#reader.position = end
    return this.#reader.bytes.subarray(start, end)
  }

  /** The length or count that a head claims, if that can be in what is left. */
  #fitting(head: Head, most: number): number {
    const { argument } = head
    if (typeof argument === 'bigint' || argument > most) {
      throw malformed(`a length of ${argument}, where at most ${most} can follow,`, head.start)
    }
    return argument
  }

  /** Reads `unit` as often as the head says; `heads` is how many items that is each time. */
  #items(head: Head, heads: number, unit: () => void): void {
    if (head.info === indefinite) {
      while (!this.#reader.takeBreak()) unit()
      return
    }
    const count = this.#fitting(head, Math.floor(this.#reader.left / heads))
    if (count * heads > this.#limits.nodesMax - this.#nodes) throw tooManyNodes(this.#limits.nodesMax)
    for (let i = 0; i < count; i++) unit()
  }

  #array(head: Head, depth: number): void {
    this.#items(head, 1, () => this.#item(depth))
  }

  #map(head: Head, depth: number): void {
    const keys = new Set<string | number>()
    this.#items(head, 2, () => {
      const key = this.#key()
      if (keys.has(key)) throw new ThingmeshError('invalid-argument', 'payload has a cbor map with a key twice')
      keys.add(key)
      this.#item(depth)
    })
  }

  #key(): string | number {
    const head = this.#head()
    const isInteger = head.major === unsigned || head.major === negative
    const integer = isInteger ? this.#integer(head) : undefined
    if (typeof integer === 'number') return integer
    if (head.major !== textString) {
      throw new ThingmeshError(
        'invalid-argument',
        'payload has a cbor map with a key that is no text and no safe integer',
      )
    }
    const key = decodeUtf8(this.#string(head))
    if (isRefusedKey(key)) throw refusedKey(key)
    return key
  }

  #tag(head: Head, depth: number): void {
    switch (head.argument) {
      case 0:
        this.#dateTime()
        return
      case 1:
        this.#epoch()
        return
      case 2:
      case 3:
        this.#bignum()
        return
      case 4:
        this.#decimalFraction(depth)
        return
      case 21:
      case 22:
      case 23:
        this.#rewrite.replace(head.start, this.#reader.position, new Uint8Array(0))
        this.#item(depth)
        return
      case 32:
        this.#rewrite.replace(head.start, this.#reader.position, new Uint8Array(0))
        this.#text('a URI')
        return
      default:
        throw new ThingmeshError('invalid-argument', `payload has the cbor tag ${head.argument}, which is not allowed`)
    }
  }

  #text(what: string): string {
    const head = this.#head()
    if (head.major !== textString) throw wrongContent(what)
    return decodeUtf8(this.#string(head))
  }

  #dateTime(): void {
    const text = this.#text('a date')
    if (!dateTime.test(text) || Number.isNaN(Date.parse(text))) throw wrongContent('a date')
  }

  #epoch(): void {
    const head = this.#head()
    const isFloat = head.major === simple && head.info >= 25 && head.info <= 27
    if (!isFloat && head.major !== unsigned && head.major !== negative) throw wrongContent('a time')
    const seconds = isFloat ? this.#reader.float(head) : this.#integer(head)
    // Not a number compares as false; a bigint is above the limit anyway.
    if (!(seconds >= -epochSecondsMax && seconds <= epochSecondsMax)) throw wrongContent('a time')
  }

  #bignum(): void {
    const head = this.#head()
    if (head.major !== byteString) throw wrongContent('a bignum')
    const { length } = this.#string(head)
    const max = this.#limits.bignumBytesMax
    if (length > max) {
      throw new ThingmeshError('invalid-argument', `payload has a bignum of ${length} bytes, the limit is ${max}`, {
        details: { limit: 'bignumBytesMax', found: length, max },
      })
    }
  }

  /** RFC 8949, section 3.4.4: an array of an integer exponent and an integer or bignum mantissa. */
  #decimalFraction(depth: number): void {
    const head = this.#head()
    if (head.major !== array) throw wrongContent('a decimal fraction')
    const inner = this.#deeper(depth)
    let count = 0
    this.#items(head, 1, () => {
      const part = this.#head()
      if (part.major === unsigned || part.major === negative) this.#integer(part)
      else if (count === 1 && part.major === tag && (part.argument === 2 || part.argument === 3)) {
        this.#tag(part, this.#deeper(inner))
      } else throw wrongContent('a decimal fraction')
      count++
    })
    if (count !== 2) throw wrongContent('a decimal fraction')
  }

  /** Of the simple values only false, true, null and undefined have a meaning (RFC 8949, section 3.3). */
  #simpleOrFloat(head: Head): void {
    if (head.info === indefinite) throw malformed('a break that ends nothing', head.start)
    if (head.info === 24 && Number(head.argument) < 32) throw malformed('a reserved simple value', head.start)
    if (head.info < 20 || head.info === 24) {
      throw new ThingmeshError('invalid-argument', `payload has the cbor simple value ${head.argument}, unassigned`)
    }
  }
}

/** -1 - argument, as a number only where that is a safe integer. */
function exactNegative(argument: number): number | bigint {
  return argument === Number.MAX_SAFE_INTEGER ? -1n - BigInt(argument) : -1 - argument
}

function wrongContent(what: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', `payload has a cbor tag for ${what} on something else, or out of range`)
}
