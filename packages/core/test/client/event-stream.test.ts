import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventStreamParser } from '../../src/client/event-stream.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

it('reads events however their bytes are cut', () => {
  const text =
    'retry: 2000\n\nid: 7\ndata: {"a":"ä"}\n\n: nothing new\n\n: nothing new\nid: 9\n\r\nevent: error\r\ndata:x\r\ndata: y\r\n\r\ndata: z\n\n'
  const expected = [
    { type: undefined, id: '7', data: '{"a":"ä"}' },
    { type: undefined, id: '9', data: undefined },
    { type: 'error', id: undefined, data: 'x\ny' },
    { type: undefined, id: undefined, data: 'z' },
  ]
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes(text).length })), cuts => {
      const parser = new EventStreamParser(1_000)
      const whole = bytes(text)
      const ends = [...cuts.sort((a, b) => a - b), whole.length]
      let start = 0
      const events = ends.flatMap(end => {
        const part = whole.slice(start, end)
        start = end
        return parser.push(part)
      })
      expect(events).toEqual(expected)
    }),
  )
})

it('refuses an event that is longer than the bound', () => {
  const parser = new EventStreamParser(20)
  expect(parser.push(bytes('data: 12345\n\ndata: 12345\n\n'))).toHaveLength(2)
  parser.push(bytes('data: 1234567'))
  expect(() => parser.push(bytes('89012345'))).toThrow(expect.objectContaining({ code: 'too-large' }))
})
