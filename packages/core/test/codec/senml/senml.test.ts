import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../../src/codec/base64url.ts'
import { cborCodec } from '../../../src/codec/cbor/index.ts'
import { senmlCborCodec } from '../../../src/codec/senml/cbor.ts'
import { resolveSenml, type SenmlPack, senmlJsonCodec, senmlUnits } from '../../../src/codec/senml/index.ts'
import { cborDump, packs } from './rfc8428-packs.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const decode = (text: string) => senmlJsonCodec.decode(bytesOf(text))
const resolve = (text: string, now = 1_700_000_000) => resolveSenml(decode(text), now)
const refused = (message: string) => expect.objectContaining({ code: 'invalid-argument', message })
const device = 'urn:dev:ow:10e2073a01080063'

describe('the packs of RFC 8428', () => {
  it.each(Object.entries(packs))(
    '%s is the same after decoding and encoding, as JSON and as CBOR',
    (_section, text) => {
      const pack = decode(text)
      expect(JSON.parse(textOf(senmlJsonCodec.encode(pack)))).toEqual(JSON.parse(text))
      expect(senmlCborCodec.decode(senmlCborCodec.encode(pack))).toEqual(pack)
    },
  )

  it('of section 6 is the CBOR of section 5.1.2', () => {
    const bytes = Uint8Array.from(cborDump.trim().split(/\s+/), hex => Number.parseInt(hex, 16))
    const pack = senmlCborCodec.decode(bytes)
    expect(pack).toEqual([...decode(packs['5.1.2 second']).slice(0, -1), { n: 'current', t: 0, v: 1.7 }])
    expect(senmlCborCodec.decode(senmlCborCodec.encode(pack))).toEqual(pack)
  })

  it('of section 5.1.3 resolves to what section 5.1.4 shows', () => {
    const rows = resolve(packs['5.1.3']).map(({ name, unit, time, value }) => [name, unit, time, value])
    const from = 1_320_067_464
    const position = (after: number, longitude: number, latitude: number) => [
      [device, 'lon', from + after, longitude],
      [device, 'lat', from + after, latitude],
    ]
    expect(rows).toEqual([
      [device, '%RH', from, 20],
      ...position(0, 24.30621, 60.07965),
      [device, '%RH', from + 60, 20.3],
      ...position(60, 24.30622, 60.07965),
      [device, '%RH', from + 120, 20.7],
      ...position(120, 24.30623, 60.07966),
      [device, '%EL', from + 150, 98],
      [device, '%RH', from + 180, 21.2],
      ...position(180, 24.30628, 60.07967),
    ])
  })

  it('of section 5.1.6 takes the base name of one record and the base time of another', () => {
    expect(resolve(packs['5.1.6'])).toEqual([
      { name: '2001:db8::2/temperature', unit: 'Cel', time: 1_320_078_429, value: 25.2 },
      { name: '2001:db8::2/humidity', unit: '%RH', time: 1_320_078_429, value: 30 },
      { name: '2001:db8::1/temperature', unit: 'Cel', time: 1_320_078_429, value: 12.3 },
      { name: '2001:db8::1/humidity', unit: '%RH', time: 1_320_078_429, value: 67 },
    ])
  })

  it('of section 5.1.7 has a record that is no measurement', () => {
    expect(resolve(packs['5.1.7 thermostat']).map(({ name }) => name)).toEqual(
      ['temp', 'heat', 'fan'].map(name => `${device}:${name}`),
    )
  })

  it('of section 5.1.5 has a value of each kind', () => {
    expect(resolve(packs['5.1.5']).map(({ value }) => value)).toEqual([23.1, 'Machine Room', false, bytesOf('hi \n')])
  })
})

