import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson } from '../../src/client/json-payload.ts'
import { jsonCodec } from '../../src/codec/index.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'

const outcome = (read: () => unknown): unknown => {
  try {
    return { value: read() }
  } catch {
    return 'refused'
  }
}

const agree = (text: string): void => {
  expect(outcome(() => readJson(text))).toEqual(outcome(() => jsonCodec.decode(encodeUtf8(text))))
}

describe('the JSON of a message that came in a packet', () => {
  it('is what the codec makes of it', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'prototype', 'a'))
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 20, depthSize: 'large' },
        fc.constantFrom('null', 'true', '0', '-1.5', '1e309', '""', '"__proto__"', 'nul', '"'),
        fc.double().map(number => JSON.stringify(number)),
        fc.array(tie('value'), { maxLength: 4 }).map(items => `[${items.join()}]`),
        fc.uniqueArray(fc.tuple(key, tie('value')), { maxLength: 4, selector: ([name]) => name }).map(members => {
          return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${member}`).join()}}`
        }),
      ),
    }))
    fc.assert(
      fc.property(value, text => agree(text as string)),
      { numRuns: 1_000 },
    )
  })

  it.each([15, 16, 17, 1_000])('is as deep as the codec lets it be: %i', depth => {
    agree('['.repeat(depth) + ']'.repeat(depth))
    agree(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)
  })

  it.each([9_998, 9_999, 10_000])('has as many values as the codec lets it have: %i in a list', count => {
    agree(`[${'0,'.repeat(count - 1)}0]`)
  })

  it('has objects without a prototype', () => {
    expect(Object.getPrototypeOf(readJson('{}'))).toBe(null)
  })
})
