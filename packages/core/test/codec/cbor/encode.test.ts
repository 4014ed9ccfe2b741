import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cborCodec, cborCodecWith } from '../../../src/codec/cbor/index.ts'
import { toHex } from '../hex.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const refused = expect.objectContaining({ code: 'invalid-argument' })
const hexOf = (value: unknown) => toHex(cborCodec.encode(value))

const key = fc
  .string({ unit: 'binary', maxLength: 8 })
  .filter(key => !['__proto__', 'constructor', 'prototype'].includes(key))
const { value: cborValue } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, undefined, '', 0, 2 ** 32, -(2 ** 32), -(2 ** 31), Number.MAX_SAFE_INTEGER),
    fc.double().filter(number => !Object.is(number, -0)),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 1n << 53n, max: (1n << 256n) - 1n }),
    fc.bigInt({ min: -(1n << 256n), max: -(1n << 53n) }),
    fc.constantFrom((1n << 64n) - 1n, 1n << 64n, -(1n << 64n), 1n - (1n << 64n), -(1n << 64n) - 1n, -(1n << 53n)),
    fc.string({ unit: 'binary', maxLength: 10 }),
    fc.string({ unit: 'binary', minLength: 60, maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(key, tie('value'), { maxKeys: 30, noNullPrototype: true }),
    fc
      .array(fc.tuple(fc.maxSafeInteger(), tie('value')), {
        minLength: 1,
        maxLength: 5,
      })
      .map(entries => new Map(entries.map(([key, value]) => [key === 0 ? 0 : key, value]))),
  ),
}))

describe('encoding', () => {
  it('is what decoding undoes', () => {
    fc.assert(
      fc.property(cborValue, value => {
        expect(cborCodec.decode(cborCodec.encode(value))).toEqual(value)
      }),
      { numRuns: 1500 },
    )
  })

  it.each([
    ['00', 0],
    ['20', -1],
    ['1903e8', 1000],
    ['fb3ff8000000000000', 1.5],
    ['6449455446', 'IETF'],
    ['420102', Uint8Array.of(1, 2)],
    ['420102', Buffer.of(1, 2)],
    ['8201820203', [1, [2, 3]]],
    ['a26161016162820203', { a: 1, b: [2, 3] }],
    ['a1616101', Object.assign(Object.create(null), { a: 1 })],
    ['a10102', new Map([[1, 2]])],
    ['c11a514b67b0', new Date(1363896240_000)],
    ['c249010000000000000000', 1n << 64n],
    ['05', 5n],
    ['f7', undefined],
    ['1affffffff', 2 ** 32 - 1],
    ['1b0000000100000000', 2 ** 32],
    ['3affffffff', -(2 ** 32)],
    ['3b0000000100000000', -(2 ** 32) - 1],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['fb4340000000000000', 2 ** 53],
    ['a11b000000010000000000', new Map([[2 ** 32, 0]])],
  ])('writes %s', (hex, value) => {
    expect(hexOf(value)).toBe(hex)
  })

  it('gives bytes of their own', () => {
    const first = cborCodec.encode(['first'])
    const second = cborCodec.encode(['second'])
    expect(first.constructor).toBe(Uint8Array)
    expect(first.buffer.byteLength).toBe(first.length)
    expect(first.buffer).not.toBe(second.buffer)
    expect(cborCodec.decode(first)).toEqual(['first'])
  })

  it('refuses what CBOR has no item for, or that would come back as something else', () => {
    class Reading {
      readonly value = 1
    }
    class Readings extends Map<string, number> {}
    class List extends Array<number> {}
    expect(hexOf(List.of(1))).toBe('8101')
    const others = [() => 1, Symbol('a'), /a/, new Set([1]), new Error('x'), new Reading(), new Float32Array(1)]
    const more = [new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), new Date(Number.NaN), new Readings([['a', 1]])]
    for (const value of [...others, ...more, Promise.resolve(), new WeakMap(), '\ud800', { '\udc00': 1 }]) {
      expect(() => cborCodec.encode(value)).toThrow(refused)
      expect(() => cborCodec.encode([{ a: value }])).toThrow(refused)
    }
  })

  it('refuses keys that decoding refuses', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      expect(() => cborCodec.encode({ [key]: 1 })).toThrow(`the key ${key}`)
      expect(() => cborCodec.encode(new Map([[key, 1]]))).toThrow(`the key ${key}`)
    }
    for (const key of [1.5, Number.NaN, 2 ** 53, 5n, 1n << 60n, null, true, {}, Uint8Array.of(1)]) {
      expect(() => cborCodec.encode(new Map<unknown, number>([[key, 1]]))).toThrow('no text and no safe integer')
    }
  })

  it('keeps to the limits that decoding keeps to', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 0 : [nested(levels - 1)])
    expect(cborCodec.decode(cborCodec.encode(nested(16)))).toEqual(nested(16))
    expect(() => cborCodec.encode(nested(17))).toThrow('the limit is 16')
    const atDepth = (levels: number, value: unknown): unknown => (levels === 0 ? value : [atDepth(levels - 1, value)])
    for (const tagged of [new Date(0), 1n << 64n, {}, []]) {
      expect(cborCodec.decode(cborCodec.encode(atDepth(15, tagged)))).toEqual(atDepth(15, tagged))
      expect(() => cborCodec.encode(atDepth(16, tagged))).toThrow('the limit is 16')
    }
    expect(cborCodec.decode(cborCodec.encode(Array(9_999).fill(0)))).toHaveLength(9_999)
    expect(() => cborCodec.encode(Array(10_000).fill(0))).toThrow('the limit is 10000')
    expect(() => cborCodec.encode(new Array(4_000_000_000))).toThrow('the limit is 10000')
    expect(() => cborCodec.encode(Array(5_000).fill(new Date(0)))).toThrow('the limit is 10000')
    expect(() => cborCodec.encode(1n << 256n)).toThrow('more than 32 bytes')
    expect(() => cborCodecWith({ bignumBytesMax: 8 }).encode(1n << 64n)).toThrow('more than 8 bytes')
  })

  it('ends on cycles and on values that refer to their parts many times over', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = [cycle]
    expect(() => cborCodec.encode(cycle)).toThrow('the limit is 16')
    let doubling: unknown = 'x'
    for (let i = 0; i < 15; i++) doubling = [doubling, doubling]
    expect(() => cborCodec.encode(doubling)).toThrow('the limit is 10000')
    expect(hexOf([1])).toBe('8101')
  })
})
