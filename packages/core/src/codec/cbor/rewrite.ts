/** What to put in the place of the bytes from `start` to `end`. */
interface Edit {
  readonly start: number
  readonly end: number
  readonly replacement: Uint8Array
}

/**
 * Collects changes to a byte string, in the order of their places, and makes them all at once. Lengths in CBOR count
 * items, not bytes, so a change inside an array, map or tag needs none around it.
 */
export class Rewrite {
  readonly #source: Uint8Array
  readonly #edits: Edit[] = []
  #growth = 0

  constructor(source: Uint8Array) {
    this.#source = source
  }

  replace(start: number, end: number, replacement: Uint8Array): void {
    this.#edits.push({ start, end, replacement })
    this.#growth += replacement.length - (end - start)
  }

  /** The source itself where nothing changed. */
  result(): Uint8Array {
    if (this.#edits.length === 0) return this.#source
    const result = new Uint8Array(this.#source.length + this.#growth)
    let from = 0
    let to = 0
    for (const { start, end, replacement } of this.#edits) {
      result.set(this.#source.subarray(from, start), to)
      to += start - from
      result.set(replacement, to)
      to += replacement.length
      from = end
    }
    result.set(this.#source.subarray(from), to)
    return result
  }
}

/** The head of a byte or text string of that length, as short as it can be (RFC 8949, section 4.2.1). */
export function stringHead(major: number, length: number): Uint8Array {
  const first = major << 5
  if (length < 24) return Uint8Array.of(first | length)
  if (length < 0x100) return Uint8Array.of(first | 24, length)
  if (length < 0x10000) return Uint8Array.of(first | 25, length >> 8, length & 0xff)
  return Uint8Array.of(first | 26, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
}

/** A 64-bit float, which holds every safe integer exactly. */
export function float64Item(value: number): Uint8Array {
  const item = new Uint8Array(9)
  item[0] = 0xfb
  new DataView(item.buffer).setFloat64(1, value)
  return item
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let to = 0
  for (const part of parts) {
    joined.set(part, to)
    to += part.length
  }
  return joined
}
