import fc from 'fast-check'
import { concat } from './parsing.ts'

/** One way of spoiling a packet. Positions are fractions: they mean something in a packet of any length. */
type Mutation = (bytes: Uint8Array) => Uint8Array

const fraction = fc.integer({ min: 0, max: 999 })
const at = (bytes: Uint8Array, position: number) => Math.floor((bytes.length * position) / 1000)

const flippedBit = fc.tuple(fraction, fc.nat({ max: 7 })).map(([position, bit]): Mutation => {
  return bytes => replaced(bytes, at(bytes, position), bytes[at(bytes, position)]! ^ (1 << bit))
})

const telling = fc.constantFrom(0x00, 0x01, 0x02, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xfe, 0xff)
const otherByte = fc.tuple(fraction, telling).map(([position, byte]): Mutation => {
  return bytes => replaced(bytes, at(bytes, position), byte)
})

const truncated = fraction.map(
  (position): Mutation =>
    bytes =>
      bytes.slice(0, at(bytes, position)),
)

const cutOut = fc.tuple(fraction, fc.integer({ min: 1, max: 8 })).map(([position, count]): Mutation => {
  return bytes => concat(bytes.slice(0, at(bytes, position)), bytes.slice(at(bytes, position) + count))
})

const repeated = fc.tuple(fraction, fraction, fraction).map(([from, to, position]): Mutation => {
  return bytes => {
    const [start, end] = from < to ? [from, to] : [to, from]
    const piece = bytes.slice(at(bytes, start), at(bytes, end))
    return concat(bytes.slice(0, at(bytes, position)), piece, bytes.slice(at(bytes, position)))
  }
})

const spliced = fc.tuple(fraction, fc.uint8Array({ maxLength: 16 })).map(([position, noise]): Mutation => {
  return bytes => concat(bytes.slice(0, at(bytes, position)), noise, bytes.slice(at(bytes, position)))
})

/** A field's length, or any two bytes, that is a little off, or claims everything. */
const lyingField = fc.tuple(fraction, fc.constantFrom(-2, -1, 1, 2, 0x100, 0xffff)).map(([position, by]): Mutation => {
  return bytes => {
    const first = at(bytes, position)
    if (first + 1 >= bytes.length) return bytes
    const value = (bytes[first]! << 8) | bytes[first + 1]!
    const lie = by === 0xffff ? 0xffff : (value + by) & 0xffff
    return replaced(replaced(bytes, first, lie >> 8), first + 1, lie & 0xff)
  }
})

/** The remaining length, with any bytes in its place: too long, too short, in more bytes than it takes, or in five. */
const lyingHeader = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 5 }),
    fc.constantFrom(
      Uint8Array.of(0x80, 0x00),
      Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x01),
    ),
    fc
      .nat({ max: 300 })
      .map(length => (length < 0x80 ? Uint8Array.of(length) : Uint8Array.of((length & 0x7f) | 0x80, length >> 7))),
  )
  .map((length): Mutation => {
    return bytes => {
      let end = 1
      while (bytes[end]! >= 0x80) end += 1
      return concat(bytes.slice(0, 1), length, bytes.slice(end + 1))
    }
  })

/** Weighed so that most packets get as far as their fields. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: flippedBit },
  { weight: 4, arbitrary: otherByte },
  { weight: 3, arbitrary: lyingField },
  { weight: 2, arbitrary: lyingHeader },
  { weight: 1, arbitrary: truncated },
  { weight: 1, arbitrary: cutOut },
  { weight: 1, arbitrary: repeated },
  { weight: 1, arbitrary: spliced },
)

function replaced(bytes: Uint8Array, index: number, byte: number): Uint8Array {
  return index < bytes.length ? bytes.with(index, byte) : bytes
}
