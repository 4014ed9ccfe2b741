import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { cborFormat } from '../../src/schema/cbor.ts'
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
import { thrownBy } from './thrown-by.ts'

const Telemetry = defineChannel({
  name: 'telemetry',
  description: 'what the rooms are like',
  fields: {
    temperature: number({ unit: 'Cel', min: -40, max: 85 }),
    open: boolean(),
    label: string({ lengthMax: 32 }).optional(),
    at: time().optional(),
    raw: bytes({ lengthMax: 4 }).optional(),
    readings: list(object({ watts: integer() }), { itemsMax: 10 }).optional(),
  },
})

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (payload: Uint8Array) => new TextDecoder().decode(payload)

describe('a channel of fields', () => {
  it('writes JSON, with bytes and times as text', () => {
    const value = { temperature: 21.5, open: false, at: new Date(1_700_000_000_123), raw: Uint8Array.of(255, 239) }
    const { payload, contentType } = Telemetry.encode(value)
    expect(contentType).toBe('application/json')
    expect(textOf(payload)).toBe('{"temperature":21.5,"open":false,"at":"2023-11-14T22:13:20.123Z","raw":"_-8"}')
    expect(Telemetry.decode(payload, contentType)).toEqual(value)
  })

  it.each([
    ['{"temperature":1,"open":true,"at":"2023-11-14T23:13:20+01:00"}', new Date(1_700_000_000_000)],
    ['{"temperature":1,"open":true,"at":"2023-11-14t22:13:20.5z"}', new Date(1_700_000_000_500)],
  ])('reads a time as RFC 3339 has it: %s', (json, at) => {
    expect(Telemetry.decode(bytesOf(json))).toEqual({ temperature: 1, open: true, at })
  })

  it.each([
    ['{"temperature":200,"open":true}', 'temperature', 'expected at most 85'],
    ['{"open":true}', 'temperature', 'is missing'],
    ['{"temperature":1,"open":"SECRET"}', 'open', 'expected true or false, found text'],
    ['{"temperature":1,"open":true,"at":"14 Nov 2023"}', 'at', 'expected a time, found text'],
    ['{"temperature":1,"open":true,"at":"2023-13-14T22:13:20Z"}', 'at', 'expected a time, found text'],
    ['{"temperature":1,"open":true,"at":"2023-02-29T22:13:20Z"}', 'at', 'expected a time, found text'],
    ['{"temperature":1,"open":true,"at":"2023-11-14T24:00:00Z"}', 'at', 'expected a time, found text'],
    ['{"temperature":1,"open":true,"at":"2023-11-14T22:60:20Z"}', 'at', 'expected a time, found text'],
    ['{"temperature":1,"open":true,"raw":"SECRET=="}', 'raw', 'expected bytes, found text'],
    ['{"temperature":1,"open":true,"raw":"AAAAAAAA"}', 'raw', 'has 6 bytes, the limit is 4'],
    [
      '{"temperature":1,"open":true,"readings":[{"watts":1},{"watts":0.5}]}',
      'readings.1.watts',
      'expected a safe integer',
    ],
    ['["SECRET"]', '', 'expected an object, found a list'],
  ])('refuses %s with the path, and without the value', (json, path, problem) => {
    const error = thrownBy(() => Telemetry.decode(bytesOf(json)))
    expect(error).toMatchObject({
      name: 'ThingmeshError',
      code: 'invalid-argument',
      message: `the value does not fit${path === '' ? '' : ` at ${path}`}: ${problem}`,
      details: { channel: 'telemetry', path, issues: 1 },
    })
    expect(String(error) + JSON.stringify(error)).not.toContain('SECRET')
  })

  it('passes over members of a newer device, and does not let its own be misspelt', () => {
    expect(Telemetry.decode(bytesOf('{"temperature":1,"open":true,"humidity":40}'))).toEqual({
      temperature: 1,
      open: true,
    })
    const misspelt = { temperature: 1, open: true, lable: 'x' }
    expect(Telemetry.validate(misspelt)).toEqual({ temperature: 1, open: true })
    expect(thrownBy(() => Telemetry.encode(misspelt))).toMatchObject({
      code: 'invalid-argument',
      details: { path: 'lable' },
    })
    const inside = { temperature: 1, open: true, readings: [{ watts: 1, 'wa\ntts': 2 }] }
    expect(thrownBy(() => Telemetry.encode(inside))).toMatchObject({ details: { path: 'readings.0.wa?tts' } })
  })

  it('reads by the content type of the message, where it has one', () => {
    const channel = defineChannel({ name: 'doors', fields: { open: boolean() }, formats: [cborFormat] })
    const value = { open: true }
    expect(channel.contentType).toBe('application/cbor')
    const { payload } = channel.encode(value)
    expect([...payload]).toEqual([0xa1, 0x64, ...bytesOf('open'), 0xf5])
    const json = bytesOf('{"open":true}')
    for (const type of ['application/cbor', ' Application/CBOR; q=1', 'application/acme+cbor', '', undefined])
      expect(channel.decode(payload, type)).toEqual(value)
    for (const type of ['application/json;charset=utf-8', 'application/acme+json'])
      expect(channel.decode(json, type)).toEqual(value)
    expect(thrownBy(() => channel.decode(json))).toMatchObject({ code: 'invalid-argument' })
    for (const type of ['image/png', 'text/plain', 'application/octet-stream', 'application/senml+json', 'a\r\nb: c']) {
      const error = thrownBy(() => channel.decode(json, type))
      expect(error).toMatchObject({ code: 'unsupported', details: { channel: 'doors' } })
      expect(JSON.stringify(error)).not.toContain('\\n')
    }
  })

  it('may send JSON, and read more than that', () => {
    const options = { name: 'doors', fields: { open: boolean() }, contentType: 'application/json' } as const
    const channel = defineChannel({ ...options, formats: [cborFormat] })
    expect(textOf(channel.encode({ open: true }).payload)).toBe('{"open":true}')
    expect(channel.decode(Uint8Array.of(0xa1, 0x64, ...bytesOf('open'), 0xf4), 'application/cbor')).toEqual({
      open: false,
    })
  })

  it('may be of one value, as text or as bytes', () => {
    const State = defineChannel({
      name: 'state',
      schema: choice(['ON', 'OFF']),
      contentType: 'text/plain;charset=utf-8',
    })
    expect(State.encode('ON')).toEqual({ payload: bytesOf('ON'), contentType: 'text/plain;charset=utf-8' })
    expect(State.decode(bytesOf('OFF'), 'text/plain')).toBe('OFF')
    expect(State.decode(bytesOf('"OFF"'), 'application/json')).toBe('OFF')
    expect(thrownBy(() => State.decode(bytesOf('OFF'), 'text/plain;charset=utf-16'))).toMatchObject({
      code: 'unsupported',
    })
    expect(thrownBy(() => State.decode(bytesOf('off')))).toMatchObject({ code: 'invalid-argument' })
    const Firmware = defineChannel({ name: 'firmware', schema: bytes(), contentType: 'application/octet-stream' })
    expect(Firmware.decode(Firmware.encode(Uint8Array.of(0, 255)).payload)).toEqual(Uint8Array.of(0, 255))
  })
})