describe('resolving', () => {
  it('counts times below 2^28 from now, and puts all in order', () => {
    const text = `[{"n":"a","v":1},{"n":"b","t":-5,"v":2},{"n":"c","t":${2 ** 28},"v":3},{"n":"d","t":${2 ** 28 - 1},"v":4}]`
    expect(resolve(text, 1_000_000_000).map(({ name, time }) => [name, time])).toEqual([
      ['c', 2 ** 28],
      ['b', 999_999_995],
      ['a', 1_000_000_000],
      ['d', 1_000_000_000 + 2 ** 28 - 1],
    ])
  })

  it('adds base values and base sums, each to its own', () => {
    const text =
      '[{"bn":"m","bv":10,"bs":100,"v":1,"s":2},{"v":2},{"s":3},{"vs":"x"},{"bs":5,"bv":1,"n":"-x"},{"bv":2},{"bn":"k","bs":1,"u":"J"}]'
    expect(resolve(text).map(({ name, value, sum }) => [name, value, sum])).toEqual([
      ['m', 11, 102],
      ['m', 12, 100],
      ['m', undefined, 103],
      ['m', 'x', 100],
      ['m-x', undefined, 5],
      ['k', undefined, 1],
    ])
  })

  it('keeps the unit of a record, or takes that of the base', () => {
    const text = '[{"bn":"m","bu":"W","v":1},{"u":"V","v":2,"ut":30},{"bu":"A","v":3}]'
    expect(resolve(text).map(({ unit, updateSeconds }) => [unit, updateSeconds])).toEqual([
      ['W', undefined],
      ['V', 30],
      ['A', undefined],
    ])
  })

  it.each([
    ['[{"v":1}]', 'record 1 has no name'],
    ['[{"n":"a","v":1},{"n":"-a","v":1}]', 'record 2 has a name with a character that is not allowed there'],
    ['[{"n":"a b","v":1}]', 'record 1 has a name with a character that is not allowed there'],
    ['[{"n":"a\\n","v":1}]', 'record 1 has a name with a character that is not allowed there'],
    ['[{"n":"a","bv":1e308,"v":1e308}]', 'record 1 adds up to more than a float holds'],
  ])('refuses %s', (text, message) => {
    expect(() => resolve(text)).toThrow(refused(message))
  })

  it('gives one measurement for each record with a value, each of them absolute and with a name', () => {
    fc.assert(
      fc.property(packArbitrary, fc.integer({ min: 2 ** 28, max: 2 ** 33 }), (pack, now) => {
        const measurements = resolveSenml(pack, now)
        expect(measurements.length).toBe(pack.length)
        const times = measurements.map(({ time }) => time)
        expect(times).toEqual([...times].sort((a, b) => a - b))
        // What is resolved is resolved: nothing changes when it is taken for a pack.
        const again = measurements.map(({ name, unit, time, value }) => ({
          n: name,
          u: unit,
          t: time,
          v: value as number,
        }))
        const before = measurements.filter(({ time }) => time >= 2 ** 28)
        expect(
          resolveSenml(
            again.filter(({ t }) => t >= 2 ** 28),
            now,
          ),
        ).toEqual(before)
      }),
    )
  })
})

const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', '/', '9'), minLength: 1, maxLength: 6 })
const number = fc.double({ min: -1e9, max: 1e9, noNaN: true })
const packArbitrary: fc.Arbitrary<SenmlPack> = fc
  .array(fc.record({ n: text, v: number, t: fc.integer({ min: -1000, max: 2 ** 32 }) }, { requiredKeys: ['n', 'v'] }), {
    minLength: 1,
    maxLength: 8,
  })
  .map(([first, ...rest]) => [{ ...first!, bn: 'base:' }, ...rest])

const recordArbitrary = fc.record(
  {
    bn: fc.constant('a'),
    bt: number,
    bu: text,
    bv: number,
    bs: number,
    n: text,
    u: text,
    s: number,
    t: number,
    ut: number,
    v: number,
  },
  { requiredKeys: ['v'] },
)
const otherValue = fc.oneof(
  fc.record({ vs: fc.string({ unit: 'binary' }) }),
  fc.record({ vb: fc.boolean() }),
  fc.record({ vd: fc.uint8Array({ maxLength: 20 }) }),
)

