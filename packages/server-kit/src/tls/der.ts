/** One element of a DER encoding (X.690, section 8.1): its tag, and where its contents are. */
export interface DerElement {
  readonly tag: number
  readonly contents: Uint8Array
}

/**
 * Takes the elements of a DER encoding one after the other. Every length lies within what was given, so that what an element says about
 * itself reaches nothing beside it. Throws `RangeError` for what is not DER: long forms that need not be, indefinite lengths.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  next(): DerElement {
    const tag = this.#byte()
    // No certificate has a tag above 30, which would go on in further bytes.
    if ((tag & 0x1f) === 0x1f) throw new RangeError('a tag of several bytes')
    const length = this.#length()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('an element longer than what holds it')
    const contents = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return { tag, contents }
  }

  /** The next one, which has to have this tag: its contents. */
  take(tag: number): Uint8Array {
    const element = this.next()
    if (element.tag !== tag) throw new RangeError(`tag ${element.tag} where ${tag} is due`)
    return element.contents
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 3) throw new RangeError('a length that is indefinite, or beyond 16 MB')
    let length = 0
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte()
    if (length < 0x80 || length < 256 ** (count - 1)) throw new RangeError('a length longer than needed')
    return length
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new RangeError('an element that is cut off')
    this.#at += 1
    return byte
  }
}
