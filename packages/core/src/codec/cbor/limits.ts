import { type DataLimits, defaultDataLimits } from '../data-limits.ts'

/**
 * Limits for CBOR. Every data item is a node: keys, tags and the chunks of an indefinite-length string too. A tag is
 * one level of depth.
 */
export interface CborLimits extends DataLimits {
  /** Bytes of a bignum: what a bignum costs to build grows with the square of them. */
  readonly bignumBytesMax: number
}

/** The safe defaults of `shared/LIMITS.md`. */
export const defaultCborLimits: CborLimits = { ...defaultDataLimits, bignumBytesMax: 32 }
