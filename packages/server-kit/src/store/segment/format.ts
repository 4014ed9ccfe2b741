import type { Delivery } from '@thingmesh/core'

/*
 * A segment, version 1. Numbers are little-endian; `varint` is 7 bits a byte, lowest first.
 *
 *   header     magic u32, version u8, 3 zero bytes, rows u32, dictionary offset u32, base sequence f64, base ms f64
 *   row        flags u8, varint |sequence - base|, varint |acceptedAtMs - base|, varint topic, varint source,
 *              varint payload length, varint properties length (only with the flag), payload, properties
 *   dictionary varint n, n terms (varint length, UTF-8)
 *              varint n, n topics (varint domain term, varint length, UTF-8)
 *              varint n, n sources (varint terms of origin, epoch, protocol, content type, then publisher and client id, each
 *              varint length, UTF-8)
 *   trailer    CRC-32 u32 of everything before it
 *
 * Rows count from one base and not from each other, so that any row can be read by its offset alone.
 */
export const magic = 0x47534d54
export const segmentVersion = 1
export const headerBytes = 32
export const trailerBytes = 4
export const offsets = { magic: 0, version: 4, rows: 8, dictionary: 12, baseSequence: 16, baseMs: 24 } as const

/** The most that a row takes in front of its payload: flags, two varints of 8 bytes, four of 5. */
export const rowHeaderBytesMax = 1 + 2 * 8 + 4 * 5

/** The signs are flags because a safe integer has no room for one. */
export const rowFlags = { delivery: 3, retain: 4, properties: 8, belowSequence: 16, beforeMs: 32 } as const

export const deliveries: readonly Delivery[] = ['at-most-once', 'at-least-once', 'exactly-once']

/** What a message counts for beside its payload and properties, in retention and in reports: its share of the rest. */
export const messageOverheadBytes = 32

/** Writes a non-negative safe integer and returns the offset behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let end = at
  while (rest > 0x7fffffff) {
    bytes[end++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest > 0x7f) {
    bytes[end++] = rest | 0x80
    rest >>>= 7
  }
  bytes[end++] = rest
  return end
}

/** A position in bytes that were checked before: reading past the end gives nonsense, never an access outside. */
export class Cursor {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  varint(): number {
    const { bytes } = this
    let byte = bytes[this.at++] as number
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    let scale = 128
    do {
      byte = bytes[this.at++] as number
      value += (byte & 0x7f) * scale
      scale *= 128
    } while (byte > 0x7f)
    return value
  }

  text(): string {
    const length = this.varint()
    this.at += length
    return this.bytes.toString('utf8', this.at - length, this.at)
  }
}
