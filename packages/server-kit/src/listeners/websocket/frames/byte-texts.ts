import type { ByteTexts } from '@thingmesh/core'

/** `ignoreBOM` keeps a U+FEFF in front: whoever encodes the text again gets the same bytes. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const byteTexts: ByteTexts = {
  toBase64: bytes => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  toText(bytes) {
    try {
      return strictUtf8.decode(bytes)
    } catch {
      return undefined
    }
  },
}

/** Strict: `undefined` for what is not the base64 of any bytes, with padding. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return new Uint8Array(Buffer.from(text, 'base64'))
}
