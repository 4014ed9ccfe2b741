import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultTopicLimits, parseChannelName, parseFilter, parseTopic, toTopic } from '../../src/address/index.ts'
import { isThingmeshError, type ThingmeshError } from '../../src/errors/index.ts'

// The same cases on every run: a failure is one that anybody can repeat.
fc.configureGlobal({ seed: 20160401 })

function refusal(run: () => unknown): ThingmeshError {
  try {
    run()
  } catch (error) {
    if (isThingmeshError(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const forbidden = [
  ...[0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0xfeff, 0xd800, 0xdbff, 0xdc00, 0xdfff],
].map(code => String.fromCharCode(code))

describe('parseTopic', () => {
  it.each([
    ['telemetry', 'telemetry', ''],
    ['telemetry/room1/temperature', 'telemetry', 'room1/temperature'],
    ['a//b', 'a', '/b'],
    ['a//', 'a', '/'],
    ['a/b/', 'a', 'b/'],
    ['a/$b', 'a', '$b'],
    ['a b/c', 'a b', 'c'],
    ['größe/温度/🌡', 'größe', '温度/🌡'],
    ['__proto__/constructor', '__proto__', 'constructor'],
  ])('splits %j', (topic, channel, subtopic) => {
    expect(parseTopic(topic)).toEqual({ channel, subtopic })
    expect(toTopic(parseTopic(topic))).toBe(topic)
  })

  it.each(['', '/', '//', '/a', 'a/', '+', '#', 'a/+', 'a/#', 'a/b+', 'a#/b', '$SYS', '$SYS/x', '$'])(
    'refuses %j',
    topic => {
      expect(refusal(() => parseTopic(topic)).code).toBe('invalid-argument')
    },
  )

  it('refuses characters that are unsafe in logs, and names them by code point only', () => {
    for (const character of forbidden) {
      for (const topic of [`${character}a`, `a${character}b`, `a/b${character}`]) {
        const error = refusal(() => parseTopic(topic))
        expect(error.code).toBe('invalid-argument')
        expect(error.message).not.toContain(character)
        expect(error.message).toMatch(/U\+[0-9A-F]{4}/)
      }
    }
  })

  it('counts bytes of UTF-8, not characters', () => {
    expect(parseTopic('x'.repeat(256)).channel).toHaveLength(256)
    expect(parseTopic('é'.repeat(128)).channel).toHaveLength(128)
    expect(parseTopic('温'.repeat(85)).channel).toHaveLength(85)
    expect(parseTopic('🌡'.repeat(64)).channel).toHaveLength(128)
    for (const topic of ['x'.repeat(257), 'é'.repeat(129), '温'.repeat(86), `🌡${'🌡'.repeat(64)}`]) {
      const error = refusal(() => parseTopic(topic))
      expect(error.code).toBe('invalid-argument')
      expect(error.message).toMatch(/bytes, the limit is 256$/)
    }
  })

  it('says how many levels it found', () => {
    expect(parseTopic(Array(16).fill('a').join('/')).channel).toBe('a')
    expect(refusal(() => parseTopic(Array(17).fill('a').join('/'))).message).toBe(
      'topic has 17 levels, the limit is 16',
    )
    expect(refusal(() => parseTopic(`a${'/'.repeat(199)}a`)).message).toBe('topic has 200 levels, the limit is 16')
  })

  it('takes other limits', () => {
    expect(() => parseTopic('a/b', { topicBytesMax: 3, topicLevelsMax: 2 })).not.toThrow()
    expect(() => parseTopic('a/bc', { topicBytesMax: 3, topicLevelsMax: 2 })).toThrow('limit is 3')
    expect(() => parseTopic('///', { ...defaultTopicLimits, topicLevelsMax: 3 })).toThrow('4 levels')
  })

  it('lets through what MQTT discourages where it is told to, and NUL and lone surrogates nowhere', () => {
    const limits = { ...defaultTopicLimits, topicControlCharacters: true }
    for (const character of forbidden) {
      const isText = character !== '\0' && !/[\ud800-\udfff]/.test(character)
      for (const topic of [`a${character}b`, `a/${character}`]) {
        if (isText) expect(toTopic(parseTopic(topic, limits))).toBe(topic)
        else expect(refusal(() => parseTopic(topic, limits)).code).toBe('invalid-argument')
        if (isText) expect(parseFilter(topic, limits)).toBe(topic)
        else expect(refusal(() => parseFilter(topic, limits)).code).toBe('invalid-argument')
      }
    }
    const bytes = new TextEncoder().encode('a/\u0001\u0085\ufeff').byteLength
    expect(() => parseTopic('a/\u0001\u0085\ufeff', { ...limits, topicBytesMax: bytes })).not.toThrow()
    expect(() => parseTopic('a/\u0001\u0085\ufeff', { ...limits, topicBytesMax: bytes - 1 })).toThrow(
      `has at least ${bytes} bytes`,
    )
  })

  it('gives back every topic that it accepts, and accepts every address of valid levels', () => {
    const level = fc.stringMatching(/^[a-z$é温🌡 ._-]{0,6}$/u)
    const channel = level.filter(text => text !== '' && !text.startsWith('$'))
    fc.assert(
      fc.property(channel, fc.array(level, { maxLength: 8 }), (first, rest) => {
        const subtopic = rest.join('/')
        const topic = toTopic({ channel: first, subtopic })
        expect(parseTopic(topic)).toEqual({ channel: first, subtopic })
        expect(toTopic(parseTopic(topic))).toBe(topic)
      }),
    )
  })

  it('either refuses arbitrary text or gives it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), text => {
        let address: ReturnType<typeof parseTopic>
        try {
          address = parseTopic(text)
        } catch (error) {
          expect(isThingmeshError(error) && error.code).toBe('invalid-argument')
          return
        }
        expect(toTopic(address)).toBe(text)
      }),
    )
  })
})

describe('parseChannelName', () => {
  it.each(['telemetry', 'a b', 'größe', '__proto__', 'x'.repeat(64), 'é'.repeat(32)])('accepts %j', name => {
    expect(parseChannelName(name)).toBe(name)
  })

  it.each(['', 'a/b', '/', 'a/', '+', '#', 'a+', 'a#b', '$a', 'x'.repeat(65), 'é'.repeat(33), ...forbidden])(
    'refuses %j',
    name => {
      expect(refusal(() => parseChannelName(name)).code).toBe('invalid-argument')
    },
  )
})
