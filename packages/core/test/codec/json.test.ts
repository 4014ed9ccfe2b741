import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, jsonCodec, jsonCodecWith } from '../../src/codec/index.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const decode = (text: string, codec: Codec = jsonCodec) => codec.decode(bytesOf(text))
const refused = expect.objectContaining({ code: 'invalid-argument' })

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

const plainKey = fc.string({ maxLength: 8 }).filter(key => !['__proto__', 'constructor', 'prototype'].includes(key))
const { value: jsonValue } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, '', 0, 'a"b\\c', '{"', ':'),
    fc.double({ noDefaultInfinity: true, noNaN: true }).filter(number => !Object.is(number, -0)),
    fc.string({ unit: 'binary', maxLength: 10 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(plainKey, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

/** Values of a decoded tree, containers included. */
function nodesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return 1 + Object.values(value).reduce((sum: number, item) => sum + nodesOf(item), 0)
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe('jsonCodec', () => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(jsonValue, value => {
        expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual(value)
        expect(jsonCodec.encode(value)).toEqual(bytesOf(JSON.stringify(value)))
      }),
    )
  })

  it('decodes every text that JSON.parse does, spaces and all', () => {
    fc.assert(
      fc.property(jsonValue, fc.constantFrom('', ' ', '\t', '\n  '), (value, space) => {
        expect(decode(`${space}${JSON.stringify(value, null, space)}${space}`)).toEqual(value)
      }),
    )
  })

  it('refuses exactly what JSON.parse refuses, and with no other error', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '1',
      '-',
      'e9',
      'null',
      'x',
      ' ',
      '"\\u00"',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), pieces => {
        const text = pieces.join('')
        let expected: unknown
        try {
          expected = JSON.parse(text)
        } catch {
          expect(() => decode(text)).toThrow(refused)
          return
        }
        expect(decode(text)).toEqual(expected)
      }),
      { numRuns: 5000 },
    )
  })

  it('counts nodes and depth exactly', () => {
    fc.assert(
      fc.property(jsonValue, value => {
        const text = JSON.stringify(value)
        const nodesMax = nodesOf(value)
        const depthMax = depthOf(value)
        expect(decode(text, jsonCodecWith({ nodesMax, depthMax }))).toEqual(value)
        expect(() => decode(text, jsonCodecWith({ nodesMax: nodesMax - 1 }))).toThrow('nodes')
        if (depthMax > 0) expect(() => decode(text, jsonCodecWith({ depthMax: depthMax - 1 }))).toThrow('levels deep')
      }),
    )
  })

  it('keeps to depth 16 and 10,000 nodes', () => {
    expect(decode(nested(16))).toEqual(JSON.parse(nested(16)))
    expect(() => decode(nested(17))).toThrow('the limit is 16')
    expect(() => decode(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`)).toThrow('the limit is 16')
    expect(decode(`[${Array(9_999).fill('1').join(',')}]`)).toHaveLength(9_999)
    expect(() => decode(`[${Array(10_000).fill('1').join(',')}]`)).toThrow('the limit is 10000')
  })

  it('is not exhausted by deep, wide or unfinished text', () => {
    const started = performance.now()
    const size = 1_000_000
    for (const text of [
      '['.repeat(size),
      '{"a":'.repeat(size),
      '[1,'.repeat(size),
      '"'.repeat(size),
      `"${'\\'.repeat(size)}`,
      `"${'a'.repeat(size)}`,
      `{"${'a'.repeat(size)}":`,
      `${'1'.repeat(size)}e`,
      ' '.repeat(size),
      ':'.repeat(size),
    ]) {
      expect(() => decode(text)).toThrow(refused)
    }
    expect(performance.now() - started).toBeLessThan(3_000)
  })

  it.each(['__proto__', 'constructor', 'prototype'])('refuses the key %s, however it is written', key => {
    const escaped = [...key].map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
    for (const written of [key, escaped, `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}`]) {
      for (const text of [`{"${written}":1}`, `[{"a":{"${written}" \n:{}}}]`, `{"a":1,"${written}":[]}`]) {
        expect(JSON.parse(text)).toBeDefined()
        expect(() => decode(text)).toThrow(`the key ${key}`)
      }
    }
    expect(decode(`["${key}"]`)).toEqual([key])
    expect(decode(`{"a":"${key}"}`)).toEqual({ a: key })
    expect(decode(`{"${key}2":1}`)).toEqual({ [`${key}2`]: 1 })
    expect(() => jsonCodec.encode(JSON.parse(`{"${key}":1}`))).toThrow(`the key ${key}`)
  })

  it('gives objects without a prototype', () => {
    const value = decode('{"a":[{"toString":1}]}') as { a: object[] }
    expect(Object.getPrototypeOf(value)).toBeNull()
    expect(Object.getPrototypeOf(value.a[0])).toBeNull()
    expect('hasOwnProperty' in value).toBe(false)
    expect(jsonCodec.encode(value)).toEqual(bytesOf('{"a":[{"toString":1}]}'))
  })

  it.each(['1e309', '-1e309', '[1E+400]', `{"a":${'9'.repeat(400)}}`])('refuses the number in %s', text => {
    expect(() => decode(text)).toThrow('beyond')
  })

  it('accepts the largest number and the smallest', () => {
    expect(decode('[1.7976931348623157e308,5e-324,1e-400]')).toEqual([Number.MAX_VALUE, Number.MIN_VALUE, 0])
  })

  it('refuses bytes that are not UTF-8, and a byte order mark', () => {
    expect(() => jsonCodec.decode(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('not valid UTF-8')
    expect(() => decode('\ufeff1')).toThrow(refused)
    expect(() => jsonCodec.decode(new Uint8Array(0))).toThrow(refused)
  })

  it('says nothing of the payload in its error', () => {
    let caught: unknown
    try {
      decode('{"secret-key": secret-value}')
    } catch (error) {
      caught = error
    }
    expect(caught).toMatchObject({ code: 'invalid-argument', message: 'payload is not valid json' })
    expect((caught as Error).cause).toBeUndefined()
  })

  it('refuses to encode what JSON has no text for', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    for (const value of [undefined, () => 1, Symbol('a'), 1n, Number.NaN, [Number.POSITIVE_INFINITY], cycle]) {
      expect(() => jsonCodec.encode(value)).toThrow(refused)
    }
    expect(textOf(jsonCodec.encode({ at: new Date(0), gone: undefined }))).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
  })

  it('refuses to encode what it would not decode', () => {
    expect(() => jsonCodec.encode(JSON.parse(nested(17)))).toThrow('levels deep')
    expect(() => jsonCodec.encode(Array(10_000).fill(0))).toThrow('10000 nodes')
    let doubling: unknown = 'x'
    for (let i = 0; i < 60; i++) doubling = [doubling, doubling]
    expect(() => jsonCodec.encode(doubling)).toThrow('10000 nodes')
  })
})
