import { ThingmeshError } from '../errors/index.ts'
import type { Codec } from './codec.ts'

/** Bytes as they are: the very array, not a copy. */
export const bytesCodec: Codec<Uint8Array> = {
  contentTypes: ['application/octet-stream'],
  encode(value) {
    if (!(value instanceof Uint8Array)) {
      throw new ThingmeshError('invalid-argument', `expected a Uint8Array, got ${typeof value}`)
    }
    return value
  },
  decode: bytes => bytes,
}
