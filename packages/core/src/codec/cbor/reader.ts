import { ThingmeshError } from '../../errors/index.ts'

/** Major types (RFC 8949, section 3.1). */
export const unsigned = 0
export const negative = 1
export const byteString = 2
export const textString = 3
export const array = 4
export const map = 5
export const tag = 6
export const simple = 7

/** Additional information that says: of indefinite length, or, for major type 7, break. */
export const indefinite = 31

const breakByte = 0xff

/** The initial byte of an item and what it counts or says. */
export interface Head {
  readonly start: number
  readonly major: number
  readonly info: number
  /** A number where that is exact, a bigint above 2^53 - 1. 0 where the length is indefinite. */
  readonly argument: number | bigint
}

export function malformed(problem: string, position: number): ThingmeshError {
  return new ThingmeshError('invalid-argument', `payload is not well-formed cbor: ${problem} at byte ${position}`)
}

/** Reads heads from bytes, never past their end. */
export class Reader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.bytes.length - this.position
  }

  /** Steps over a break, if that is what is next. */
  takeBreak(): boolean {
    if (this.bytes[this.position] !== breakByte) return false
    this.position++
    return true
  }

  head(): Head {
    const start = this.position
    const initial = this.bytes[start]
    if (initial === undefined) throw malformed('an item is missing', start)
    const major = initial >> 5
    const info = initial & 0x1f
    this.position++
    if (info < 24) return { start, major, info, argument: info }
    if (info === indefinite) {
      // Of integers and tags there is nothing that could be of indefinite length.
      if (major === unsigned || major === negative || major === tag) throw malformed('a reserved head', start)
      return { start, major, info, argument: 0 }
    }
    if (info > 27) throw malformed('a reserved head', start)
    return { start, major, info, argument: this.#argument(1 << (info - 24), start) }
  }

  /** The value of the float whose head this is. */
  float(head: Head): number {
    if (head.info === 27) return this.#view.getFloat64(head.start + 1)
    if (head.info === 26) return this.#view.getFloat32(head.start + 1)
    const half = this.#view.getUint16(head.start + 1)
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    const sign = half & 0x8000 ? -1 : 1
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }

  #argument(width: number, start: number): number | bigint {
    if (this.left < width) throw malformed('a head ends too soon', start)
    const at = this.position
    this.position += width
    if (width === 1) return this.#view.getUint8(at)
    if (width === 2) return this.#view.getUint16(at)
    if (width === 4) return this.#view.getUint32(at)
    const high = this.#view.getUint32(at)
    return high < 0x20_0000 ? high * 0x1_0000_0000 + this.#view.getUint32(at + 4) : this.#view.getBigUint64(at)
  }
}
