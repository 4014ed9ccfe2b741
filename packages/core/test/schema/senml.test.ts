import { describe, expect, it } from 'vitest'
import {
  boolean,
  bytes,
  defineChannel,
  type Fields,
  list,
  number,
  object,
  string,
  time,
} from '../../src/schema/index.ts'
import { senmlJsonFormat } from '../../src/schema/senml.ts'
import { packs } from '../codec/senml/rfc8428-packs.ts'
import { thrownBy } from './thrown-by.ts'

const formats = [senmlJsonFormat]
const Room = defineChannel({
  name: 'rooms',
  fields: {
    temperature: number({ unit: 'Cel' }),
    occupied: boolean().optional(),
    label: string().optional(),
    raw: bytes().optional(),
    at: time().optional(),
  },
  formats,
})
const bytesOf = (json: unknown) => new TextEncoder().encode(JSON.stringify(json))
const nowMs = 1_700_000_000_000
const read = (pack: unknown) => Room.decode(bytesOf(pack), 'application/senml+json', { nowMs })

describe('fields as SenML', () => {
  it('are records of one time', () => {
    const at = new Date(nowMs + 123)
    const value = { temperature: 21.5, occupied: true, label: 'hall', raw: Uint8Array.of(1), at }
    const { payload, contentType } = Room.encode(value)
    expect(contentType).toBe('application/senml+json')
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual([
      { bt: 1_700_000_000.123, n: 'temperature', u: 'Cel', v: 21.5 },
      { n: 'occupied', vb: true },
      { n: 'label', vs: 'hall' },
      { n: 'raw', vd: 'AQ' },
    ])
  })

  it('are found by their names, whatever is in front of them and beside them', () => {
    const pack = [
      { bn: 'urn:dev:ow:10e2073a01080063:', bt: 1_700_000_000, bu: 'Cel', bv: 20, n: 'temperature', v: 1.5 },
      { n: 'humidity', u: '%RH', v: 40 },
      { n: 'label', vs: 'hall' },
    ]
    expect(read(pack)).toEqual({ temperature: 21.5, label: 'hall', at: new Date(nowMs) })
    expect(read([{ bn: 'temp', n: 'erature', v: 3 }])).toEqual({ temperature: 3 })
  })

  it('are read from the packs of the RFC', () => {
    const Current = defineChannel({
      name: 'power',
      fields: { voltage: number({ unit: 'V' }), current: number({ unit: 'A' }), at: time() },
      formats,
    })
    const pack = new TextEncoder().encode(packs['5.1.2 first'])
    expect(Current.decode(pack, 'application/senml+json', { nowMs })).toEqual({
      voltage: 120.1,
      current: 1.2,
      at: new Date(nowMs),
    })
  })

  it('are of now where the pack has no time, for who has to know', () => {
    const fields = { temperature: number(), at: time() }
    const pack = bytesOf([{ n: 'temperature', v: 1 }])
    const Needed = defineChannel({ name: 'rooms', fields, formats })
    expect(Needed.decode(pack, '', { nowMs })).toEqual({ temperature: 1, at: new Date(nowMs) })
    expect(read([{ n: 'temperature', v: 1 }])).toEqual({ temperature: 1 })
    expect(read([{ n: 'temperature', v: 1, t: -60 }])).toEqual({ temperature: 1, at: new Date(nowMs - 60_000) })
    // Without the option it is counted from the clock.
    const at = Number(Needed.decode(pack).at)
    expect(Math.abs(Date.now() - at)).toBeLessThan(60_000)
  })

  it.each([
    ['another unit', [{ n: 'temperature', u: 'K', v: 294 }], 'temperature', 'is in another unit than Cel'],
    [
      'a value twice',
      [
        { n: 'temperature', v: 1 },
        { n: 'temperature', v: 2 },
      ],
      'temperature',
      'the pack has more than one measurement of it',
    ],
    [
      'two times',
      [
        { n: 'temperature', v: 1, t: -1 },
        { n: 'label', vs: 'x' },
      ],
      'at',
      'the measurements of the pack are of more than one time',
    ],
    ['a value of another kind', [{ n: 'temperature', vs: 'warm' }], 'temperature', 'expected a number, found text'],
    ['nothing of what is needed', [{ n: 'humidity', v: 1 }], 'temperature', 'is missing'],
    ['a time beyond all years', [{ n: 'temperature', v: 1, t: 1e300 }], 'at', 'expected a time of the years 0 to 9999'],
  ])('are refused with %s', (_name, pack, path, problem) => {
    expect(thrownBy(() => read(pack))).toMatchObject({
      code: 'invalid-argument',
      message: `the value does not fit at ${path}: ${problem}`,
      details: { path },
    })
  })

  it('are refused where SenML has no form for the value', () => {
    const Optional = defineChannel({ name: 'a', fields: { x: number().optional(), at: time().optional() }, formats })
    expect(thrownBy(() => Optional.encode({}))).toMatchObject({ code: 'invalid-argument', details: { path: '' } })
    expect(thrownBy(() => Optional.encode({ at: new Date() }))).toMatchObject({ details: { path: '' } })
    const early = new Date(2 ** 28 * 1000 - 1)
    expect(thrownBy(() => Optional.encode({ x: 1, at: early }))).toMatchObject({ details: { path: 'at' } })
    const first = { x: 1, at: new Date(2 ** 28 * 1000) }
    expect(Optional.decode(Optional.encode(first).payload)).toEqual(first)
  })

  it.each<readonly [string, Fields, string]>([
    ['a list', { x: list(number()) }, 'senml has no list: x'],
    ['fields within fields', { x: object({ y: number() }) }, 'senml has no record: x'],
    ['two times', { a: time(), b: time() }, 'a senml pack has one time, these are two: a, b'],
    ['a unit that nobody knows', { x: number({ unit: 'degC' }) }, 'senml has no unit degC: x'],
    ['a deprecated unit', { x: number({ unit: '%' }) }, 'the unit % is deprecated in senml: x'],
    ['a name that SenML has not', { 'a b': number() }, 'senml has no name with such characters: a b'],
    [
      'too many',
      Object.fromEntries(Array.from({ length: 1001 }, (_x, n) => [`f${n}`, number()])),
      'a pack has 1001 fields, the limit is 1000',
    ],
  ])('are refused when they are defined: %s', (_name, fields, message) => {
    const define = () => defineChannel({ name: 'a', fields, formats })
    expect(define).toThrow(TypeError)
    expect(define).toThrow(message)
  })

  it('may be a thousand', () => {
    const names = Array.from({ length: 1000 }, (_x, n) => `f${n}`)
    const fields = Object.fromEntries(names.map(name => [name, number({ unit: 'W' })]))
    const channel = defineChannel({ name: 'a', fields, formats })
    const value = Object.fromEntries(names.map((name, n) => [name, n]))
    expect(channel.decode(channel.encode(value).payload)).toEqual(value)
  })

  it('and nothing but fields', () => {
    expect(() => defineChannel({ name: 'a', schema: number(), formats })).toThrow(TypeError)
  })
})
