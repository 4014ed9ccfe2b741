import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CoapOption,
  findOption,
  findStrings,
  findUint,
  isCritical,
  isNoCacheKey,
  isUnsafe,
  OptionNumber,
  readUint,
  stringOption,
  uintOption,
  weighOptions,
} from '../../../src/bindings/coap/index.ts'
import { optionTable } from '../../../src/bindings/coap/option-numbers.ts'
import { holds } from './holds.ts'

const opaque = (number: number, length: number): CoapOption => ({ number, value: new Uint8Array(length) })

describe('unsigned integers', () => {
  it('come back as they were, in the fewest bytes', () => {
    holds(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), value => {
        const { value: bytes } = uintOption(OptionNumber.maxAge, value)
        expect(readUint(bytes)).toBe(value)
        expect(bytes.length).toBe(value === 0 ? 0 : Math.ceil(value.toString(16).length / 2))
      }),
      500,
    )
  })

  it('may have leading zeros', () => {
    expect(readUint(Uint8Array.of(0, 0, 5))).toBe(5)
  })

  it.each([-1, 1.5, 2 ** 32, Number.NaN])('are not %d', value => {
    expect(() => uintOption(14, value)).toThrow('integers from 0 to 4294967295 fit')
  })
})

describe('finding', () => {
  const options = [stringOption(11, 'c'), stringOption(11, 'ä'), uintOption(12, 50), stringOption(15, 'u=x')]
  it('gives all of a number in order, one of a number, or none', () => {
    expect(findStrings(options, 11)).toEqual(['c', 'ä'])
    expect(findStrings(options, 14)).toEqual([])
    expect(findUint(options, 12)).toBe(50)
    expect(findUint(options, 14)).toBeUndefined()
    expect(findOption(options, 65_000)).toBeUndefined()
  })

  it('refuses text that is not UTF-8', () => {
    expect(() => findStrings([{ number: 11, value: Uint8Array.of(0xc3, 0x28) }], 11)).toThrow('not valid UTF-8')
  })
})

describe('the classes of options', () => {
  it.each([
    ['ifMatch', true, false, false],
    ['uriHost', true, true, false],
    ['eTag', false, false, false],
    ['observe', false, true, false],
    ['uriPath', true, true, false],
    ['contentFormat', false, false, false],
    ['maxAge', false, true, false],
    ['accept', true, false, false],
    ['block1', true, true, false],
    ['size1', false, false, true],
    ['size2', false, false, true],
    ['echo', false, false, true],
    ['noResponse', false, true, false],
    ['requestTag', false, false, false],
  ] as const)('%s: critical %s, unsafe %s, no cache key %s', (name, critical, unsafe, noCacheKey) => {
    const number = OptionNumber[name]
    expect([isCritical(number), isUnsafe(number)]).toEqual([critical, unsafe])
    if (!unsafe) expect(isNoCacheKey(number)).toBe(noCacheKey)
  })
})

describe('weighOptions', () => {
  const known = new Set<number>([OptionNumber.uriPath, OptionNumber.observe, OptionNumber.block2, OptionNumber.accept])

  it('gives back the very list where all is known', () => {
    const options = [uintOption(6, 0), stringOption(11, 'a'), stringOption(11, 'b')]
    expect(weighOptions(options, known)).toEqual({ options, refused: undefined })
    expect(weighOptions(options, known).options).toBe(options)
  })

  it('leaves out what is elective and unknown, and says what is critical and unknown', () => {
    const options = [opaque(4, 1), stringOption(11, 'a'), opaque(2048, 9), opaque(2049, 0), opaque(2051, 0)]
    expect(weighOptions(options, known)).toEqual({ options: [options[1]], refused: 2049 })
  })

  it('takes a repetition of what may not be repeated for unknown', () => {
    const twice = [uintOption(6, 0), uintOption(6, 1), stringOption(11, 'a')]
    expect(weighOptions(twice, known)).toEqual({ options: [twice[0], twice[2]], refused: undefined })
    expect(weighOptions([uintOption(17, 50), uintOption(17, 60)], known).refused).toBe(17)
  })

  it.each(optionTable.map(entry => [entry.name, entry] as const))(
    'takes %s of a wrong length for unknown',
    (_, entry) => {
      const { number, bytesMin, bytesMax } = entry
      const all = new Set([number])
      const taken = (length: number) => weighOptions([opaque(number, length)], all)
      for (const length of [bytesMin, bytesMax]) expect(taken(length).options.length).toBe(1)
      const wrong = [bytesMax + 1, ...(bytesMin > 0 ? [bytesMin - 1] : [])]
      for (const length of wrong) {
        expect(taken(length)).toEqual({ options: [], refused: isCritical(number) ? number : undefined })
      }
    },
  )
})
