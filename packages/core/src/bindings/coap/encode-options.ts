import { malformed } from './faults.ts'
import type { CoapOption } from './message.ts'

const lengthMax = 0xffff + 269

/** The options by ascending number, those of one number as they were: what the delta encoding needs. */
export function sortOptions(options: readonly CoapOption[]): readonly CoapOption[] {
  for (let i = 1; i < options.length; i++) {
    if (options[i]!.number < options[i - 1]!.number) return [...options].sort((a, b) => a.number - b.number)
  }
  return options
}

/** Bytes that sorted options and a payload take. Throws `invalid-argument` for what no message can hold. */
export function measureOptions(options: readonly CoapOption[], payload: Uint8Array): number {
  let bytes = payload.length === 0 ? 0 : payload.length + 1
  let last = 0
  for (const { number, value } of options) {
    if (!Number.isInteger(number) || number < 0 || number > 0xffff) {
      throw malformed(`option number ${number}, integers from 0 to 65535 fit`)
    }
    if (value.length > lengthMax) throw malformed(`option of ${value.length} bytes, the limit is ${lengthMax}`)
    bytes += 1 + extensionBytes(number - last) + extensionBytes(value.length) + value.length
    last = number
  }
  return bytes
}

/** Writes what was measured, and returns where it ends. */
export function writeOptions(
  options: readonly CoapOption[],
  payload: Uint8Array,
  target: Uint8Array,
  start: number,
): number {
  let at = start
  let last = 0
  for (const { number, value } of options) {
    const delta = number - last
    last = number
    target[at++] = (nibble(delta) << 4) | nibble(value.length)
    at = writeExtension(delta, target, at)
    at = writeExtension(value.length, target, at)
    target.set(value, at)
    at += value.length
  }
  if (payload.length === 0) return at
  target[at++] = 0xff
  target.set(payload, at)
  return at + payload.length
}

function extensionBytes(value: number): number {
  return value < 13 ? 0 : value < 269 ? 1 : 2
}

function nibble(value: number): number {
  return value < 13 ? value : value < 269 ? 13 : 14
}

function writeExtension(value: number, target: Uint8Array, at: number): number {
  if (value < 13) return at
  if (value < 269) {
    target[at] = value - 13
    return at + 1
  }
  target[at] = (value - 269) >> 8
  target[at + 1] = value - 269
  return at + 2
}
