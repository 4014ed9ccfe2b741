export interface Vector {
  readonly hex: string
  readonly value: unknown
}

const oneTo25 = Array.from({ length: 25 }, (_, i) => i + 1)
const oneTo25Items = '0102030405060708090a0b0c0d0e0f101112131415161718181819'

/** RFC 8949, Appendix A: what we decode, as the plain data that we decode it to. */
export const decoded: readonly Vector[] = [
  { hex: '00', value: 0 },
  { hex: '01', value: 1 },
  { hex: '0a', value: 10 },
  { hex: '17', value: 23 },
  { hex: '1818', value: 24 },
  { hex: '1819', value: 25 },
  { hex: '1864', value: 100 },
  { hex: '1903e8', value: 1000 },
  { hex: '1a000f4240', value: 1000000 },
  { hex: '1b000000e8d4a51000', value: 1000000000000 },
  { hex: '1bffffffffffffffff', value: 18446744073709551615n },
  { hex: 'c249010000000000000000', value: 18446744073709551616n },
  { hex: '3bffffffffffffffff', value: -18446744073709551616n },
  { hex: 'c349010000000000000000', value: -18446744073709551617n },
  { hex: '20', value: -1 },
  { hex: '29', value: -10 },
  { hex: '3863', value: -100 },
  { hex: '3903e7', value: -1000 },
  { hex: 'f90000', value: 0 },
  { hex: 'f98000', value: -0 },
  { hex: 'f93c00', value: 1 },
  { hex: 'fb3ff199999999999a', value: 1.1 },
  { hex: 'f93e00', value: 1.5 },
  { hex: 'f97bff', value: 65504 },
  { hex: 'fa47c35000', value: 100000 },
  { hex: 'fa7f7fffff', value: 3.4028234663852886e38 },
  { hex: 'fb7e37e43c8800759c', value: 1e300 },
  { hex: 'f90001', value: 2 ** -24 },
  { hex: 'f90400', value: 0.00006103515625 },
  { hex: 'f9c400', value: -4 },
  { hex: 'fbc010666666666666', value: -4.1 },
  { hex: 'f97c00', value: Number.POSITIVE_INFINITY },
  { hex: 'f97e00', value: Number.NaN },
  { hex: 'f9fc00', value: Number.NEGATIVE_INFINITY },
  { hex: 'fa7f800000', value: Number.POSITIVE_INFINITY },
  { hex: 'fa7fc00000', value: Number.NaN },
  { hex: 'faff800000', value: Number.NEGATIVE_INFINITY },
  { hex: 'fb7ff0000000000000', value: Number.POSITIVE_INFINITY },
  { hex: 'fb7ff8000000000000', value: Number.NaN },
  { hex: 'fbfff0000000000000', value: Number.NEGATIVE_INFINITY },
  { hex: 'f4', value: false },
  { hex: 'f5', value: true },
  { hex: 'f6', value: null },
  { hex: 'f7', value: undefined },
  { hex: 'c074323031332d30332d32315432303a30343a30305a', value: new Date('2013-03-21T20:04:00Z') },
  { hex: 'c11a514b67b0', value: new Date(1363896240_000) },
  { hex: 'c1fb41d452d9ec200000', value: new Date(1363896240_500) },
  { hex: 'd74401020304', value: Uint8Array.of(1, 2, 3, 4) },
  { hex: 'd82076687474703a2f2f7777772e6578616d706c652e636f6d', value: 'http://www.example.com' },
  { hex: '40', value: new Uint8Array(0) },
  { hex: '4401020304', value: Uint8Array.of(1, 2, 3, 4) },
  { hex: '60', value: '' },
  { hex: '6161', value: 'a' },
  { hex: '6449455446', value: 'IETF' },
  { hex: '62225c', value: '"\\' },
  { hex: '62c3bc', value: '\u00fc' },
  { hex: '63e6b0b4', value: '\u6c34' },
  { hex: '64f0908591', value: '\ud800\udd51' },
  { hex: '80', value: [] },
  { hex: '83010203', value: [1, 2, 3] },
  { hex: '8301820203820405', value: [1, [2, 3], [4, 5]] },
  { hex: `9819${oneTo25Items}`, value: oneTo25 },
  { hex: 'a0', value: {} },
  {
    hex: 'a201020304',
    value: new Map([
      [1, 2],
      [3, 4],
    ]),
  },
  { hex: 'a26161016162820203', value: { a: 1, b: [2, 3] } },
  { hex: '826161a161626163', value: ['a', { b: 'c' }] },
  { hex: 'a56161614161626142616361436164614461656145', value: { a: 'A', b: 'B', c: 'C', d: 'D', e: 'E' } },
  { hex: '5f42010243030405ff', value: Uint8Array.of(1, 2, 3, 4, 5) },
  { hex: '7f657374726561646d696e67ff', value: 'streaming' },
  { hex: '9fff', value: [] },
  { hex: '9f018202039f0405ffff', value: [1, [2, 3], [4, 5]] },
  { hex: '9f01820203820405ff', value: [1, [2, 3], [4, 5]] },
  { hex: '83018202039f0405ff', value: [1, [2, 3], [4, 5]] },
  { hex: '83019f0203ff820405', value: [1, [2, 3], [4, 5]] },
  { hex: `9f${oneTo25Items}ff`, value: oneTo25 },
  { hex: 'bf61610161629f0203ffff', value: { a: 1, b: [2, 3] } },
  { hex: '826161bf61626163ff', value: ['a', { b: 'c' }] },
  { hex: 'bf6346756ef563416d7421ff', value: { Fun: true, Amt: -2 } },
]

