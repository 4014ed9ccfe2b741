import { ThingmeshError } from '../errors/index.ts'

/** Arguments of one `String.fromCharCode`: well below what any engine's stack takes. */
const unitsPerCall = 4096

/** Throws `invalid-argument` on a lone surrogate, which UTF-8 has no bytes for (RFC 3629, section 3). */
export function encodeUtf8(text: string): Uint8Array {
  // What a code unit takes at most.
  const bytes = new Uint8Array(text.length * 3)
  let to = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!
    if (code < 0x80) {
      bytes[to++] = code
      continue
    }
    if (isSurrogate(code)) throw loneSurrogate(i)
    const size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (size === 4) i++
    // As many ones as there are bytes, a zero, and the uppermost bits; then six bits in each of the others.
    bytes[to++] = (0xf00 >> size) | (code >> (size * 6 - 6))
    for (let shift = size * 6 - 12; shift >= 0; shift -= 6) bytes[to++] = 0x80 | ((code >> shift) & 0x3f)
  }
  return bytes.slice(0, to)
}

/** A code point that is one has no other half beside it. */
function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff
}

function loneSurrogate(index: number): ThingmeshError {
  return new ThingmeshError('invalid-argument', `text has a lone surrogate at index ${index}`)
}

/** Bytes of the text's encoding. Throws `invalid-argument` on a lone surrogate. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!
    if (code < 0x80) continue
    if (code < 0x800) bytes += 1
    else if (code > 0xffff) {
      // A pair is two code units and four bytes.
      bytes += 2
      i++
    } else if (isSurrogate(code)) throw loneSurrogate(i)
    else bytes += 2
  }
  return bytes
}

/** Strict: throws `invalid-argument` on any ill-formed sequence, and keeps a U+FEFF in front. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = ''
  let units: number[] = []
  for (let i = start; i < end; ) {
    const first = bytes[i]!
    if (first < 0x80) {
      units.push(first)
      i++
    } else {
      const size = sequenceSize(bytes, i, end)
      if (size === 0) throw new ThingmeshError('invalid-argument', `text is not valid UTF-8 at byte ${i - start}`)
      let code = first & (0x7f >> size)
      for (const next = i + size; ++i < next; ) code = (code << 6) | (bytes[i]! & 0x3f)
      if (code < 0x10000) units.push(code)
      else units.push(0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff))
    }
    if (units.length >= unitsPerCall) {
      text += String.fromCharCode(...units)
      units = []
    }
  }
  return text + String.fromCharCode(...units)
}

/** Where the first ill-formed sequence starts, or -1. */
export function findUtf8Fault(bytes: Uint8Array, start = 0, end = bytes.length): number {
  for (let i = start; i < end; ) {
    const size = bytes[i]! < 0x80 ? 1 : sequenceSize(bytes, i, end)
    if (size === 0) return i
    i += size
  }
  return -1
}

/**
 * Bytes of the sequence that starts here and is not ASCII, or 0 where it is ill-formed. The ranges of the second byte keep
 * out overlong forms, surrogates and what is above U+10FFFF (RFC 3629, section 4).
 */
function sequenceSize(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!
  const size = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (at + size > end) return 0
  const second = bytes[at + 1]!
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest) return 0
  for (let j = 2; j < size; j++) if ((bytes[at + j]! & 0xc0) !== 0x80) return 0
  return size
}