describe('a pack', () => {
  it('comes back as it was, as JSON and as CBOR', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(recordArbitrary, otherValue), { minLength: 1, maxLength: 6 }), pack => {
        // JSON and our CBOR have one zero.
        const plain = pack.map(record =>
          Object.fromEntries(Object.entries(record).map(([label, value]) => [label, value === 0 ? 0 : value])),
        ) as SenmlPack
        expect(senmlJsonCodec.decode(senmlJsonCodec.encode(plain))).toEqual(plain)
        expect(senmlCborCodec.decode(senmlCborCodec.encode(plain))).toEqual(plain)
      }),
    )
  })

  it.each([
    ['{}', 'a senml pack is a list of at least one record'],
    ['[]', 'a senml pack is a list of at least one record'],
    ['[7]', 'record 1 is no map of fields'],
    ['[[]]', 'record 1 is no map of fields'],
    ['[{}]', 'record 1 has no value and no sum'],
    ['[{"n":"a"}]', 'record 1 has no value and no sum'],
    ['[{"n":"a","v":1},{"bn":"b","n":"a"}]', 'record 2 has no value and no sum'],
    ['[{"n":"a","v":1,"vs":"1"}]', 'record 1 has 2 values, allowed is one'],
    ['[{"n":"a","v":"1"}]', 'record 1: v is no number'],
    ['[{"n":1,"v":1}]', 'record 1: n is no text'],
    ['[{"n":"a","vb":1}]', 'record 1: vb is no boolean'],
    ['[{"n":"a","vd":1}]', 'record 1: vd is no bytes'],
    ['[{"n":"a","vd":"aGkgCg=="}]', 'base64url text has another character at index 6'],
    ['[{"n":"a","v":1,"mtu_":1}]', 'record 1 has a field that must be understood, and is not known'],
    ['[{"n":"a","v":1,"bver":11}]', 'a senml pack of version 11, known is up to 10'],
    ['[{"n":"a","v":1,"bver":0}]', 'record 1: bver is no positive integer'],
    ['[{"n":"a","v":1,"bver":5},{"n":"a","v":1,"bver":6}]', 'record 2 has version 6, those before have 5'],
    ['[{"n":"a","v":1},{"n":"a","v":1,"bver":5}]', 'record 2 has version 5, those before have 10'],
  ])('is refused: %s', (json, message) => {
    expect(() => decode(json)).toThrow(refused(message))
  })

  it('may have fields that nobody knows', () => {
    expect(decode('[{"n":"a","v":1,"extra":{"deep":[1]},"constructor2":1}]')).toEqual([{ n: 'a', v: 1 }])
    const map = new Map<unknown, unknown>([
      [0, 'a'],
      [2, 1],
      [99, 'no such number'],
      ['extra', true],
      ['v', 'not this one'],
    ])
    expect(senmlCborCodec.decode(cborCodec.encode([map]))).toEqual([{ n: 'a', v: 1 }])
    map.set('mtu_', 1)
    expect(() => senmlCborCodec.decode(cborCodec.encode([map]))).toThrow(
      refused('record 1 has a field that must be understood, and is not known'),
    )
  })

  it('may use a decimal fraction, and the version with secondary units', () => {
    // 27.3 as 4([-1, 273]), RFC 8949, section 3.4.4.
    const bytes = Uint8Array.of(0x81, 0xa3, 0x00, 0x61, 0x61, 0x02, 0xc4, 0x82, 0x20, 0x19, 0x01, 0x11, 0x20, 0x18, 26)
    expect(senmlCborCodec.decode(bytes)).toEqual([{ n: 'a', v: 27.3, bver: 26 }])
  })

  it('is never a cause of another error than invalid-argument', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
        for (const codec of [senmlJsonCodec, senmlCborCodec]) {
          try {
            codec.decode(bytes)
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid-argument' })
          }
        }
      }),
    )
  })
})

describe('base64url', () => {
  it('is what Node makes of it, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        const encoded = Buffer.from(bytes).toString('base64url')
        expect(encodeBase64url(bytes)).toBe(encoded)
        expect(decodeBase64url(encoded)).toEqual(bytes)
      }),
    )
  })

  it.each(['a', 'aaaaa', 'a+==', 'a b', 'ä'])('has no %s', word => {
    expect(() => decodeBase64url(word)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })
})

it('the units registry knows a symbol from its deprecated look-alike', () => {
  expect(senmlUnits.get('Cel')).toEqual({ measures: 'temperature in degrees Celsius', deprecated: false })
  expect(senmlUnits.get('%')?.deprecated).toBe(true)
  expect(senmlUnits.get('degC')).toBeUndefined()
  expect(senmlUnits.size).toBe(58)
})