describe('what no payload could carry is refused when it is defined', () => {
  const deep = (levels: number): Field<unknown> => (levels === 0 ? number() : list(deep(levels - 1), { itemsMax: 1 }))
  it.each([
    [
      'fields as text',
      () => defineChannel({ name: 'a', fields: { x: string() }, contentType: 'text/plain' }),
      'text/plain carries text and nothing else',
    ],
    [
      'a number as text',
      () => defineChannel({ name: 'a', schema: number(), contentType: 'text/plain' }),
      'text/plain carries text and nothing else',
    ],
    [
      'text as bytes',
      () => defineChannel({ name: 'a', schema: string(), contentType: 'application/octet-stream' }),
      'application/octet-stream carries bytes and nothing else',
    ],
    [
      'CBOR without its format',
      () => defineChannel({ name: 'a', schema: number(), contentType: 'application/cbor' }),
      'no format is given for application/cbor',
    ],
    [
      'a content type of nothing',
      () => defineChannel({ name: 'a', schema: number(), contentType: '' }),
      'the content type is no media type',
    ],
    [
      'more levels than JSON may have',
      () => defineChannel({ name: 'a', schema: deep(17) }),
      'a value is 17 levels deep, the limit is 16',
    ],
    [
      'more nodes than JSON may have',
      () => defineChannel({ name: 'a', schema: list(list(number())) }),
      'a value may have 65793 nodes, the limit is 10000',
    ],
    [
      'more nodes than CBOR may have',
      () =>
        defineChannel({
          name: 'a',
          schema: list(object({ a: number(), b: time() }), { itemsMax: 1999 }),
          formats: [cborFormat],
        }),
      'a value may have 11995 nodes, the limit is 10000',
    ],
  ])('%s', (_name, define, message) => {
    expect(thrownBy(define)).toBeInstanceOf(TypeError)
    expect(define).toThrow(message)
  })

  it.each(['application/json\r\nx: y', 'text/plain;charset=latin1', `application/json;a=${'b'.repeat(255)}`])(
    'a content type that is none of ours: %j',
    contentType => {
      expect(() => defineChannel({ name: 'a', schema: string(), contentType })).toThrow(TypeError)
    },
  )

  it('and what is just within the limits is carried', () => {
    const channel = defineChannel({ name: 'a', schema: deep(16) })
    let value: unknown = 7
    for (let level = 0; level < 16; level++) value = [value]
    expect(channel.decode(channel.encode(value).payload)).toEqual(value)
    const wide = list(object({ a: number(), b: time() }), { itemsMax: 1666 })
    const rows = Array.from({ length: 1666 }, (_item, index) => ({ a: index, b: new Date(index) }))
    const Wide = defineChannel({ name: 'a', schema: wide, formats: [cborFormat] })
    expect(Wide.decode(Wide.encode(rows).payload)).toEqual(rows)
  })

  it('a name that no channel can have', () => {
    for (const name of ['', 'a/b', '#', '$SYS'])
      expect(thrownBy(() => defineChannel({ name, schema: number() }))).toMatchObject({ code: 'invalid-argument' })
  })
})

