import { malformed } from './faults.ts'

/** The largest value of a variable byte integer, and so of a remaining length (MQTT 5, section 1.5.5). */
export const variableIntegerMax = 0x0fff_ffff
export const variableIntegerBytesMax = 4

export function variableIntegerSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}

/** Writes the fewest bytes that hold the value, and returns where they end. */
export function writeVariableInteger(value: number, target: Uint8Array, start: number): number {
  let at = start
  let rest = value
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>= 7
  }
  target[at++] = rest
  return at
}

/** How many bytes the integer at `start` takes: 0 where it is not all there yet. A fifth byte is malformed. */
export function measureVariableInteger(bytes: Uint8Array, start: number, end: number): number {
  const bound = Math.min(end, start + variableIntegerBytesMax)
  for (let i = start; i < bound; i++) {
    if (bytes[i]! < 0x80) return i - start + 1
  }
  if (bound - start === variableIntegerBytesMax) {
    throw malformed('variable byte integer of more than 4 bytes', { limit: variableIntegerBytesMax })
  }
  return 0
}

export function readVariableInteger(bytes: Uint8Array, start: number, size: number): number {
  let value = 0
  for (let i = size - 1; i >= 0; i--) value = (value << 7) | (bytes[start + i]! & 0x7f)
  return value
}
