import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Ascending } from '../../src/pipeline/ascending.ts'

it('has its numbers in order, however they are added and taken', () => {
  const number = fc.integer({ min: 0, max: 50 })
  const step = fc.oneof(number, fc.array(number), fc.constant('shift' as const))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const numbers = new Ascending()
      let expected: number[] = []
      for (const one of steps) {
        if (one === 'shift') {
          if (expected.length > 0) numbers.shift()
          expected = expected.slice(1)
        } else if (typeof one === 'number') {
          expect(numbers.add(one)).toBe(expected.every(known => known <= one))
          expected = [...expected, one].sort((a, b) => a - b)
        } else {
          numbers.addAll(one)
          expected = [...expected, ...one].sort((a, b) => a - b)
        }
        expect(numbers.all()).toEqual(expected)
        expect([numbers.size, numbers.first]).toEqual([expected.length, expected[0]])
        expect(numbers.lowest(3)).toEqual(expected.slice(0, 3))
      }
    }),
  )
})
