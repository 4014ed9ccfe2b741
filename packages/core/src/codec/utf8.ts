import { ThingmeshError } from '../errors/index.ts'

/** Arguments of one `String.fromCharCode`: well below what any engine's stack takes. */
const unitsPerCall = 4096

/** Throws `invalid-argument` on a lone surrogate, which UTF-8 has no bytes for (RFC 3629, section 3). */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text))
  let to = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      bytes[to++] = unit
      continue
    }
    const code = text.codePointAt(i)!
    if (code < 0x800) bytes[to++] = 0xc0 | (code >> 6)
    else {
      if (code < 0x10000) bytes[to++] = 0xe0 | (code >> 12)
      else {
        bytes[to++] = 0xf0 | (code >> 18)
        bytes[to++] = 0x80 | ((code >> 12) & 0x3f)
        i++
      }
      bytes[to++] = 0x80 | ((code >> 6) & 0x3f)
    }
    bytes[to++] = 0x80 | (code & 0x3f)
  }
  return bytes
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
    } else if (code >= 0xd800 && code <= 0xdfff) {
      throw new ThingmeshError('invalid-argument', `text has a lone surrogate at index ${i}`)
    } else bytes += 2
  }
  return bytes
}

/** Strict: throws `invalid-argument` on any ill-formed sequence, and keeps a U+FEFF in front. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const fault = findUtf8Fault(bytes, start, end)
  if (fault !== -1) throw new ThingmeshError('invalid-argument', `text is not valid UTF-8 at byte ${fault - start}`)
  let text = ''
  let units: number[] = []
  for (let i = start; i < end; ) {
    const first = bytes[i++]!
    if (first < 0x80) units.push(first)
    else if (first < 0xe0) units.push(((first & 0x1f) << 6) | (bytes[i++]! & 0x3f))
    else if (first < 0xf0) {
      units.push(((first & 0x0f) << 12) | ((bytes[i++]! & 0x3f) << 6) | (bytes[i++]! & 0x3f))
    } else {
      const high = ((first & 0x07) << 18) | ((bytes[i++]! & 0x3f) << 12)
      const code = high | ((bytes[i++]! & 0x3f) << 6) | (bytes[i++]! & 0x3f)
      units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff))
    }
    if (units.length >= unitsPerCall) {
      text += String.fromCharCode(...units)
      units = []
    }
  }
  return text + String.fromCharCode(...units)
}

/**
 * Where the first ill-formed sequence starts, or -1. The ranges of the second byte keep out overlong forms, surrogates
 * and what is above U+10FFFF (RFC 3629, section 4).
 */
export function findUtf8Fault(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let i = start
  while (i < end) {
    const first = bytes[i]!
    if (first < 0x80) {
      i++
      continue
    }
    const following = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
    if (following === 0 || i + following >= end) return i
    const second = bytes[i + 1]!
    const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
    const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
    if (second < lowest || second > highest) return i
    for (let j = 2; j <= following; j++) if ((bytes[i + j]! & 0xc0) !== 0x80) return i
    i += following + 1
  }
  return -1
}
