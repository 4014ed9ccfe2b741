/*
 * UTF-8 as MQTT wants it (MQTT 5, section 1.5.4): well-formed by RFC 3629, so no surrogates and no overlong forms, and
 * without U+0000. U+FEFF is an ordinary character, wherever it stands. Written here because the platform's TextDecoder
 * is not in every runtime, lets U+0000 through, and is slow for the short ASCII strings that topics are.
 */

// Past this many characters one call with an array of codes beats concatenation, measured on V8.
const concatenatedMax = 12
// Bounds the arguments of one call: they live on the stack.
const codesPerCall = 4096

/** The string in `bytes[start, end)`, or undefined where it is not well-formed or holds U+0000. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte > 0x7f) return decodeMultibyte(bytes, start, end)
    if (byte === 0) return undefined
  }
  return decodeAscii(bytes, start, end)
}

function decodeAscii(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length > codesPerCall) return decodeLongAscii(bytes, start, end)
  if (length > concatenatedMax) {
    const codes = new Array<number>(length)
    for (let i = 0; i < length; i++) codes[i] = bytes[start + i]!
    return String.fromCharCode.apply(null, codes)
  }
  let text = ''
  let i = start
  for (; i + 4 <= end; i += 4) {
    text += String.fromCharCode(bytes[i]!, bytes[i + 1]!, bytes[i + 2]!, bytes[i + 3]!)
  }
  if (i + 2 <= end) {
    text += String.fromCharCode(bytes[i]!, bytes[i + 1]!)
    i += 2
  }
  if (i < end) text += String.fromCharCode(bytes[i]!)
  return text
}

function decodeLongAscii(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i += codesPerCall) text += decodeAscii(bytes, i, Math.min(end, i + codesPerCall))
  return text
}

function decodeMultibyte(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  let codes: number[] = []
  let i = start
  while (i < end) {
    const first = bytes[i]!
    const length = sequenceLength(first)
    if (length === 0 || i + length > end) return undefined
    const code = length === 1 ? first : readSequence(bytes, i, first, length)
    if (code <= 0) return undefined
    i += length
    if (code > 0xffff) {
      codes.push(0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff))
    } else {
      codes.push(code)
    }
    if (codes.length >= codesPerCall) {
      text += String.fromCharCode.apply(null, codes)
      codes = []
    }
  }
  return text + String.fromCharCode.apply(null, codes)
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2) return 0 // a continuation byte, or the start of an overlong form
  if (first < 0xe0) return 2
  if (first < 0xf0) return 3
  return first < 0xf5 ? 4 : 0
}

/** The code point of a sequence of two to four bytes, or -1. */
function readSequence(bytes: Uint8Array, at: number, first: number, length: number): number {
  let code = first & (0x7f >> length)
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i]!
    if ((byte & 0xc0) !== 0x80) return -1
    code = (code << 6) | (byte & 0x3f)
  }
  if (length === 3 && (code < 0x800 || isSurrogate(code))) return -1
  if (length === 4 && (code < 0x10000 || code > 0x10ffff)) return -1
  return code
}

function isSurrogate(code: number): boolean {
  return (code & 0xf800) === 0xd800
}

/** How many bytes the text takes, or -1 where it holds U+0000 or an unpaired surrogate, which UTF-8 cannot say. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) {
      if (code === 0) return -1
    } else if (code < 0x800) {
      length += 1
    } else {
      length += 2
      if (!isSurrogate(code)) continue
      // A pair counts four bytes: two units, and two more.
      const next = text.charCodeAt(++i)
      if (code > 0xdbff || (next & 0xfc00) !== 0xdc00) return -1
    }
  }
  return length
}

/** Writes a text that `utf8Length` measured, and returns where it ends. */
export function writeUtf8(text: string, target: Uint8Array, start: number): number {
  let at = start
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      target[at++] = code
      continue
    }
    if (code < 0x800) {
      target[at++] = 0xc0 | (code >> 6)
    } else {
      if (isSurrogate(code)) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff)
        target[at++] = 0xf0 | (code >> 18)
        target[at++] = 0x80 | ((code >> 12) & 0x3f)
      } else {
        target[at++] = 0xe0 | (code >> 12)
      }
      target[at++] = 0x80 | ((code >> 6) & 0x3f)
    }
    target[at++] = 0x80 | (code & 0x3f)
  }
  return at
}
