import { decodeUtf8, encodeUtf8 } from '../../codec/utf8.ts'
import { malformed } from './faults.ts'
import type { CoapOption } from './message.ts'
import { isCritical, optionByNumber } from './option-numbers.ts'

/** An unsigned integer in the fewest bytes that hold it, none for 0 (RFC 7252, section 3.2). */
export function uintOption(number: number, value: number): CoapOption {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw malformed(`option ${number} of ${value}, integers from 0 to 4294967295 fit`)
  }
  const length = value === 0 ? 0 : value < 0x100 ? 1 : value < 0x1_0000 ? 2 : value < 0x100_0000 ? 3 : 4
  const bytes = new Uint8Array(length)
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest
  return { number, value: bytes }
}

export function stringOption(number: number, text: string): CoapOption {
  return { number, value: encodeUtf8(text) }
}

/** Leading zeros are allowed, and mean nothing (RFC 7252, section 3.2). */
export function readUint(value: Uint8Array): number {
  let number = 0
  for (const byte of value) number = number * 256 + byte
  return number
}

/** Throws `invalid-argument` where the value is not UTF-8. */
export function readString(value: Uint8Array): string {
  return decodeUtf8(value)
}

export function findOption(options: readonly CoapOption[], number: number): Uint8Array | undefined {
  for (const option of options) {
    if (option.number === number) return option.value
    if (option.number > number) return undefined
  }
  return undefined
}

export function findUint(options: readonly CoapOption[], number: number): number | undefined {
  const value = findOption(options, number)
  return value === undefined ? undefined : readUint(value)
}

export function findStrings(options: readonly CoapOption[], number: number): string[] {
  const found: string[] = []
  for (const option of options) {
    if (option.number === number) found.push(readString(option.value))
    else if (option.number > number) break
  }
  return found
}

export interface WeighedOptions {
  /** What the reader knows, each as its definition has it. */
  readonly options: readonly CoapOption[]
  /** The first critical option that the reader does not know, or that is not as its definition has it: 4.02, or a reset. */
  readonly refused: number | undefined
}

/**
 * Keeps what the reader knows. One whose length is outside of its definition, and one that may not be repeated and is,
 * count as unknown: elective ones are left out, critical ones refuse the message (RFC 7252, sections 5.4.1, 5.4.3 and 5.4.5).
 */
export function weighOptions(options: readonly CoapOption[], known: ReadonlySet<number>): WeighedOptions {
  let refused: number | undefined
  let kept: CoapOption[] | undefined
  let last = -1
  for (let i = 0; i < options.length; i++) {
    const option = options[i]!
    const isTaken = known.has(option.number) && isWellFormed(option, option.number === last)
    last = option.number
    if (isTaken) {
      kept?.push(option)
      continue
    }
    if (isCritical(option.number)) refused ??= option.number
    kept ??= options.slice(0, i)
  }
  return { options: kept ?? options, refused }
}

function isWellFormed({ number, value }: CoapOption, repeated: boolean): boolean {
  const descriptor = optionByNumber(number)
  if (descriptor === undefined) return true
  const { bytesMin, bytesMax, repeatable } = descriptor
  return value.length >= bytesMin && value.length <= bytesMax && (repeatable || !repeated)
}
