import { expect, it } from 'vitest'
import { vectors } from '../src/testing/index.ts'

it.each(vectors)('$name', vector => vector.run())

it('names are told once', () => {
  expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length)
})
