import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { destinationOf } from '../load/filters-scenario.ts'
import { quantile } from '../quantile.ts'
import { threadProfile } from '../report/profile.ts'
import { remarksOn } from '../report/remarks.ts'
import { bytesPerConnection, medianOf } from '../report/rows.ts'
import { filterSpreads } from '../shapes.ts'
import { disturbed, flowOf, idleOf, loadBound, rowOf } from './support/results.ts'

fc.configureGlobal({ seed: 20160401 })

describe('quantile', () => {
  it('is the smallest value that at least that share is not above', () => {
    const values = fc.array(fc.integer(), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (unsorted, q) => {
        const ascending = [...unsorted].sort((a, b) => a - b)
        const covers = (value: number) => ascending.filter(other => other <= value).length >= ascending.length * q
        expect(quantile(ascending, q)).toBe(ascending.find(covers))
      }),
    )
  })

  it('of nothing is no number', () => {
    expect(quantile([], 0.5)).toBeNaN()
  })
})

describe('the median run', () => {
  it('is one of the undisturbed, where there are any', () => {
    const runs = [flowOf(10), flowOf(90, { window: disturbed }), flowOf(30), flowOf(20)]
    expect(medianOf(runs.map(result => ({ result })))?.result).toBe(runs[3])
    expect(medianOf([{ failed: 'died' }, { result: runs[1]! }])?.result).toBe(runs[1])
    expect(medianOf([{ failed: 'died' }])).toBeUndefined()
  })
})

describe('remarks', () => {
  it('name the run that went wrong, not only the one in the table', () => {
    const { tally } = flowOf(5)
    const bad = flowOf(1, { tally: { ...tally, lost: 2 }, window: loadBound })
    const row = rowOf('pairs', 2, ['thingmesh', 'disk'], flowOf(5), bad, { failed: 'died (SIGSEGV)' })
    expect(remarksOn(row)).toEqual([
      'thingmesh (disk), 1:1 (10 pairs), QoS 2, run 2: 2 deliveries of acknowledged messages lost',
      'thingmesh (disk), 1:1 (10 pairs), QoS 2, run 2: the load generator was the limit, the broker may do more',
      'thingmesh (disk), 1:1 (10 pairs), QoS 2, run 3: died (SIGSEGV)',
    ])
  })

  it('tell of idle connections that are gone', () => {
    const row = rowOf('idle', 0, ['thingmesh', 'disk'], { ...idleOf(10, 1), alive: 8 })
    expect(remarksOn(row)).toEqual(['thingmesh (disk), idle connections: 2 connections that did not answer a PINGREQ'])
  })
})

describe('memory per connection', () => {
  it('is unknown where the kernel does not tell', () => {
    expect(bytesPerConnection(idleOf(100, 3))).toBe(3_072)
    expect(bytesPerConnection({ ...idleOf(100, 3), rssAfterBytes: undefined })).toBeUndefined()
  })
})

describe('the traffic over distinct filters', () => {
  it('goes through every filter of every session, a hundred messages to one session at a time', () => {
    for (const filters of [100, 1_000, 20_000]) {
      const { few, many } = filterSpreads(filters)
      expect(few.sessions * few.perSession).toBe(100)
      expect(many.sessions * many.perSession).toBe(filters)
      for (const spread of [few, many]) {
        const seen = new Set<string>()
        for (let sequence = 0; sequence < spread.sessions * 100; sequence++) {
          const { session, place } = destinationOf(sequence, spread)
          expect(session).toBe(Math.floor(sequence / 100))
          seen.add(`${session} ${place}`)
        }
        expect(seen.size).toBe(spread.sessions * spread.perSession)
      }
    }
  })
})

describe('a CPU profile', () => {
  const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 6 })
  const nodes = [
    { id: 1, callFrame: frame('(idle)') },
    { id: 2, callFrame: frame('decode', 'file:///src/engine.ts') },
    { id: 3, callFrame: frame('', 'node:events') },
  ]
  // From 100 to 200 decoding, to 300 idle, to 400 nameless, to 500 decoding.
  const profile = {
    nodes,
    startTime: 50,
    endTime: 500,
    samples: [2, 1, 3, 2],
    timeDeltas: [50, 100, 100, 100],
  }

  it('is cut to the window, each sample standing for the time until the next', () => {
    expect(threadProfile('main thread', profile, { startMicros: 150, endMicros: 450 })).toEqual({
      thread: 'main thread',
      busyShare: 200 / 300,
      top: [
        { name: 'decode engine.ts:7', share: 100 / 300 },
        { name: '(anonymous) node:events:7', share: 100 / 300 },
      ],
    })
  })
})
