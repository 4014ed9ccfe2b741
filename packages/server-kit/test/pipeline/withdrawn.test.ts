import { describe, expect, it } from 'vitest'
import { Withdrawn } from '../../src/pipeline/withdrawn.ts'

const subscription = (filter: string, since = 0) =>
  ({ filter, delivery: 'at-least-once', noLocal: false, retainAsPublished: false, since }) as const

const filters = (withdrawn: Withdrawn) => [...withdrawn.values()].map(({ filter, since }) => [filter, since])

describe('subscriptions that were ended', () => {
  it('are kept until all that they may be owed is acknowledged', () => {
    const withdrawn = new Withdrawn(10)
    withdrawn.add(subscription('a'), 5)
    withdrawn.add(subscription('b'), 9)
    withdrawn.settle(5, 9)
    expect(filters(withdrawn)).toEqual([
      ['a', 0],
      ['b', 0],
    ])
    withdrawn.settle(6, 9)
    expect(filters(withdrawn)).toEqual([['b', 0]])
    // What a killed hub may have sent of it has not been looked at yet.
    withdrawn.settle(undefined, 8)
    expect(filters(withdrawn)).toEqual([['b', 0]])
    withdrawn.settle(undefined, 9)
    expect(withdrawn.isEmpty).toBe(true)
  })

  it('are one for each filter, from the first time that it was ended to the last', () => {
    const withdrawn = new Withdrawn(10)
    withdrawn.add(subscription('a', 3), 5)
    withdrawn.add(subscription('a', 7), 9)
    expect(filters(withdrawn)).toEqual([['a', 3]])
    withdrawn.settle(6, 9)
    expect(withdrawn.isEmpty).toBe(false)
  })

  it('are bounded: the oldest go first', () => {
    const withdrawn = new Withdrawn(3)
    for (let i = 0; i < 100; i++) withdrawn.add(subscription(`${i}`), 1_000)
    expect(filters(withdrawn).map(([filter]) => filter)).toEqual(['97', '98', '99'])
  })
})