describe('what a definition exports', () => {
  it('JSON Schema 2020-12', () => {
    expect(Telemetry.toJsonSchema()).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'telemetry',
      description: 'what the rooms are like',
      type: 'object',
      properties: {
        temperature: { type: 'number', unit: 'Cel', minimum: -40, maximum: 85 },
        open: { type: 'boolean' },
        label: { type: 'string', maxLength: 32 },
        at: { type: 'string', format: 'date-time' },
        raw: { type: 'string', contentEncoding: 'base64url', maxLength: 6 },
        readings: {
          type: 'array',
          maxItems: 10,
          items: {
            type: 'object',
            properties: {
              watts: { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
            },
            required: ['watts'],
          },
        },
      },
      required: ['temperature', 'open'],
    })
  })

  it('an event of a Thing Description', () => {
    const Doors = defineChannel({ name: 'doors', description: 'front to back', fields: { open: boolean() } })
    const form = { href: 'mqtt://hub.local', 'mqv:filter': 'doors/#' }
    expect(Doors.toEventAffordance([form])).toEqual({
      title: 'doors',
      description: 'front to back',
      data: { type: 'object', properties: { open: { type: 'boolean' } }, required: ['open'] },
      forms: [{ ...form, op: ['subscribeevent', 'unsubscribeevent'], contentType: 'application/json' }],
    })
    expect(() => Doors.toEventAffordance([])).toThrow(TypeError)
  })
})

it('who imports the schema loads neither cbor-x nor SenML', () => {
  const script = (door: string) => `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
    await import(${JSON.stringify(new URL(`../../src/schema/${door}`, import.meta.url).href)})
    console.log(loaded.some(url => url.includes('cbor-x')), loaded.some(url => url.includes('senml')))`
  const run = (door: string) =>
    execFileSync(process.execPath, [
      '--conditions=@thingmesh/source',
      '--input-type=module',
      '-e',
      script(door),
    ]).toString()
  expect(run('index.ts')).toBe('false false\n')
  // The same question about the doors that do load them, so that a "no" means something.
  expect(run('cbor.ts')).toBe('true false\n')
  expect(run('senml.ts')).toBe('false true\n')
  expect(run('senml-cbor.ts')).toBe('true true\n')
})
