import { cborCodec } from '../codec/cbor/index.ts'
import type { Format } from './format.ts'
import { checkExtent } from './formats.ts'

/** CBOR (RFC 8949), and every media type that ends in `+cbor` but those of SenML. Bytes and times are CBOR's own. */
export const cborFormat: Format = {
  contentTypes: ['application/cbor'],
  suffix: '+cbor',
  carrierFor(content) {
    if (content.kind !== 'foreign') checkExtent(content, 'cbor')
    return { encode: cborCodec.encode, decode: cborCodec.decode }
  },
}
