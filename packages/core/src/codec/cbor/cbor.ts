import { ThingmeshError } from '../../errors/index.ts'
import type { Codec } from '../codec.ts'
import { cborXDecoder } from './cbor-x.ts'
import { encodeItem } from './encoder.ts'
import { type CborLimits, defaultCborLimits } from './limits.ts'
import { toPlain } from './plain.ts'
import { scanCbor } from './scanner.ts'

/** CBOR (RFC 8949) with the default limits. */
export const cborCodec: Codec = /* @__PURE__ */ cborCodecWith({})

/**
 * CBOR (RFC 8949) with other limits; what is left out has its default.
 *
 * Decodes to numbers, bigints (integers beyond 2^53), strings, booleans, `null`, `undefined`, `Uint8Array`, `Date`
 * (tags 0 and 1), arrays, objects without a prototype (maps whose keys are all text, and the empty map) and `Map`
 * (maps with integer keys, which are numbers). A decimal fraction (tag 4) becomes the nearest number. Encodes the same; -0 becomes 0,
 * and a `Date` keeps its milliseconds as far as a 64-bit float of seconds does, which is well past the year 9999.
 */
export function cborCodecWith(limits: Partial<CborLimits>): Codec {
  const bounds: CborLimits = { ...defaultCborLimits, ...limits }
  const decode = cborXDecoder()
  return {
    contentTypes: ['application/cbor'],
    encode: value => encodeItem(value, bounds),
    decode(bytes) {
      // A view of our own: cbor-x leaves a property on what it is given, and a Node Buffer would give Buffers.
      const scanned = scanCbor(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), bounds)
      let value: unknown
      try {
        value = decode(scanned)
      } catch (error) {
        throw new ThingmeshError('invalid-argument', 'payload cannot be decoded as cbor', { cause: error })
      }
      return toPlain(value)
    },
  }
}
