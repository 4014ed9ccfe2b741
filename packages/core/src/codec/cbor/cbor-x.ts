// The build that never compiles code from input, for it has no `Function` constructor: it also runs under a
// Content-Security-Policy. This is the one file that imports cbor-x.
import { Decoder, Encoder } from 'cbor-x/index-no-eval'

/** What we use of cbor-x. Its own types name Node's `Buffer` and streams. */
interface CborX {
  /** Only for what `scanCbor` gave back. */
  decode(bytes: Uint8Array): unknown
  /** Only for what `toEncodable` gave back. A view into a buffer that holds other messages too. */
  encode(value: unknown): Uint8Array
}

const options = {
  // Records are definitions in the data of how to read the data.
  useRecords: false,
  // Otherwise keys that are numbers would become text, and objects would have a prototype.
  mapsAsObjects: false,
  // A map is a map: without this it would be written with tag 259.
  useTag259ForMaps: false,
  // Bytes are a byte string: without this they would be written with tag 64.
  tagUint8Array: false,
  // Decoded bytes must not change when the buffer that they came in is used again.
  copyBuffers: true,
}

/** An `Encoder` decodes too, but keeps record structures; so there is one of each. */
export function cborX(): CborX {
  const decoder = new Decoder({ ...options })
  const encoder = new Encoder({ ...options })
  return {
    decode: bytes => decoder.decode(bytes),
    encode: value => encoder.encode(value),
  }
}
