import { Decoder, Encoder } from 'cbor-x/index-no-eval'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cborCodec } from '../../../src/codec/cbor/index.ts'

/** Somebody else's CBOR, told to write and to make of it what the standard has and nothing of its own. */
const options = {
  useRecords: false,
  mapsAsObjects: false,
  useTag259ForMaps: false,
  tagUint8Array: false,
  copyBuffers: true,
}
const theirDecoder = new Decoder(options)
const theirEncoder = new Encoder(options)

const key = fc.string({ maxLength: 8 }).filter(name => !['__proto__', 'constructor', 'prototype'].includes(name))
/** Maps, for theirs has maps where ours has objects; and no integers beyond 32 bits, which theirs writes as floats. */
const { value: common } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, undefined, '', 0, 23, 24, -24, -25, 255, 256, 65_535, 65_536, 4_294_967_295),
    fc.integer(),
    fc.double().filter(number => !Object.is(number, -0) && !Number.isSafeInteger(number)),
    fc.bigInt({ min: 1n << 53n, max: (1n << 64n) - 1n }),
    fc.string({ unit: 'grapheme', maxLength: 100 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.array(fc.tuple(fc.oneof(key, fc.integer()), tie('value')), { maxLength: 30 }).map(entries => new Map(entries)),
  ),
}))

/** A map whose keys are all text is an object with us. */
function asObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asObjects)
  if (!(value instanceof Map)) return value
  const entries = [...value].map(([name, item]): [unknown, unknown] => [name, asObjects(item)])
  if (entries.some(([name]) => typeof name !== 'string')) return new Map(entries)
  return Object.assign(Object.create(null), Object.fromEntries(entries as [string, unknown][]))
}

const plain = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)

describe('our CBOR and cbor-x', () => {
  it('read what the other writes', () => {
    const property = fc.property(common, value => {
      expect(cborCodec.decode(plain(theirEncoder.encode(value)))).toEqual(asObjects(value))
      expect(theirDecoder.decode(cborCodec.encode(value))).toEqual(value)
    })
    fc.assert(property, { numRuns: 2_000 })
  })
})
