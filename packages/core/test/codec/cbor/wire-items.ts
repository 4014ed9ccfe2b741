import fc from 'fast-check'

/** A value and one of the many ways to write it. */
export interface WireItem {
  readonly value: unknown
  readonly bytes: readonly number[]
}

/** A head of any width that holds the argument, as RFC 8949, section 3, allows. */
function head(major: number, argument: bigint, extraWidth: number): number[] {
  const least = argument < 24n ? 0 : argument < 0x100n ? 1 : argument < 0x10000n ? 2 : argument < 0x100000000n ? 3 : 4
  const size = Math.min(4, least + extraWidth)
  if (size === 0) return [(major << 5) | Number(argument)]
  const width = 1 << (size - 1)
  const bytes = Array.from({ length: width }, (_, i) => Number((argument >> BigInt(8 * (width - 1 - i))) & 0xffn))
  return [(major << 5) | (23 + size), ...bytes]
}

const extraWidth = fc.nat({ max: 4 })
const plainInteger = (value: bigint) =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

const integer: fc.Arbitrary<WireItem> = fc
  .tuple(
    fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
    fc.boolean(),
    extraWidth,
  )
  .map(([argument, negative, extra]) => ({
    value: plainInteger(negative ? -1n - argument : argument),
    bytes: head(negative ? 1 : 0, argument, extra),
  }))

const bignum: fc.Arbitrary<WireItem> = fc
  .tuple(fc.uint8Array({ maxLength: 32 }), fc.boolean(), extraWidth)
  .map(([content, negative, extra]) => {
    const magnitude = content.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
    return {
      value: plainInteger(negative ? -1n - magnitude : magnitude),
      bytes: [...head(6, negative ? 3n : 2n, extra), ...head(2, BigInt(content.length), extra), ...content],
    }
  })

const float: fc.Arbitrary<WireItem> = fc.double().map(value => ({
  value,
  bytes: [0xfb, ...new Uint8Array(new Float64Array([value]).buffer).reverse()],
}))

const simple: fc.Arbitrary<WireItem> = fc.constantFrom<WireItem>(
  { value: false, bytes: [0xf4] },
  { value: true, bytes: [0xf5] },
  { value: null, bytes: [0xf6] },
  { value: undefined, bytes: [0xf7] },
)

/** Whole, or in chunks. A chunk of text never cuts a character (RFC 8949, section 3.2.3). */
function stringItem(major: number, parts: readonly Uint8Array[], chunked: boolean, extra: number): number[] {
  const write = (part: Uint8Array) => [...head(major, BigInt(part.length), extra), ...part]
  if (!chunked) return write(Uint8Array.from(parts.flatMap(part => [...part])))
  return [(major << 5) | 31, ...parts.flatMap(write), 0xff]
}

const byteString: fc.Arbitrary<WireItem> = fc
  .tuple(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }), fc.boolean(), extraWidth)
  .map(([parts, chunked, extra]) => ({
    value: Uint8Array.from(parts.flatMap(part => [...part])),
    bytes: stringItem(2, parts, chunked, extra),
  }))

const someText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('\ufeff', `\ufeff${'a'.repeat(70)}`, 'é'.repeat(33), 'x'.repeat(200)),
)

const text: fc.Arbitrary<WireItem & { readonly value: string }> = fc
  .tuple(fc.array(someText, { maxLength: 3 }), fc.boolean(), extraWidth)
  .map(([parts, chunked, extra]) => ({
    value: parts.join(''),
    bytes: stringItem(
      3,
      parts.map(part => new TextEncoder().encode(part)),
      chunked,
      extra,
    ),
  }))

const date: fc.Arbitrary<WireItem> = fc
  .tuple(fc.nat({ max: 4_000_000_000 }), fc.boolean(), extraWidth)
  .map(([seconds, asText, extra]) => {
    const value = new Date(seconds * 1000)
    const written = new TextEncoder().encode(value.toISOString())
    return {
      value,
      bytes: asText
        ? [0xc0, ...stringItem(3, [written], extra > 2, extra)]
        : [0xc1, ...head(0, BigInt(seconds), extra)],
    }
  })

function array(items: readonly WireItem[], indefinite: boolean, extra: number): WireItem {
  const content = items.flatMap(item => item.bytes)
  return {
    value: items.map(item => item.value),
    bytes: indefinite ? [0x9f, ...content, 0xff] : [...head(4, BigInt(items.length), extra), ...content],
  }
}

function map(entries: readonly (readonly [WireItem, WireItem])[], indefinite: boolean, extra: number): WireItem {
  const content = entries.flatMap(([key, item]) => [...key.bytes, ...item.bytes])
  const pairs = entries.map(([key, item]) => [key.value, item.value] as const)
  return {
    value: pairs.every(([key]) => typeof key === 'string') ? Object.fromEntries(pairs) : new Map(pairs),
    bytes: indefinite ? [0xbf, ...content, 0xff] : [...head(5, BigInt(entries.length), extra), ...content],
  }
}

const refusedKeys = ['__proto__', 'constructor', 'prototype']
const textKey = text.filter(item => !refusedKeys.includes(item.value))
const key = fc.oneof(
  textKey,
  integer.filter(item => typeof item.value === 'number'),
)

/** Any item that the default limits let pass, in any well-formed way of writing it. */
export const { item: wireItem } = fc.letrec<{ item: WireItem }>(tie => {
  const entries = (keys: fc.Arbitrary<WireItem>) =>
    fc.uniqueArray(fc.tuple(keys, tie('item')), { maxLength: 5, selector: ([{ value }]) => value })
  return {
    item: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      integer,
      bignum,
      float,
      simple,
      byteString,
      text,
      date,
      fc.tuple(fc.array(tie('item'), { maxLength: 5 }), fc.boolean(), extraWidth).map(args => array(...args)),
      fc.tuple(entries(textKey), fc.boolean(), extraWidth).map(args => map(...args)),
      fc.tuple(entries(key), fc.boolean(), extraWidth).map(args => map(...args)),
      fc.tuple(fc.constantFrom(21n, 22n, 23n), tie('item'), extraWidth).map(([tag, { value, bytes }, extra]) => ({
        value,
        bytes: [...head(6, tag, extra), ...bytes],
      })),
    ),
  }
})
