import { malformed, pastTheEnd } from './faults.ts'
import type { CoapOption } from './message.ts'
import { noBytes } from './message.ts'

const payloadMarker = 0xff
const numberMax = 0xffff

export interface DecodedOptions {
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array
}

/**
 * Reads options and payload from `start` to the end of the bytes (RFC 7252, section 3.1), the same on every transport.
 * Values and payload are views. Linear. Throws `invalid-argument`.
 */
export function decodeOptions(bytes: Uint8Array, start: number): DecodedOptions {
  const options: CoapOption[] = []
  const end = bytes.length
  let number = 0
  let at = start
  while (at < end) {
    const head = bytes[at++]!
    if (head === payloadMarker) {
      if (at === end) throw malformed('a payload marker and no payload')
      return { options, payload: bytes.subarray(at) }
    }
    let delta = head >> 4
    let length = head & 0x0f
    if (delta > 12) {
      const size = extensionSize(delta, 'delta')
      delta = readExtension(bytes, at, delta)
      at += size
    }
    if (length > 12) {
      const size = extensionSize(length, 'length')
      length = readExtension(bytes, at, length)
      at += size
    }
    number += delta
    if (number > numberMax) throw malformed(`option number ${number}, the limit is ${numberMax}`)
    if (length > end - at) throw pastTheEnd('option', length, end - at)
    options.push({ number, value: length === 0 ? noBytes : bytes.subarray(at, at + length) })
    at += length
  }
  return { options, payload: noBytes }
}

/** What one walk over the options of a message tells. One is used again and again. */
export interface OptionScan {
  /** The payload marker's place, or the end. */
  optionsEnd: number
  /** The end where there is no payload. */
  payloadAt: number
  /** The highest option number, -1 where there is no option. */
  numberMax: number
}

/**
 * Walks the options as `decodeOptions` does and refuses what it refuses, but makes nothing: for readers that may know the
 * bytes already. Throws `invalid-argument`.
 */
export function scanOptions(bytes: Uint8Array, start: number, scan: OptionScan): void {
  const end = bytes.length
  let number = 0
  let at = start
  scan.numberMax = -1
  while (at < end) {
    const head = bytes[at]!
    if (head === payloadMarker) break
    at += 1
    let delta = head >> 4
    let length = head & 0x0f
    if (delta > 12) {
      const size = extensionSize(delta, 'delta')
      delta = readExtension(bytes, at, delta)
      at += size
    }
    if (length > 12) {
      const size = extensionSize(length, 'length')
      length = readExtension(bytes, at, length)
      at += size
    }
    number += delta
    if (number > numberMax) throw malformed(`option number ${number}, the limit is ${numberMax}`)
    if (length > end - at) throw pastTheEnd('option', length, end - at)
    scan.numberMax = number
    at += length
  }
  if (at === end - 1) throw malformed('a payload marker and no payload')
  scan.optionsEnd = at
  scan.payloadAt = Math.min(at + 1, end)
}

/** 13 stands for one byte more, 14 for two, and 15 is kept for the payload marker. */
function extensionSize(nibble: number, part: string): number {
  if (nibble === 15) throw malformed(`option ${part} of 15, which is reserved`)
  return nibble - 12
}

function readExtension(bytes: Uint8Array, at: number, nibble: number): number {
  const size = nibble - 12
  if (at + size > bytes.length) throw pastTheEnd('option header', size, bytes.length - at)
  return size === 1 ? bytes[at]! + 13 : ((bytes[at]! << 8) | bytes[at + 1]!) + 269
}
