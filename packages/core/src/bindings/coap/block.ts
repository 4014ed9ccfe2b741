import { malformed } from './faults.ts'
import type { CoapOption } from './message.ts'
import { readUint, uintOption } from './option-values.ts'

/** A Block1 or Block2 option's value (RFC 7959, section 2.2). */
export interface Block {
  /** Which block, from 0; in units of its own size. */
  readonly number: number
  readonly more: boolean
  /** 0 to 6: blocks of 16 to 1,024 bytes. */
  readonly sizeExponent: number
}

export const sizeExponentMax = 6
const numberMax = 0xf_ffff

export function blockBytes(sizeExponent: number): number {
  return 16 << sizeExponent
}

/** Where in the body the block begins. */
export function blockOffset({ number, sizeExponent }: Block): number {
  return number * blockBytes(sizeExponent)
}

/** Throws `invalid-argument` for size exponent 7, which is reserved (RFC 7959, section 2.2). */
export function parseBlock(value: Uint8Array): Block {
  const packed = readUint(value)
  const sizeExponent = packed & 7
  if (sizeExponent > sizeExponentMax) throw malformed('block size exponent of 7, which is reserved')
  return { number: Math.floor(packed / 16), more: (packed & 8) !== 0, sizeExponent }
}

export function blockOption(optionNumber: number, { number, more, sizeExponent }: Block): CoapOption {
  if (number > numberMax) throw malformed(`block number ${number}, the limit is ${numberMax}`)
  return uintOption(optionNumber, number * 16 + (more ? 8 : 0) + sizeExponent)
}

export interface Slice {
  readonly block: Block
  readonly bytes: Uint8Array
}

/** The block of a body, in blocks of at most `sizeExponent`; `undefined` where the body ends before it begins. */
export function sliceBody(body: Uint8Array, wanted: Block, sizeExponent: number): Slice | undefined {
  // A smaller size than wanted starts at the same byte (RFC 7959, section 2.4): the number grows as the size shrinks.
  const exponent = Math.min(wanted.sizeExponent, sizeExponent)
  const offset = blockOffset(wanted)
  if (offset >= body.length && offset > 0) return undefined
  const end = offset + blockBytes(exponent)
  const block = { number: offset / blockBytes(exponent), more: end < body.length, sizeExponent: exponent }
  return { block, bytes: body.subarray(offset, end) }
}

/** The largest block whose bytes fit, `undefined` where not even 16 do. */
export function exponentThatFits(bytes: number): number | undefined {
  if (bytes < 16) return undefined
  return Math.min(sizeExponentMax, Math.floor(Math.log2(bytes)) - 4)
}
