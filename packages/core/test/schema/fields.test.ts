import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  boolean,
  bytes,
  choice,
  defineChannel,
  type Field,
  integer,
  list,
  number,
  object,
  string,
  time,
} from '../../src/schema/index.ts'
import { samples } from './arbitraries.ts'

fc.configureGlobal({ seed: 20160401 })

const issuesOf = (field: Field<unknown, boolean>, value: unknown) =>
  field['~standard'].validate(value).issues?.map(({ path, message }) => [path?.join('.'), message])

describe('a field', () => {
  it.each([
    [number(), '21.5', 'expected a number, found text'],
    [number(), Number.NaN, 'expected a finite number'],
    [number(), Number.POSITIVE_INFINITY, 'expected a finite number'],
    [number(), 1n, 'expected a number, found a bigint'],
    [number({ min: -40, max: 85 }), -40.1, 'expected at least -40'],
    [number({ min: -40, max: 85 }), 85.1, 'expected at most 85'],
    [integer(), 1.5, 'expected a safe integer'],
    [integer(), 2 ** 53, 'expected a safe integer'],
    [boolean(), 0, 'expected true or false, found a number'],
    [string(), null, 'expected text, found null'],
    [string({ lengthMax: 2 }), 'abc', 'has more than 2 characters, which is the limit'],
    [string({ lengthMax: 2 }), 'abcdefg', 'has more than 2 characters, which is the limit'],
    [string({ lengthMin: 2 }), '😀', 'has 1 characters, at least 2 are needed'],
    [string(), 'a\ud800', 'has half of a surrogate pair, which is no character'],
    [choice(['on', 'off']), 'of', 'expected one of on, off'],
    [choice(['on', 'off']), true, 'expected text, found a boolean'],
    [bytes(), [1], 'expected bytes, found a list'],
    [bytes({ lengthMax: 1 }), Uint8Array.of(1, 2), 'has 2 bytes, the limit is 1'],
    [time(), 1_700_000_000_000, 'expected a time, found a number'],
    [time(), new Date(Number.NaN), 'expected a time of the years 0 to 9999'],
    [time(), new Date(Date.UTC(10_000, 0, 1)), 'expected a time of the years 0 to 9999'],
    [list(number()), { 0: 1 }, 'expected a list, found an object'],
    [list(number(), { itemsMin: 1 }), [], 'has 0 items, at least 1 are needed'],
    [list(number()), new Array(257).fill(0), 'has 257 items, the limit is 256'],
    [object({ a: number() }), new Map([['a', 1]]), 'expected an object, found a map'],
    [object({ a: number() }), undefined, 'expected an object, found nothing'],
  ] as const)('%#: refuses what does not fit, with the reason', (field, value, message) => {
    expect(issuesOf(field, value)).toEqual([['', message]])
  })

  it.each([
    [number({ min: -40, max: 85 }), [-40, 85, 0]],
    [integer(), [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]],
    [string({ lengthMin: 2, lengthMax: 2 }), ['😀😀', 'ab']],
    [time(), [new Date('0000-01-01T00:00:00Z'), new Date('9999-12-31T23:59:59.999Z')]],
    [list(number(), { itemsMin: 1, itemsMax: 2 }), [[1], [1, 2]]],
  ] as const)('%#: takes what is just within its bounds', (field, values) => {
    for (const value of values) expect(field['~standard'].validate(value)).toEqual({ value })
  })

  it('has one zero', () => {
    expect(number()['~standard'].validate(-0)).toEqual({ value: 0 })
  })

  it('tells the path of each misfit, and not more than sixteen of them', () => {
    const field = object({ room: object({ readings: list(object({ celsius: number() })) }), label: string() })
    const readings = [{ celsius: 1 }, { celsius: 'x' }, {}, 7]
    expect(issuesOf(field, { room: { readings } })).toEqual([
      ['room.readings.1.celsius', 'expected a number, found text'],
      ['room.readings.2.celsius', 'is missing'],
      ['room.readings.3', 'expected an object, found a number'],
      ['label', 'is missing'],
    ])
    expect(issuesOf(list(number()), new Array(200).fill('x'))).toHaveLength(16)
  })

  it('reads members of its own only, and by no other way than their names', () => {
    const field = object({ toString: string().optional(), length: number().optional() })
    expect(field['~standard'].validate({})).toEqual({ value: {} })
    const inherited = Object.create({ length: 1 })
    expect(field['~standard'].validate(inherited)).toEqual({ value: {} })
    expect(issuesOf(object({ length: number() }), inherited)).toEqual([['length', 'is missing']])
  })

  it('may be left out where it is optional, and nowhere else', () => {
    const field = object({ a: number().optional(), b: number() })
    expect(field['~standard'].validate({ a: undefined, b: 1 })).toEqual({ value: { b: 1 } })
    expect(issuesOf(field, { a: 1 })).toEqual([['b', 'is missing']])
    expect(issuesOf(field, { a: null, b: 1 })).toEqual([['a', 'expected a number, found null']])
    expect(number().optional()['~standard'].validate(undefined)).toEqual({ value: undefined })
  })

  it('gives the same value again for what it gave, and never throws', () => {
    fc.assert(
      fc.property(samples, fc.anything(), ({ field, value }, anything) => {
        expect(field['~standard'].validate(value)).toEqual({ value })
        field['~standard'].validate(anything)
      }),
    )
  })

  it('exports its json schema by itself', () => {
    const { jsonSchema } = number({ unit: 'Cel', min: 1, description: 'in the shade' })['~standard']
    const expected = { type: 'number', unit: 'Cel', minimum: 1, description: 'in the shade' }
    expect(jsonSchema.input({ target: 'draft-2020-12' })).toEqual(expected)
    expect(jsonSchema.output({ target: 'draft-2020-12' })).toEqual(expected)
    expect(() => jsonSchema.input({ target: 'openapi-3.0' })).toThrow(TypeError)
  })
})

describe('what cannot be meant', () => {
  it.each([
    ['bounds the wrong way round', () => number({ min: 2, max: 1 })],
    ['a bound that is none', () => number({ max: Number.NaN })],
    ['a fraction as the bound of an integer', () => integer({ min: 0.5 })],
    ['a negative length', () => string({ lengthMax: -1 })],
    ['half a byte', () => bytes({ lengthMax: 0.5 })],
    ['a choice of nothing', () => choice([] as never)],
    ['a choice of the same twice', () => choice(['a', 'a'])],
    ['a choice of half a character', () => choice(['\ud800'])],
    ['a list of what may be absent', () => list(number().optional() as unknown as Field<number>)],
    ['an object of nothing', () => object({})],
    ['a field without a name', () => object({ '': number() })],
    ['a field that reaches a prototype', () => object({ constructor: number() })],
    ['the other one', () => object({ ['__proto__']: number() })],
    ['a name that has no form in UTF-8', () => object({ '\ud800': number() })],
    ['a value that may be absent', () => defineChannel({ name: 'a', schema: number().optional() })],
  ])('is refused where it is written: %s', (_name, define) => {
    expect(define).toThrow(TypeError)
  })
})