/** RFC 8949, Appendix A: what we refuse, for it has no meaning here (simple values, embedded CBOR). */
export const refusedThoughWellFormed: readonly string[] = ['f0', 'f8ff', 'd818456449455446']

/** RFC 8949, Appendix F, kind by kind. */
export const notWellFormed: Readonly<Record<string, readonly string[]>> = {
  'end of input in a head': [
    ...['18', '19', '1a', '1b', '1901', '1a0102', '1b01020304050607', '38', '58', '78', '98', '9a01ff00', 'b8'],
    ...['d8', 'f8', 'f900', 'fa0000', 'fb000000'],
  ],
  'a string shorter than its length': [
    ...['41', '61', '5affffffff00', '5bffffffffffffffff010203', '7affffffff00', '7b7fffffffffffffff010203'],
  ],
  'an array or map with too few items': ['81', '818181818181818181', '8200', 'a1', 'a20102', 'a100', 'a2000000'],
  'a tag without content': ['c0'],
  'an indefinite string that does not end': ['5f4100', '7f6100'],
  'an indefinite array or map that does not end': [
    ...['9f', '9f0102', 'bf', 'bf01020102', '819f', '9f8000', '9f9f9f9f9fffffffff', '9f819f819f9fffffff'],
  ],
  'reserved additional information': [
    ...['1c', '1d', '1e', '3c', '3d', '3e', '5c', '5d', '5e', '7c', '7d', '7e', '9c', '9d', '9e', 'bc', 'bd', 'be'],
    ...['dc', 'dd', 'de', 'fc', 'fd', 'fe'],
  ],
  'a reserved simple value': ['f800', 'f801', 'f818', 'f81f'],
  'a chunk of another type': ['5f00ff', '5f21ff', '5f6100ff', '5f80ff', '5fa0ff', '5fc000ff', '5fe0ff', '7f4100ff'],
  'a chunk of indefinite length': ['5f5f4100ffff', '7f7f6100ffff'],
  'a break on its own': [
    ...['ff', '81ff', '8200ff', 'a1ff', 'a1ff00', 'a100ff', 'a20000ff', '9f81ff', '9f829f819f9fffffffff'],
  ],
  'a break in the place of a value': ['bf00ff', 'bf000000ff'],
  'a type that cannot be of indefinite length': ['1f', '3f', 'df'],
}
