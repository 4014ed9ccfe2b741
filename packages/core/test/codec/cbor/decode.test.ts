import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cborCodec, cborCodecWith } from '../../../src/codec/cbor/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { fromHex, toHex } from '../hex.ts'
import { decoded, notWellFormed, refusedThoughWellFormed } from './rfc8949-vectors.ts'
import { wireItem } from './wire-items.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const decode = (hex: string, codec = cborCodec) => codec.decode(fromHex(hex))
const refused = expect.objectContaining({ code: 'invalid-argument' })
const textItem = (text: string) => {
  const bytes = new TextEncoder().encode(text)
  return toHex(
    bytes.length < 24 ? Uint8Array.of(0x60 | bytes.length, ...bytes) : Uint8Array.of(0x78, bytes.length, ...bytes),
  )
}

describe('RFC 8949, Appendix A', () => {
  it.each(decoded)('decodes $hex', ({ hex, value }) => {
    expect(decode(hex)).toEqual(value)
  })

  it.each(refusedThoughWellFormed)('refuses %s, which has no meaning here', hex => {
    expect(() => decode(hex)).toThrow(refused)
  })
})

describe('RFC 8949, Appendix F', () => {
  it.each(Object.entries(notWellFormed))('refuses %s', (_, items) => {
    for (const hex of items) {
      expect(() => decode(hex), hex).toThrow(refused)
      // In a few of them a key is wrong before the form is.
      expect(() => decode(hex), hex).toThrow(/not well-formed|with a key/)
    }
  })

  it('refuses an empty payload and bytes behind the item', () => {
    expect(() => decode('')).toThrow('not well-formed')
    expect(() => decode('0000')).toThrow('1 bytes follow')
    expect(() => decode('8000')).toThrow('1 bytes follow')
  })

  it('refuses every true prefix of an item', () => {
    for (const { hex } of decoded) {
      for (let end = 0; end < hex.length; end += 2) {
        expect(() => decode(hex.slice(0, end)), hex.slice(0, end)).toThrow(refused)
      }
    }
  })
})

describe('decoding', () => {
  it('gives the value, whichever way it is written', () => {
    fc.assert(
      fc.property(wireItem, ({ value, bytes }) => {
        expect(cborCodec.decode(Uint8Array.from(bytes))).toEqual(value)
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses mutations as invalid-argument, or decodes them to what it can encode again', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(wireItem, fc.array(mutation, { maxLength: 3 }), ({ bytes }, mutations) => {
        const mutated = Uint8Array.from(bytes)
        for (const [at, byte] of mutations) mutated[at % mutated.length] = byte
        let value: unknown
        try {
          value = cborCodec.decode(mutated)
        } catch (error) {
          expect(isThingmeshError(error) && error.code).toBe('invalid-argument')
          // What the scanner lets pass cbor-x must be able to read.
          expect((error as Error).message).not.toContain('cannot be decoded')
          return
        }
        expectSame(cborCodec.decode(cborCodec.encode(value)), value)
      }),
      { numRuns: 5000 },
    )
  })

  it('keeps the caller’s bytes and the decoded ones apart', () => {
    const payload = Buffer.from('824201026161', 'hex')
    const before = Reflect.ownKeys(payload)
    const [bytes] = cborCodec.decode(payload) as [Uint8Array]
    expect(Reflect.ownKeys(payload)).toEqual(before)
    expect(bytes.constructor).toBe(Uint8Array)
    payload.fill(0)
    expect(bytes).toEqual(Uint8Array.of(1, 2))
  })

  it('reads a part of a larger buffer', () => {
    const whole = fromHex('ffff83010203ffff')
    expect(cborCodec.decode(whole.subarray(2, 6))).toEqual([1, 2, 3])
    expect(() => cborCodec.decode(whole.subarray(2, 5))).toThrow('not well-formed')
  })

  it('gives objects without a prototype, and maps where a key is an integer', () => {
    const object = decode('a168746f537472696e6701') as object
    expect(Object.getPrototypeOf(object)).toBeNull()
    expect(Object.entries(object)).toEqual([['toString', 1]])
    expect(decode('a20001613002')).toEqual(
      new Map<unknown, number>([
        [0, 1],
        ['0', 2],
      ]),
    )
    expect(decode('a12001')).toEqual(new Map([[-1, 1]]))
  })
})

function expectSame(actual: unknown, expected: unknown): void {
  // -0 is written as 0, which toEqual tells apart.
  const withoutNegativeZero = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withoutNegativeZero)
    if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, withoutNegativeZero(item)]))
    if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNegativeZero(item)]))
    }
    return Object.is(value, -0) ? 0 : value
  }
  expect(withoutNegativeZero(actual)).toEqual(withoutNegativeZero(expected))
}

