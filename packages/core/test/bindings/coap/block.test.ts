import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Block,
  blockBytes,
  blockOffset,
  blockOption,
  exponentThatFits,
  parseBlock,
  sliceBody,
} from '../../../src/bindings/coap/index.ts'
import { holds } from './holds.ts'

const block: fc.Arbitrary<Block> = fc.record({
  number: fc.integer({ min: 0, max: 0xf_ffff }),
  more: fc.boolean(),
  sizeExponent: fc.integer({ min: 0, max: 6 }),
})

describe('a block option', () => {
  it('comes back as it was, in three bytes at most', () => {
    holds(
      fc.property(block, value => {
        const option = blockOption(27, value)
        expect(option.number).toBe(27)
        expect(option.value.length).toBeLessThanOrEqual(3)
        expect(parseBlock(option.value)).toEqual(value)
      }),
      500,
    )
  })

  it('refuses size exponent 7, and a number beyond 20 bits', () => {
    expect(() => parseBlock(Uint8Array.of(0x0f))).toThrow('size exponent of 7, which is reserved')
    expect(() => blockOption(23, { number: 0x10_0000, more: false, sizeExponent: 0 })).toThrow('the limit is 1048575')
  })

  it('knows its place in the body', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map(blockBytes)).toEqual([16, 32, 64, 128, 256, 512, 1024])
    expect(blockOffset({ number: 3, more: true, sizeExponent: 2 })).toBe(192)
  })
})

describe('sliceBody', () => {
  it('gives blocks that make the body, whatever both sides take', () => {
    const sizes = fc.integer({ min: 0, max: 6 })
    holds(
      fc.property(fc.uint8Array({ maxLength: 3000 }), sizes, sizes, (body, wanted, allowed) => {
        const got: number[] = []
        let next: Block = { number: 0, more: false, sizeExponent: wanted }
        for (;;) {
          const slice = sliceBody(body, next, allowed)!
          expect(slice.block.sizeExponent).toBe(Math.min(wanted, allowed))
          expect(blockOffset(slice.block)).toBe(got.length)
          got.push(...slice.bytes)
          if (!slice.block.more) break
          expect(slice.bytes.length).toBe(blockBytes(slice.block.sizeExponent))
          next = { ...slice.block, number: slice.block.number + 1 }
        }
        expect(Uint8Array.from(got)).toEqual(body)
      }),
    )
  })

  it('starts at the same byte where the size shrinks on the way', () => {
    const body = Uint8Array.from({ length: 300 }, (_, i) => i)
    const { block: shrunk, bytes } = sliceBody(body, { number: 1, more: false, sizeExponent: 3 }, 1)!
    expect(shrunk).toEqual({ number: 4, more: true, sizeExponent: 1 })
    expect(bytes).toEqual(body.subarray(128, 160))
  })

  it('has nothing behind the end, and an empty block for an empty body', () => {
    expect(sliceBody(new Uint8Array(64), { number: 2, more: false, sizeExponent: 1 }, 6)).toBeUndefined()
    expect(sliceBody(new Uint8Array(0), { number: 0, more: false, sizeExponent: 6 }, 6)).toEqual({
      block: { number: 0, more: false, sizeExponent: 6 },
      bytes: new Uint8Array(0),
    })
  })
})

it.each([
  [15, undefined],
  [16, 0],
  [31, 0],
  [32, 1],
  [1023, 5],
  [1024, 6],
  [65_536, 6],
])('into %i bytes fits a block of exponent %s', (bytes, exponent) => {
  expect(exponentThatFits(bytes)).toBe(exponent)
})
