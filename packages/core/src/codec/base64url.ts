import { ThingmeshError } from '../errors/index.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const none = 0xff

/** Without padding (RFC 4648, section 5). */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 6) {
      bits -= 6
      text += alphabet[(held >> bits) & 63]
    }
    held &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + alphabet[(held << (6 - bits)) & 63]
}

/** Throws `invalid-argument` for a character that is not of the alphabet, padding included, and for a length that no bytes have. */
export function decodeBase64url(text: string): Uint8Array {
  if (text.length % 4 === 1)
    throw new ThingmeshError('invalid-argument', 'base64url text has a length that no bytes have')
  const values = valuesOfCharacters()
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let to = 0
  let bits = 0
  let held = 0
  for (let i = 0; i < text.length; i++) {
    const value = values[text.charCodeAt(i)] ?? none
    if (value === none)
      throw new ThingmeshError('invalid-argument', `base64url text has another character at index ${i}`)
    held = (held << 6) | value
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[to++] = held >> bits
    held &= (1 << bits) - 1
  }
  return bytes
}

function valuesOfCharacters(): Uint8Array {
  const values = new Uint8Array(128).fill(none)
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
  return values
}
