import { expect, it } from 'vitest'
import { type IndexedDbOutboxOptions, indexedDbOutbox } from '../src/outbox/indexeddb-outbox.ts'

it.each([
  [{ durability: 'disk' }, 'durability: found string disk, the limit is strict,relaxed'],
  [{ waitMs: Number.NaN }, 'waitMs: found number NaN, the limit is whole, 0 to Infinity'],
  [{ waitMs: -1 }, 'waitMs: found number -1, the limit is whole, 0 to Infinity'],
])('indexedDbOutbox refuses %o', (options, message) => {
  expect(() => indexedDbOutbox({ name: 'readings', ...(options as Partial<IndexedDbOutboxOptions>) })).toThrow(
    new TypeError(message),
  )
})

it('indexedDbOutbox waits for ever, where it is told to', () => {
  expect(() => indexedDbOutbox({ name: 'readings', waitMs: Infinity })).not.toThrow()
})
