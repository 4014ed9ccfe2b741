import { ThingmeshError } from '../errors/index.ts'
import type { Codec } from './codec.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

/** Text in UTF-8, strict both ways: ill-formed bytes and lone surrogates are refused, never replaced. */
export const textCodec: Codec<string> = {
  contentTypes: ['text/plain'],
  encode(value) {
    if (typeof value !== 'string')
      throw new ThingmeshError('invalid-argument', `expected a string, got ${typeof value}`)
    return encodeUtf8(value)
  },
  decode: bytes => decodeUtf8(bytes),
}
