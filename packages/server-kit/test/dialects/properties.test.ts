import { matchesFilter, type Principal, parseFilter, parseTopic } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dialect } from '../../src/contracts/index.ts'
import { magistralaTopics, mainfluxTopics, rawTopics } from '../../src/dialects/index.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160402 })

const principal: Principal = { id: 'thing:1', kind: 'thing', domain: 'd1', domainName: 'acme' }

// Few levels, so that what belongs to a dialect and what nearly does come up all the time.
const words = ['channels', 'messages', 'm', 'c', 'd1', 'acme', 'a', '', 'ä', '__proto__', '$x', '$share', 'open']
const word = fc.constantFrom(...words)
const shapes = fc.constantFrom(
  ['channels', 'a', 'messages'],
  ['channels', '+', 'messages'],
  ['m', 'd1', 'c', 'a'],
  ['m', 'acme', 'c', '+'],
  ['m', 'acme', 'c'],
  ['$share'],
  [],
)
const textOf = (level: fc.Arbitrary<string>) =>
  fc
    .tuple(shapes, fc.array(level, { maxLength: 4 }))
    .map(([shape, rest]) => [...shape, ...rest].join('/'))
    .filter(text => text !== '')
const isWild = (text: string) => /[+#]/.test(text)
const rawTexts = textOf(word).filter(text => !isWild(text))
const filterTexts = fc
  .tuple(textOf(fc.oneof(word, fc.constant('+'))), fc.boolean())
  .map(([text, all]) => (all ? `${text}/#` : text))
  .filter(
    text =>
      text !== '#' && accepts(() => parseFilter(text, { topicBytesMax: 256, topicLevelsMax: 16, allowDollar: true })),
  )
const topics = rawTexts.filter(text => accepts(() => parseTopic(text)))

function accepts(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

/** What the dialect makes of it; a refusal counts as not claimed, and nothing but a refusal may be thrown. */
function read<Result>(call: () => Result | undefined): Result | undefined {
  try {
    return call()
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(invalid-argument|permission-denied)$/) })
    return undefined
  }
}

const channelled: readonly (readonly [string, Dialect, readonly string[]])[] = [
  ['mainfluxTopics', mainfluxTopics(), ['']],
  ['magistralaTopics', magistralaTopics(), ['d1', 'acme']],
]

describe.each(channelled)('%s', (_, dialect, variants) => {
  it('says every topic, and reads it back', () => {
    fc.assert(
      fc.property(topics, fc.constantFrom(...variants), (topic, variant) => {
        const text = dialect.writeTopic(topic, variant)
        expect(text).toBeDefined()
        expect(dialect.readTopic(text!, principal)).toBe(topic)
      }),
    )
  })

  it('says what it read the way it was written', () => {
    fc.assert(
      fc.property(rawTexts, text => {
        const topic = read(() => dialect.readTopic(text, principal))
        if (topic === undefined) return
        const variant = variants.length === 1 ? '' : text.split('/')[1]!
        expect(dialect.writeTopic(topic, variant)).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  it('maps a filter to one that matches the same topics, no more and no fewer', () => {
    let claimed = 0
    fc.assert(
      fc.property(filterTexts, fc.array(topics, { minLength: 1, maxLength: 20 }), (text, candidates) => {
        const filter = read(() => dialect.readFilter(text, principal))
        if (filter === undefined) return
        claimed++
        parseFilter(filter.filter)
        for (const topic of candidates) {
          const written = dialect.writeTopic(topic, filter.variant)!
          expect(matchesFilter(filter.filter, topic), `${text} and ${written}`).toBe(matchesFilter(text, written))
        }
      }),
      { numRuns: 3_000 },
    )
    expect(claimed).toBeGreaterThan(200)
  })

  it('never maps to a topic or filter of the server’s own', () => {
    fc.assert(
      fc.property(filterTexts, text => {
        expect(read(() => dialect.readFilter(text, principal))?.filter.startsWith('$')).not.toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it('claims no topic by a filter that it would not claim by itself', () => {
    fc.assert(
      fc.property(filterTexts, rawTexts, (text, topic) => {
        // Its parent, without the level that makes it the dialect's, is the one exception; nothing is delivered under it.
        if (text.endsWith('/#') && topic === text.slice(0, -2)) return
        if (read(() => dialect.readFilter(text, principal)) === undefined || !matchesFilter(text, topic)) return
        if (topic.includes('$') || topic.split('/').includes('')) return
        expect(dialect.readTopic(topic, principal)).toBeDefined()
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('rawTopics', () => {
  const dialect = rawTopics({ channel: 'open' })
  const anyText = fc.oneof(
    rawTexts,
    fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => !isWild(text)),
  )

  it('keeps every topic verbatim below its channel, but for those of the server', () => {
    fc.assert(
      fc.property(anyText, text => {
        const topic = read(() => dialect.readTopic(text, principal))
        if (text.startsWith('$')) expect(topic).toBe(undefined)
        else {
          expect(topic).toBe(`open/${text}`)
          expect(dialect.writeTopic(topic!, '')).toBe(text)
        }
      }),
    )
  })

  it('maps a filter to one that matches the same topics, no more and no fewer', () => {
    fc.assert(
      fc.property(fc.oneof(filterTexts, fc.constantFrom('#', '+', '+/#', '/#', '/+')), rawTexts, (text, raw) => {
        const filter = read(() => dialect.readFilter(text, principal))
        const topic = read(() => dialect.readTopic(raw, principal))
        if (filter === undefined || topic === undefined) return
        expect(matchesFilter(filter.filter, topic)).toBe(matchesFilter(text, raw))
      }),
      { numRuns: 3_000 },
    )
  })

  it('says nothing of topics elsewhere, of its channel itself, or of what starts with $ below it', () => {
    for (const topic of ['open', 'open/', 'opening/a', 'other/a', 'open/$SYS/a']) {
      expect(dialect.writeTopic(topic, ''), topic).toBe(undefined)
    }
    expect(dialect.writeTopic('open//a', '')).toBe('/a')
    expect(() => rawTopics({ channel: 'a/b' })).toThrow("channel name has '/'")
  })
})
