import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filterCovers, filtersIntersect, matchesFilter, parseFilter } from '../../src/address/index.ts'
import { defaultTopicLimits } from '../../src/address/limits.ts'
import { isThingmeshError } from '../../src/errors/index.ts'
import { referenceMatches } from './reference-matcher.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

const level = fc.constantFrom('a', 'b', '', '$s', '__proto__')
const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map(levels => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 5 }), fc.boolean())
  .map(([levels, all]) => (all || levels.length === 0 ? [...levels, '#'] : levels).join('/'))
  .filter(filter => filter !== '')

/** All texts of up to `levelsMax` levels over an alphabet. */
function texts(alphabet: readonly string[], levelsMax: number): string[] {
  const all: string[] = []
  let longest = alphabet.map(text => [text])
  for (let length = 1; length <= levelsMax; length++) {
    all.push(...longest.map(levels => levels.join('/')))
    longest = longest.flatMap(levels => alphabet.map(text => [...levels, text]))
  }
  return all
}

const smallFilters = texts(['a', '$', '', '+', '#'], 3).filter(
  filter => filter !== '' && !filter.slice(0, -1).includes('#'),
)
// One level more than the filters have, and one name that no filter has: what tells two filters apart shows within this.
// The empty text is among them: one empty level, the parent of `/#`.
const smallTopics = texts(['a', '$', '', 'other'], 4)
const matchedBy = new Map(
  smallFilters.map(filter => [filter, smallTopics.filter(topic => referenceMatches(filter, topic))]),
)

describe('parseFilter', () => {
  it.each(['a', 'a/b', '+', '#', '+/+', '+/#', 'a/+/b', 'a/#', '/', '/a', 'a/', '+/', '/+', 'a//#', '__proto__/+'])(
    'accepts %j',
    filter => {
      expect(parseFilter(filter)).toBe(filter)
    },
  )

  it.each([
    '',
    'a+',
    '+a',
    'a/+b',
    'a/b+/c',
    '++',
    '##',
    '#/',
    '#/a',
    'a/#/b',
    'a#',
    'a/#b',
    'a/b#',
    '/#/',
    '$SYS/#',
    '$',
  ])('refuses %j', filter => {
    expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  it('refuses the characters and lengths that topics refuse', () => {
    for (const filter of ['a\0', 'a\n/#', '+/\u0085', '\ufeff', 'a/\ud800', 'x'.repeat(257), '/'.repeat(16)]) {
      expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    }
    expect(parseFilter('/'.repeat(15))).toHaveLength(15)
  })

  it('lets a filter start with $ where that is asked for', () => {
    expect(parseFilter('$SYS/#', { ...defaultTopicLimits, allowDollar: true })).toBe('$SYS/#')
    expect(() => parseFilter('$SYS/#', { ...defaultTopicLimits, allowDollar: false })).toThrow('reserved')
  })

  it('refuses arbitrary text only as invalid-argument', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), text => {
        try {
          expect(parseFilter(text)).toBe(text)
        } catch (error) {
          expect(isThingmeshError(error) && error.code).toBe('invalid-argument')
        }
      }),
    )
  })
})

describe('matchesFilter', () => {
  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/#', 'sports', false],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/monitor', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/monitor', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['a/+', 'a/$b', true],
    ['__proto__/+', '__proto__/constructor', true],
    ['Accounts', 'ACCOUNTS', false],
  ])('%j against %j is %j (MQTT 5, section 4.7)', (filter, topic, expected) => {
    expect(matchesFilter(filter, topic)).toBe(expected)
  })

  it('agrees with a naive matcher', () => {
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        expect(matchesFilter(filter, topic)).toBe(referenceMatches(filter, topic))
      }),
      { numRuns: 3000 },
    )
  })

  it('agrees with a naive matcher on every small filter and topic', () => {
    for (const filter of smallFilters) {
      const matched = smallTopics.filter(topic => matchesFilter(filter, topic))
      expect(matched).toEqual(matchedBy.get(filter))
    }
  })
})

describe('filtersIntersect and filterCovers', () => {
  it('intersect exactly where some topic is matched by both', () => {
    for (const a of smallFilters) {
      for (const b of smallFilters) {
        const topicsOfB = new Set(matchedBy.get(b))
        const expected = matchedBy.get(a)!.some(topic => topicsOfB.has(topic))
        if (filtersIntersect(a, b) !== expected) expect([a, b, filtersIntersect(a, b)]).toEqual([a, b, expected])
      }
    }
  })

  it('cover exactly where every topic of the inner is one of the outer', () => {
    for (const outer of smallFilters) {
      const topicsOfOuter = new Set(matchedBy.get(outer))
      for (const inner of smallFilters) {
        const expected = matchedBy.get(inner)!.every(topic => topicsOfOuter.has(topic))
        if (filterCovers(outer, inner) !== expected) {
          expect([outer, inner, filterCovers(outer, inner)]).toEqual([outer, inner, expected])
        }
      }
    }
  })

  it.each([
    ['+/#', '#', true],
    ['#', '+/#', true],
    ['#', '$SYS', false],
    ['+', '$SYS', false],
    ['a/+', 'a/#', false],
    ['a/#', 'a', true],
    ['a/+/#', 'a/#', false],
    ['$SYS/#', '$SYS/+', true],
  ])('%j covers %j: %j', (outer, inner, expected) => {
    expect(filterCovers(outer, inner)).toBe(expected)
  })

  it('keep to each other on longer filters', () => {
    fc.assert(
      fc.property(filters, filters, topics, (a, b, topic) => {
        const both = matchesFilter(a, topic) && matchesFilter(b, topic)
        if (both) expect(filtersIntersect(a, b)).toBe(true)
        if (filterCovers(a, b) && matchesFilter(b, topic)) expect(matchesFilter(a, topic)).toBe(true)
        expect(filtersIntersect(a, b)).toBe(filtersIntersect(b, a))
        expect(filterCovers(a, a)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('hostile texts', () => {
  it.each([
    ['200 levels', 'a/'.repeat(199), '+/'.repeat(199)],
    ['a million levels', 'a/'.repeat(1_000_000), '+/'.repeat(1_000_000)],
    ['one long level', 'a'.repeat(2_000_000), 'a'.repeat(2_000_000)],
  ])('%s are matched in one pass', (_, topic, filter) => {
    const started = performance.now()
    expect(matchesFilter(`${filter}/+`, `${topic}/b`)).toBe(true)
    expect(matchesFilter(`${filter}/b`, `${topic}/c`)).toBe(false)
    expect(matchesFilter(`${filter}b`, `${topic}b`)).toBe(true)
    expect(filtersIntersect(`${filter}x`, `${topic}y`)).toBe(false)
    expect(filterCovers(filter, topic)).toBe(true)
    // Anything worse than linear takes hours for these.
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('are refused in constant time where they are too long', () => {
    const long = '+/'.repeat(4_000_000)
    const started = performance.now()
    for (let i = 0; i < 1_000; i++) expect(() => parseFilter(long)).toThrow('limit is 256')
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
