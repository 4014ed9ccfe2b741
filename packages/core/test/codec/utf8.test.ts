import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8, findUtf8Fault, utf8Length } from '../../src/codec/utf8.ts'
import { fromHex } from './hex.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function platformDecode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

describe('utf8', () => {
  it('encodes and decodes as the platform does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        const bytes = encodeUtf8(text)
        expect(bytes).toEqual(new TextEncoder().encode(text))
        expect(utf8Length(text)).toBe(bytes.length)
        expect(decodeUtf8(bytes)).toBe(text)
      }),
    )
  })

  it('refuses exactly the bytes that the platform refuses', () => {
    // Bytes from the edges of every range of RFC 3629, section 4, so that many rows are nearly right.
    const edges = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf]
    const byte = fc.constantFrom(...edges, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), fc.array(byte, { maxLength: 6 }), (random, near) => {
        for (const bytes of [random, Uint8Array.from(near)]) {
          const expected = platformDecode(bytes)
          expect(findUtf8Fault(bytes) === -1).toBe(expected !== undefined)
          if (expected === undefined) {
            expect(() => decodeUtf8(bytes)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
          } else expect(decodeUtf8(bytes)).toBe(expected)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it.each([
    ['overlong slash', 'c0af', 0],
    ['overlong, three bytes', '41e080af', 1],
    ['overlong, four bytes', 'f08080af', 0],
    ['a surrogate', 'eda080', 0],
    ['above U+10FFFF', 'f4908080', 0],
    ['a lone continuation', '414280', 2],
    ['cut short', '41f09f8c', 1],
    ['a five-byte form', 'f888808080', 0],
  ])('names where the fault is: %s', (_, hex, at) => {
    expect(findUtf8Fault(fromHex(hex))).toBe(at)
    expect(() => decodeUtf8(fromHex(hex))).toThrow(`at byte ${at}`)
  })

  it('keeps a byte order mark, and reads from the middle', () => {
    expect(decodeUtf8(fromHex('efbbbf41'))).toBe('\ufeffA')
    expect(decodeUtf8(fromHex('ff41c3a9ff'), 1, 4)).toBe('Aé')
    expect(() => decodeUtf8(fromHex('41c3a9'), 0, 2)).toThrow('at byte 1')
  })

  it('refuses lone surrogates', () => {
    for (const text of ['\ud800', 'a\udc00', '\udc00\ud800', '\ud800\ud800\udc00']) {
      expect(() => encodeUtf8(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
      expect(() => utf8Length(text)).toThrow('lone surrogate')
    }
  })

  it('carries long text whole', () => {
    const text = 'aé温🌡'.repeat(20_000)
    expect(decodeUtf8(encodeUtf8(text))).toBe(text)
  })
})
