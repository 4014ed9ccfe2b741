import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FilterTrie, matchesFilter } from '../../src/address/index.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const level = fc.constantFrom('a', 'b', '', '$s', '__proto__', 'constructor')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => (all || levels.length === 0 ? [...levels, '#'] : levels).join('/'))

const steps = fc.array(fc.record({ adds: fc.boolean(), filter: filters, value: fc.integer({ min: 0, max: 3 }) }), {
  maxLength: 60,
})

describe('FilterTrie', () => {
  it('says whether a pair was new, and whether it was there', () => {
    const trie = new FilterTrie<string>()
    expect(trie.add('a/+', 'x')).toBe(true)
    expect(trie.add('a/+', 'x')).toBe(false)
    expect(trie.add('a/+', 'y')).toBe(true)
    expect(trie.add('a/#', 'x')).toBe(true)
    expect(trie.size).toBe(3)
    expect(trie.match('a/b').sort()).toEqual(['x', 'x', 'y'])
    expect(trie.remove('a/+', 'x')).toBe(true)
    expect(trie.remove('a/+', 'x')).toBe(false)
    expect(trie.remove('a', 'x')).toBe(false)
    expect(trie.remove('a/b/c', 'x')).toBe(false)
    expect(trie.size).toBe(2)
    expect(trie.match('a/b').sort()).toEqual(['x', 'y'])
    expect(trie.match('a')).toEqual(['x'])
  })

  it('holds undefined and objects as values, by identity', () => {
    const trie = new FilterTrie<object | undefined>()
    const one = {}
    trie.add('a', undefined)
    trie.add('a', one)
    trie.add('a', {})
    expect(trie.match('a')).toHaveLength(3)
    expect(trie.remove('a', {})).toBe(false)
    expect(trie.remove('a', one)).toBe(true)
    expect(trie.remove('a', undefined)).toBe(true)
    expect(trie.size).toBe(1)
  })

  it('keeps wildcards out of topics that start with $', () => {
    const trie = new FilterTrie<number>()
    trie.add('#', 1)
    trie.add('+/a', 2)
    trie.add('$SYS/#', 3)
    trie.add('$SYS', 4)
    trie.add('a/+', 5)
    expect(trie.match('$SYS/a')).toEqual([3])
    expect(trie.match('$SYS').sort()).toEqual([3, 4])
    expect(trie.match('$other/a')).toEqual([])
    expect(trie.match('a/$SYS').sort()).toEqual([1, 5])
  })

  it('takes the names of inherited properties as ordinary levels', () => {
    const trie = new FilterTrie<number>()
    for (const topic of ['__proto__', 'constructor/prototype', 'toString', '__proto__/polluted']) {
      expect(trie.match(topic)).toEqual([])
      expect(trie.add(topic, 1)).toBe(true)
      expect(trie.match(topic)).toEqual([1])
    }
    expect(trie.remove('__proto__', 1)).toBe(true)
    expect(trie.match('__proto__')).toEqual([])
    expect(trie.match('__proto__/polluted')).toEqual([1])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it('does not let a wildcard character in a topic reach a filter', () => {
    const trie = new FilterTrie<number>()
    trie.add('a/#', 1)
    trie.add('b/+', 2)
    expect(trie.match('#')).toEqual([])
    expect(trie.match('+/x')).toEqual([])
    expect(trie.match('+')).toEqual([])
  })

  it('matches what matchesFilter matches, whatever was added and removed', () => {
    fc.assert(
      fc.property(steps, fc.array(topics, { maxLength: 8 }), (taken, asked) => {
        const trie = new FilterTrie<number>()
        const pairs = new Map<string, readonly [filter: string, value: number]>()
        for (const { adds, filter, value } of taken) {
          const key = `${filter} ${value}`
          if (adds) {
            expect(trie.add(filter, value)).toBe(!pairs.has(key))
            pairs.set(key, [filter, value])
          } else {
            expect(trie.remove(filter, value)).toBe(pairs.delete(key))
          }
          expect(trie.size).toBe(pairs.size)
        }
        for (const topic of asked) {
          const expected = [...pairs].filter(([, [filter]]) => matchesFilter(filter, topic))
          expect(trie.match(topic).sort()).toEqual(expected.map(([, [, value]]) => value).sort())
        }
      }),
      { numRuns: 500 },
    )
  })

  it('lets visit change it', () => {
    const trie = new FilterTrie<string>()
    const pairs = ['#', 'a/#', 'a/b', 'a/+', '+/b'].flatMap(filter => [filter, `${filter} 2`])
    for (const pair of pairs) trie.add(pair.split(' ')[0]!, pair)
    trie.matchInto('a/b', pair => {
      expect(trie.remove(pair.split(' ')[0]!, pair)).toBe(true)
    })
    expect(trie.size).toBe(0)
    expect(trie.match('a/b')).toEqual([])
  })

  it('lets go of what was removed', () => {
    const trie = new FilterTrie<number>()
    const churn = (from: number) => {
      for (let i = from; i < from + 100_000; i++) {
        const filter = `site${i}/+/device/${i % 2 === 0 ? '#' : 'state'}`
        trie.add(filter, 1)
        expectTrue(trie.remove(filter, 1))
      }
    }
    churn(0)
    const before = heapBytes()
    churn(100_000)
    expect(trie.size).toBe(0)
    // One node left behind per filter would be more than 10 MB.
    expect(heapBytes() - before).toBeLessThan(4_000_000)
  })

  it('walks hostile topics and filters in one pass, without deep recursion', () => {
    const trie = new FilterTrie<number>()
    const levels = 100_000
    trie.add('+/'.repeat(levels).slice(0, -1), 1)
    trie.add('a/'.repeat(levels).slice(0, -1), 2)
    trie.add(`${'a/'.repeat(199)}#`, 3)
    const started = performance.now()
    expect(trie.match('a/'.repeat(levels).slice(0, -1)).sort()).toEqual([1, 2, 3])
    expect(trie.match(`x${'/'.repeat(199)}`)).toEqual([])
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(trie.remove('+/'.repeat(levels).slice(0, -1), 1)).toBe(true)
    expect(trie.size).toBe(2)
  })

  it('walks as deep as its filters go, though each level leads two ways', () => {
    const trie = new FilterTrie<number>()
    const levels = 8_000
    for (let i = 0; i < levels; i++) trie.add(`${'+/'.repeat(i)}a`, i)
    let matched = 0
    trie.matchInto('a/'.repeat(levels).slice(0, -1), () => {
      matched++
    })
    expect(matched).toBe(1)
  })

  it('costs the same with 100 filters as with 100,000', () => {
    const asked = Array.from({ length: 100 }, (_, i) => `telemetry/device${i}/temperature`)
    const small = trieOf(100)
    const large = trieOf(100_000)
    const ratio = Math.min(...Array.from({ length: 5 }, () => bestRoundMs(large, asked) / bestRoundMs(small, asked)))
    expect(ratio).toBeLessThanOrEqual(3)
  })
})

/** `expect` itself is too slow, and too much garbage, for a hundred thousand of them. */
function expectTrue(value: boolean): void {
  if (!value) expect(value).toBe(true)
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

function trieOf(filters: number): FilterTrie<number> {
  const trie = new FilterTrie<number>()
  for (let i = 0; i < filters; i++) trie.add(`telemetry/device${i}/${i % 2 === 0 ? '+' : '#'}`, i)
  return trie
}

/** The quickest of several rounds: what else the machine does only ever makes a round slower. */
function bestRoundMs(trie: FilterTrie<number>, asked: readonly string[]): number {
  let best = Number.POSITIVE_INFINITY
  let matched = 0
  const visit = () => {
    matched++
  }
  for (let round = 0; round < 20; round++) {
    const started = performance.now()
    for (let i = 0; i < 20; i++) for (const topic of asked) trie.matchInto(topic, visit)
    best = Math.min(best, performance.now() - started)
  }
  expect(matched).toBe(20 * 20 * asked.length)
  return best
}
