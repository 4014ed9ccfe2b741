// The build that never compiles code from input, for it has no `Function` constructor: it also runs under a
// Content-Security-Policy. Without cbor-x's encoder, which is as large again, and writes integers beyond 32 bits as floats,
// values of classes as what their fields are, and bytes in a buffer that other messages are in too. This is the one file that imports cbor-x.
import { Decoder } from 'cbor-x/decode-no-eval'

const options = {
  // Records are definitions in the data of how to read the data.
  useRecords: false,
  // Otherwise keys that are numbers would become text, and objects would have a prototype.
  mapsAsObjects: false,
  // Decoded bytes must not change when the buffer that they came in is used again.
  copyBuffers: true,
}

/** Only for what `scanCbor` gave back. */
export function cborXDecoder(): (bytes: Uint8Array) => unknown {
  const decoder = new Decoder({ ...options })
  return bytes => decoder.decode(bytes)
}