describe('limits', () => {
  it('keeps to depth 16, tags included', () => {
    expect(decode(`${'81'.repeat(16)}00`)).toBeDefined()
    expect(decode(`${'81'.repeat(15)}80`)).toBeDefined()
    for (const opening of ['81', '9f', 'a100', 'bf00', 'd5', 'c4']) {
      expect(() => decode(`${opening.repeat(17)}00`), opening).toThrow(refused)
    }
    expect(() => decode(`${'81'.repeat(17)}00`)).toThrow('the limit is 16')
    expect(() => decode(`${'81'.repeat(16)}80`)).toThrow('the limit is 16')
    expect(() => decode(`${'d5'.repeat(17)}00`)).toThrow('the limit is 16')
    expect(() => decode(`${'81'.repeat(16)}c100`)).toThrow('the limit is 16')
  })

  it('keeps to 10,000 items, however they are counted', () => {
    expect(decode(`99270f${'00'.repeat(9_999)}`)).toHaveLength(9_999)
    expect(() => decode(`992710${'00'.repeat(10_000)}`)).toThrow('the limit is 10000')
    expect(() => decode(`9f${'00'.repeat(10_000)}ff`)).toThrow('the limit is 10000')
    expect(decode(`5f${'40'.repeat(9_999)}ff`)).toEqual(new Uint8Array(0))
    expect(() => decode(`5f${'40'.repeat(10_000)}ff`)).toThrow('the limit is 10000')
    expect(() => decode(`b91388${'00'.repeat(10_000)}`)).toThrow('the limit is 10000')
  })

  it('takes other limits', () => {
    const codec = cborCodecWith({ depthMax: 1, nodesMax: 3, bignumBytesMax: 2 })
    expect(decode('820102', codec)).toEqual([1, 2])
    expect(() => decode('83010203', codec)).toThrow('the limit is 3')
    expect(() => decode('8180', codec)).toThrow('the limit is 1')
    expect(decode('c2420100', codec)).toBe(256)
    expect(() => decode('c243010000', codec)).toThrow('bignum of 3 bytes, the limit is 2')
  })

  it.each([
    '9b00000000ffffffff',
    '9bffffffffffffffff',
    'bb00000000ffffffff',
    '5b00000001ffffffff',
    '7bffffffffffffffff',
  ])('refuses the nine bytes %s, which claim gigabytes', hex => {
    const before = process.memoryUsage()
    expect(() => decode(hex)).toThrow('not well-formed')
    expect(() => decode(`81${hex}`)).toThrow('not well-formed')
    const after = process.memoryUsage()
    expect(after.rss - before.rss).toBeLessThan(100_000_000)
  })

  it('refuses counts that only their sum is too large for', () => {
    expect(() => decode('9a00002000'.repeat(10) + '00'.repeat(0x2000))).toThrow(refused)
  })

  it('refuses a bignum of 256 KiB at once', () => {
    const payload = new Uint8Array(6 + 256 * 1024).fill(0xff)
    payload.set(fromHex('c25a00040000'))
    const started = performance.now()
    expect(() => cborCodec.decode(payload)).toThrow('bignum of 262144 bytes, the limit is 32')
    expect(performance.now() - started).toBeLessThan(1_000)
    expect(decode(`c25820${'ff'.repeat(32)}`)).toBe((1n << 256n) - 1n)
    expect(() => decode(`c25821${'00'.repeat(33)}`)).toThrow('bignum of 33 bytes')
    expect(() => decode(`c25f${'5820'.concat('ff'.repeat(32)).repeat(2)}ff`)).toThrow('bignum of 64 bytes')
  })

  it('is not exhausted by a megabyte of openings', () => {
    const started = performance.now()
    for (const unit of ['81', '9f', 'a1', 'bf', 'c1', 'd5', '5f', '7f', 'c4', 'a161', '5f40', '1b', 'ff']) {
      const bytes = fromHex(unit)
      const payload = Uint8Array.from({ length: 500_000 }, (_, i) => bytes[i % bytes.length]!)
      expect(() => cborCodec.decode(payload), unit).toThrow(refused)
    }
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})

describe('what cbor-x makes of input, and we do not', () => {
  it.each([
    ['a regular expression (27)', `d81b83${textItem('RegExp')}${textItem('(a+)+$')}6167`],
    ['an error (27)', `d81b82${textItem('Error')}${textItem('x')}`],
    ['a shared value (28)', 'd81c80'],
    ['a cycle (28, 29)', 'd81c81d81d00'],
    ['a reference to nothing (29)', 'd81d00'],
    ['a packed table (51)', 'd8338480808000'],
    ['a packed reference (6)', 'c600'],
    ['a packed prefix (225)', 'd8e16161'],
    ['a packed simple value', 'e0'],
    ['a record definition', 'd9dfff8319e00081616101'],
    ['several record definitions', 'd9dffe8319e00081616100'],
    ['a legacy record (105)', 'd8698319e0008161610a'],
    ['a record by its id', 'd9e00080'],
    ['bundled strings', 'd9dff9820060'],
    ['a bundled string (14)', 'ce01'],
    ['a set (258)', 'd9010280'],
    ['an explicit map (259)', 'd90103a0'],
    ['a bigfloat (5)', 'c5820103'],
    ['typed arrays (64, 86)', 'd84040'],
    ['typed floats (86)', 'd85640'],
    ['shared data', 'da5368726400'],
    ['embedded cbor (24)', 'd8184100'],
    ['self-described cbor (55799)', 'd9d9f700'],
    ['a tag of 64 bits', 'dbffffffffffffffff00'],
    ['a tag of 64 bits that looks allowed', 'db000000010000000100'],
  ])('refuses %s', (_, hex) => {
    expect(() => decode(hex)).toThrow(/the cbor (tag|simple value) \d+/)
    expect(() => decode(`82${hex}00`)).toThrow(refused)
  })

  it.each([
    ['a date that is a number', 'c000'],
    ['a date that only JavaScript reads', `c0${textItem('March 7')}`],
    ['a date without a zone', `c0${textItem('2013-03-21T20:04:00')}`],
    ['a date that is none', `c0${textItem('2013-99-21T20:04:00Z')}`],
    ['a time that is text', 'c16130'],
    ['a time that is true', 'c1f5'],
    ['a time that is not a number', 'c1f97e00'],
    ['an infinite time', 'c1f97c00'],
    ['a time beyond dates', 'c1fb7e37e43c8800759c'],
    ['a time of 64 bits beyond dates', 'c11bffffffffffffffff'],
    ['a bignum that is text', 'c26130'],
    ['a bignum that is an array', 'c2820101'],
    ['a decimal fraction of one', 'c48100'],
    ['a decimal fraction of three', 'c483000000'],
    ['a decimal fraction of text', 'c482613100'],
    ['a decimal fraction of arrays', 'c4828080'],
    ['a decimal fraction with a bignum for its exponent', 'c482c2410100'],
    ['a decimal fraction that is a map', 'c4a10000'],
    ['a URI that is a number', 'd82000'],
  ])('refuses %s', (_, hex) => {
    expect(() => decode(hex)).toThrow('on something else, or out of range')
  })

  it('reads times, fractions and hints as they are defined', () => {
    expect(decode('c11b00000001ffffffff')).toEqual(new Date(0x1ffffffff * 1000))
    expect(decode('c13a514b67af')).toEqual(new Date(-1363896240_000))
    expect(decode('c1f93e00')).toEqual(new Date(1500))
    expect(decode('c48221196ab3')).toBe(273.15)
    expect(decode('c49f21196ab3ff')).toBe(273.15)
    expect(decode('c48221c2426ab3')).toBe(273.15)
    expect(decode('c4821b00000000000000023b0000000000000004')).toBe(-500)
    expect(decode('82d64101d5d781d7f6')).toEqual([Uint8Array.of(1), [null]])
  })

  it.each(['__proto__', 'constructor', 'prototype'])('refuses the key %s, whole and in chunks', key => {
    for (const written of [textItem(key), `7f${textItem(key.slice(0, 3))}${textItem(key.slice(3))}ff`]) {
      for (const hex of [`a1${written}a0`, `bf${written}00ff`, `81a20000${written}00`]) {
        expect(() => decode(hex)).toThrow(`the key ${key}`)
      }
    }
    expect(decode(textItem(key))).toBe(key)
  })

  it.each(['a2616100616101', 'bf616100616101ff', 'a26161007f6161ff01', 'a2010018010a', 'a201001b000000000000000100'])(
    'refuses %s, which has a key twice',
    hex => {
      expect(() => decode(hex)).toThrow('a key twice')
    },
  )

  it.each([
    'a14000',
    'a18000',
    'a1f400',
    'a1f600',
    'a1f93c0000',
    'a1c1000000',
    'a1a00000',
    'a1d7610000',
    'a11bffffffffffffffff00',
    'a13b001fffffffffffff00',
  ])('refuses %s, whose key is neither text nor a safe integer', hex => {
    expect(() => decode(hex)).toThrow('no text and no safe integer')
  })

  it.each(['61ff', '62c0af', '63eda080', '64f4908080', '7f61c361bcff', 'a161ff00', 'd82061ff'])(
    'refuses %s, whose text is not UTF-8',
    hex => {
      expect(() => decode(hex)).toThrow('not valid UTF-8')
    },
  )

  it('keeps a U+FEFF in front of text of any length', () => {
    for (const length of [0, 1, 60, 61, 62, 63, 64, 65, 200, 252]) {
      const text = `\ufeff${'x'.repeat(length)}`
      expect(decode(textItem(text))).toBe(text)
      expect(decode(`81a1${textItem(text)}${textItem(text)}`)).toEqual([{ [text]: text }])
    }
  })
})
