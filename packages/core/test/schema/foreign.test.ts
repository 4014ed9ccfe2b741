import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cborFormat } from '../../src/schema/cbor.ts'
import { defineChannel } from '../../src/schema/index.ts'
import { senmlJsonFormat } from '../../src/schema/senml.ts'
import { thrownBy } from './thrown-by.ts'

/** The whole of a Standard Schema, by hand: a list of at least one pair of numbers. */
const pairs: StandardSchemaV1<readonly (readonly [number, number])[]> = {
  '~standard': {
    version: 1,
    vendor: 'by-hand',
    validate(value) {
      if (!Array.isArray(value) || value.length === 0) return { issues: [{ message: `bad: ${JSON.stringify(value)}` }] }
      const wrong = value.findIndex(pair => !Array.isArray(pair) || pair.length !== 2)
      if (wrong !== -1) return { issues: [{ message: 'no pair', path: ['pairs', { key: wrong }, Symbol('s')] }] }
      return { value: value as unknown as readonly (readonly [number, number])[] }
    },
  },
}

const libraries = {
  valibot: v.object({
    celsius: v.pipe(v.number(), v.maxValue(85)),
    states: v.array(v.picklist(['on', 'off'])),
    note: v.optional(v.string()),
  }),
  zod: z.object({
    celsius: z.number().max(85),
    states: z.array(z.enum(['on', 'off'])),
    note: z.string().optional(),
  }),
}
const bytesOf = (text: string) => new TextEncoder().encode(text)

describe.each(Object.entries(libraries))('a schema of %s', (_name, schema) => {
  const channel = defineChannel({ name: 'rooms', schema, formats: [cborFormat], contentType: 'application/json' })
  const Cbor = defineChannel({ name: 'rooms', schema, formats: [cborFormat] })
  const value = { celsius: 21.5, states: ['on', 'off'] as ('on' | 'off')[] }

  it('comes back as it was, as JSON and as CBOR', () => {
    for (const definition of [channel, Cbor]) expect(definition.decode(definition.encode(value).payload)).toEqual(value)
    expect(channel.validate(value)).toEqual(value)
  })

  it('is refused with the path, and without the value', () => {
    const json = bytesOf('{"celsius":1,"states":["on","SECRET"]}')
    const error = thrownBy(() => channel.decode(json))
    expect(error).toMatchObject({
      code: 'invalid-argument',
      message: 'the value does not fit at states.1: the schema refuses it',
      details: { channel: 'rooms', path: 'states.1', issues: 1 },
    })
    expect(String(error) + JSON.stringify(error)).not.toContain('SECRET')
    expect(thrownBy(() => channel.encode({ ...value, celsius: 86 }))).toMatchObject({ details: { path: 'celsius' } })
  })
})

describe('a schema that transforms', () => {
  const Events = defineChannel({
    name: 'events',
    schema: v.object({
      at: v.pipe(
        v.string(),
        v.isoTimestamp(),
        v.transform(text => new Date(text)),
      ),
      level: v.optional(v.number(), 1),
    }),
  })

  it('is sent as it goes in, and read as it comes out', () => {
    const at = '2023-11-14T22:13:20.000Z'
    const { payload } = Events.encode({ at })
    expect(new TextDecoder().decode(payload)).toBe(`{"at":"${at}"}`)
    expect(Events.decode(payload)).toEqual({ at: new Date(at), level: 1 })
  })
})

describe('a schema by hand', () => {
  const Pairs = defineChannel({ name: 'pairs', schema: pairs })
  it('is as good as any', () => {
    expect(Pairs.decode(Pairs.encode([[1, 2]]).payload)).toEqual([[1, 2]])
    expect(thrownBy(() => Pairs.decode(bytesOf('"SECRET"')))).toMatchObject({
      message: 'the value does not fit: the schema refuses it',
      details: { path: '' },
    })
    expect(thrownBy(() => Pairs.decode(bytesOf('[[1,2],[1]]')))).toMatchObject({ details: { path: 'pairs.1.symbol' } })
  })

  it.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['another version', { '~standard': { version: 2, vendor: 'x', validate: () => ({ value: 1 }) } }],
    ['no schema', { parse: () => 1 }],
  ])('is refused where it is %s', (_name, schema) => {
    expect(() => defineChannel({ name: 'a', schema: schema as StandardSchemaV1 })).toThrow(TypeError)
  })

  it('is not waited for', () => {
    const define = () => defineChannel({ name: 'a', schema: v.objectAsync({ a: v.number() }) })
    expect(define).toThrow('the schema validates asynchronously, which a channel cannot wait for')
    // One that shows it only later is refused then.
    const late: StandardSchemaV1 = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: value => {
          if (value === undefined) throw new Error('not expected')
          return Promise.reject(new Error('late'))
        },
      },
    }
    const Late = defineChannel({ name: 'a', schema: late })
    expect(() => Late.validate(1)).toThrow(TypeError)
  })
})

