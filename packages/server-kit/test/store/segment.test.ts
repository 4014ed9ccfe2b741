import { crc32 } from 'node:zlib'
import type { Message } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readMessages, SegmentReader } from '../../src/store/segment/reader.ts'
import { SegmentWriter } from '../../src/store/segment/writer.ts'
import { testMessage } from '../../src/testing/messages.ts'

const text = fc.oneof(fc.constantFrom('', 'a', 'mqtt', '__proto__'), fc.string({ unit: 'grapheme', maxLength: 20 }))
const level = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map(s => s.replaceAll('/', '_'))
const bytes = fc.uint8Array({ maxLength: 80 })

const properties = fc.record(
  {
    replyTo: text,
    correlation: bytes,
    expiresInSeconds: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    utf8: fc.boolean(),
    headers: fc.array(fc.tuple(text, text), { maxLength: 4 }),
  },
  { requiredKeys: [] },
)

const message: fc.Arbitrary<Message> = fc
  .record({
    levels: fc.array(level, { minLength: 1, maxLength: 4 }),
    sequence: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.maxSafeNat()),
    fields: fc.record({
      payload: bytes,
      contentType: text,
      delivery: fc.constantFrom('at-most-once' as const, 'at-least-once' as const, 'exactly-once' as const),
      retain: fc.boolean(),
      domain: fc.constantFrom('d1', 'd2', ''),
      log: fc.record({ origin: text, epoch: fc.constantFrom('e', 'f') }),
      publisher: text,
      clientId: text,
      protocol: text,
      acceptedAtMs: fc.oneof(fc.constant(0), fc.maxSafeNat()),
    }),
    properties: fc.option(properties, { nil: undefined }),
  })
  .map(({ levels, sequence, fields, properties }) =>
    testMessage({
      topic: levels.join('/'),
      sequence,
      ...fields,
      ...(properties === undefined ? {} : { properties }),
    }),
  )

const messages = fc.array(message, { maxLength: 20 })

function encode(messages: readonly Message[], writer = new SegmentWriter()): Buffer<ArrayBuffer> {
  writer.begin()
  for (const message of messages) writer.add(message)
  return writer.finish()
}

describe('a segment', () => {
  it('gives back what was put in, from one writer for many', () => {
    const writer = new SegmentWriter()
    fc.assert(
      fc.property(messages, sent => {
        expect(readMessages(encode(sent, writer), 'x')).toEqual(sent)
      }),
    )
  })

  it('gives back what was copied, in any order and by position', () => {
    fc.assert(
      fc.property(messages, messages, (a, b) => {
        const writer = new SegmentWriter()
        const readers = [a, b].map(sent => new SegmentReader(encode(sent), 'x'))
        const rows = readers.flatMap(reader => {
          const positions: { reader: SegmentReader; at: number }[] = []
          while (reader.next()) positions.push({ reader, at: reader.at })
          return positions
        })
        for (const { reader, at } of rows.reverse()) {
          reader.seek(at)
          writer.copy(reader)
        }
        expect(readMessages(writer.finish(), 'x')).toEqual([...a, ...b].reverse())
      }),
    )
  })

  it('can be read while it is being written', () => {
    const writer = new SegmentWriter()
    const sent = Array.from({ length: 3000 }, (_, i) => testMessage({ topic: `a/${i % 700}`, sequence: i + 1 }))
    for (const message of sent) {
      writer.add(message)
      if (writer.count % 1000 === 0) expect(readMessages(writer.finish(), 'x')).toEqual(sent.slice(0, writer.count))
    }
    const large = testMessage({ topic: 'large', sequence: 4000, payload: new Uint8Array(5_000_000).fill(3) })
    writer.add(large)
    for (const segment of [writer.finish(), encode([large], writer)]) {
      const last = readMessages(segment, 'x').at(-1)
      expect(Buffer.compare(last?.payload ?? new Uint8Array(0), large.payload)).toBe(0)
    }
    expect(readMessages(encode(sent, writer), 'x')).toEqual(sent)
  })

  it('costs a peer that makes up a content type for every message no more than its bytes', () => {
    const sent = Array.from({ length: 500 }, (_, i) =>
      testMessage({ topic: 'a', sequence: i + 1, contentType: `type/${i % 100}`, clientId: `${i % 3}` }),
    )
    expect(readMessages(encode(sent), 'x')).toEqual(sent)
  })

  it('is refused by name when it is cut or changed anywhere', () => {
    const whole = encode([
      testMessage({ topic: 'a/b', sequence: 1, properties: { replyTo: 'r', headers: [['k', 'v']] } }),
      testMessage({ topic: 'c', sequence: 2 }),
    ])
    const refusal = expect.objectContaining({
      code: 'unavailable',
      message: expect.stringMatching(/^segment s17 is damaged/),
    })
    const read = (segment: Uint8Array) => {
      try {
        return readMessages(segment, 's17')
      } catch (error) {
        return error
      }
    }
    for (let at = 0; at < whole.length; at++) {
      expect(read(whole.subarray(0, at))).toEqual(refusal)
      for (const change of [0x01, 0x80, 0xff]) {
        const damaged = Uint8Array.from(whole)
        damaged[at]! ^= change
        expect(read(damaged)).toEqual(refusal)
      }
    }
    expect(read(whole)).toHaveLength(2)
  })

  it('is refused when a newer release wrote it', () => {
    const segment = encode([testMessage({ topic: 'a', sequence: 1 })])
    segment.writeUInt32LE(2, 4)
    segment.writeUInt32LE(crc32(segment.subarray(0, -4)), segment.length - 4)
    expect(() => readMessages(segment, 's1')).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })
})
