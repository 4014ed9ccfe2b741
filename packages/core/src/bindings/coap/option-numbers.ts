/** RFC 7252, section 12.2, and the registry that it made: RFC 7641, 7959, 7967, 8613, 8768, 9175, 9177. */
export const OptionNumber = {
  ifMatch: 1,
  uriHost: 3,
  eTag: 4,
  ifNoneMatch: 5,
  observe: 6,
  uriPort: 7,
  locationPath: 8,
  oscore: 9,
  uriPath: 11,
  contentFormat: 12,
  maxAge: 14,
  uriQuery: 15,
  hopLimit: 16,
  accept: 17,
  qBlock1: 19,
  locationQuery: 20,
  block2: 23,
  block1: 27,
  size2: 28,
  qBlock2: 31,
  proxyUri: 35,
  proxyScheme: 39,
  size1: 60,
  echo: 252,
  noResponse: 258,
  requestTag: 292,
} as const

export type OptionFormat = 'empty' | 'opaque' | 'uint' | 'string'

export interface OptionDescriptor {
  readonly number: number
  readonly name: keyof typeof OptionNumber
  readonly format: OptionFormat
  readonly bytesMin: number
  readonly bytesMax: number
  readonly repeatable: boolean
}

export const optionTable: readonly OptionDescriptor[] = [
  option('ifMatch', 'opaque', 0, 8, true),
  option('uriHost', 'string', 1, 255),
  option('eTag', 'opaque', 1, 8, true),
  option('ifNoneMatch', 'empty', 0, 0),
  option('observe', 'uint', 0, 3),
  option('uriPort', 'uint', 0, 2),
  option('locationPath', 'string', 0, 255, true),
  option('oscore', 'opaque', 0, 255),
  option('uriPath', 'string', 0, 255, true),
  option('contentFormat', 'uint', 0, 2),
  option('maxAge', 'uint', 0, 4),
  option('uriQuery', 'string', 0, 255, true),
  option('hopLimit', 'uint', 1, 1),
  option('accept', 'uint', 0, 2),
  option('qBlock1', 'uint', 0, 3),
  option('locationQuery', 'string', 0, 255, true),
  option('block2', 'uint', 0, 3),
  option('block1', 'uint', 0, 3),
  option('size2', 'uint', 0, 4),
  option('qBlock2', 'uint', 0, 3, true),
  option('proxyUri', 'string', 1, 1034),
  option('proxyScheme', 'string', 1, 255),
  option('size1', 'uint', 0, 4),
  option('echo', 'opaque', 1, 40),
  option('noResponse', 'uint', 0, 1),
  option('requestTag', 'opaque', 0, 8, true),
]

const byNumber: ReadonlyMap<number, OptionDescriptor> = new Map(optionTable.map(entry => [entry.number, entry]))

export function optionByNumber(number: number): OptionDescriptor | undefined {
  return byNumber.get(number)
}

/** Who does not know it must not go on without it (RFC 7252, section 5.4.1). */
export function isCritical(number: number): boolean {
  return (number & 1) === 1
}

/** A proxy that does not know it must not forward the message (section 5.4.2). */
export function isUnsafe(number: number): boolean {
  return (number & 2) === 2
}

/** Not part of what a cache finds a response by (section 5.4.6). Only of options that are safe to forward. */
export function isNoCacheKey(number: number): boolean {
  return (number & 0x1e) === 0x1c
}

function option(
  name: keyof typeof OptionNumber,
  format: OptionFormat,
  bytesMin: number,
  bytesMax: number,
  repeatable = false,
): OptionDescriptor {
  return { number: OptionNumber[name], name, format, bytesMin, bytesMax, repeatable }
}