describe('what JSON would write as something else is refused', () => {
  const Anything = defineChannel({ name: 'a', schema: v.unknown() })
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const wide = Array.from({ length: 5 }).reduce<unknown[]>(inner => new Array(9).fill(inner), [])
  it.each<readonly [string, unknown, object]>([
    ['a date', { a: [new Date()] }, { details: { path: 'a.0' } }],
    ['bytes', { a: Uint8Array.of(1) }, { details: { path: 'a' } }],
    ['a map', new Map(), { details: { path: '' } }],
    ['an instance', { a: new (class Lamp {})() }, { details: { path: 'a' } }],
    ['undefined in a list', [1, undefined], { details: { path: '1' } }],
    ['a hole', new Array(1), { details: { path: '0' } }],
    ['a function', { toJSON: () => 1 }, { details: { path: 'toJSON' } }],
    ['a bigint', [1n], { details: { path: '0' } }],
    ['NaN', [Number.NaN], { details: { path: '0' } }],
    ['a circle', cyclic, { details: { limit: 'depthMax' } }],
    ['the same part many times over', wide, { details: { limit: 'nodesMax' } }],
    ['a key that reaches a prototype', JSON.parse('{"__proto__":1}'), {}],
  ])('%s', (_name, value, expected) => {
    expect(thrownBy(() => Anything.encode(value))).toMatchObject({ code: 'invalid-argument', ...expected })
  })

  it('and what it writes as it is goes', () => {
    const value = { a: [1, 'x', null, true, { b: {} }] }
    expect(Anything.decode(Anything.encode({ ...value, gone: undefined }).payload)).toEqual(value)
  })

  it('CBOR has bytes and dates', () => {
    const Blob = defineChannel({
      name: 'a',
      schema: v.object({ a: v.instance(Uint8Array), b: v.date() }),
      formats: [cborFormat],
    })
    const value = { a: Uint8Array.of(1), b: new Date(5) }
    expect(Blob.decode(Blob.encode(value).payload)).toEqual(value)
  })
})

describe('json schema of a foreign schema', () => {
  it('is what its library tells, of what is sent', () => {
    const schema = z.object({ level: z.number().default(1) })
    expect(defineChannel({ name: 'rooms', schema }).toJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'rooms',
      type: 'object',
      properties: { level: { type: 'number' } },
    })
    expect(defineChannel({ name: 'rooms', schema }).toJsonSchema()).not.toHaveProperty('required')
  })

  it('is what is given, or is not there', () => {
    const schema = v.number()
    const jsonSchema = { type: 'number' }
    expect(defineChannel({ name: 'a', schema, jsonSchema }).toJsonSchema()).toMatchObject(jsonSchema)
    expect(thrownBy(() => defineChannel({ name: 'a', schema }).toJsonSchema())).toMatchObject({ code: 'unsupported' })
    const noForm = defineChannel({ name: 'a', schema: z.bigint() })
    expect(thrownBy(() => noForm.toJsonSchema())).toMatchObject({ code: 'unsupported' })
  })

  it('tells when it is defined that text cannot carry it', () => {
    const asText = (schema: StandardSchemaV1) => defineChannel({ name: 'a', schema, contentType: 'text/plain' })
    expect(() => asText(z.number())).toThrow(TypeError)
    expect(asText(z.string()).encode('on').payload).toEqual(bytesOf('on'))
    // This one does not say what it is: the value tells.
    expect(thrownBy(() => asText(v.number()).encode(1))).toMatchObject({ code: 'invalid-argument' })
    expect(() => defineChannel({ name: 'a', schema: z.string(), contentType: 'application/octet-stream' })).toThrow(
      TypeError,
    )
    expect(() => defineChannel({ name: 'a', schema: z.object({ x: z.number() }), formats: [senmlJsonFormat] })).toThrow(
      TypeError,
    )
  })
})
