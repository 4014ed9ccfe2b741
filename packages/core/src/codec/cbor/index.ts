export { cborCodec, cborCodecWith } from './cbor.ts'
export { type CborLimits, defaultCborLimits } from './limits.ts'
