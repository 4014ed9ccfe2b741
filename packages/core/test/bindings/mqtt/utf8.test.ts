import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUtf8, utf8Length, writeUtf8 } from '../../../src/bindings/mqtt/utf8.ts'
import { holds } from './holds.ts'

function encode(text: string): Uint8Array {
  const target = new Uint8Array(utf8Length(text))
  expect(writeUtf8(text, target, 0)).toBe(target.length)
  return target
}

function decode(bytes: Uint8Array): string | undefined {
  return decodeUtf8(bytes, 0, bytes.length)
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function expected(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

describe('utf-8', () => {
  it('agrees with the platform on every code point', () => {
    for (let start = 1; start <= 0x10ffff; start += 997) {
      let text = ''
      for (let code = start; code < Math.min(start + 997, 0x110000); code++) {
        if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code)
      }
      const bytes = encode(text)
      expect(Buffer.compare(bytes, Buffer.from(text))).toBe(0)
      expect(decode(bytes) === text).toBe(true)
    }
  })

  it('agrees with the platform on any text, of any length', () => {
    const long = fc.string({ unit: 'binary', minLength: 0, maxLength: 6000 })
    const ascii = fc.string({ unit: 'binary-ascii', maxLength: 6000 })
    holds(
      fc.property(fc.oneof(long, ascii), text => {
        const sound = text.replaceAll('\0', 'a')
        const bytes = encode(sound)
        expect(Buffer.compare(bytes, Buffer.from(sound))).toBe(0)
        expect(decode(bytes)).toBe(sound)
      }),
    )
  })

  it('agrees with the platform on any bytes', () => {
    const edge = fc.constantFrom(
      0x00,
      0x41,
      0x7f,
      0x80,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    )
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.array(edge, { maxLength: 6 }).map(b => Uint8Array.from(b)),
    )
    holds(
      fc.property(any, bytes => {
        expect(decode(bytes)).toBe(expected(bytes))
      }),
      20_000,
    )
  })

  it('keeps U+FEFF where it stands (MQTT-1.5.4-3)', () => {
    expect(decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\u{feff}a')
  })

  it.each([
    ['U+0000', [0x61, 0x00]],
    ['U+0000 after a longer sequence', [0xc3, 0xa4, 0x00]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a pair of surrogates', [0xed, 0xa0, 0x81, 0xed, 0xb0, 0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong U+0000', [0xc0, 0x80]],
    ['an overlong three-byte form', [0xe0, 0x80, 0xaf]],
    ['an overlong four-byte form', [0xf0, 0x80, 0x80, 0xaf]],
    ['past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a lone continuation', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
  ])('refuses %s', (_name, bytes) => {
    expect(decode(Uint8Array.from(bytes))).toBeUndefined()
  })

  it.each(['\0', 'a\ud800', '\udc00b', '\ud800\ud800', '\ud800a'])('does not measure ill-formed text %j', text => {
    expect(utf8Length(text)).toBe(-1)
  })
})
