import type { ReceivedMessage } from '@thingmesh/client-browser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageLog } from '../page/message-log.ts'
import { numbersOf, SeriesReader } from '../page/series.ts'

function message(n: number, payload: unknown = n): ReceivedMessage {
  return {
    id: `hub.epoch.${n}`,
    cursor: String(n),
    channel: 'telemetry',
    subtopic: 'room1',
    topic: 'telemetry/room1',
    publisher: 'thing:1',
    protocol: 'coap',
    acceptedAtMs: n * 1000,
    contentType: 'application/json',
    delivery: 'at-least-once',
    retain: false,
    encoding: 'json',
    payload: payload as number,
  }
}

const numbers = (log: MessageLog) => log.items.map(({ payload }) => payload)
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('the log of a page', () => {
  it('has each message once and in order, however history and what comes live overlap, and whatever comes again', () => {
    const scenes = fc.record({
      total: fc.integer({ min: 1, max: 60 }),
      /** How many there were when the subscription was confirmed, and when history was read. */
      confirmed: fc.nat(60),
      read: fc.nat(60),
      pageSize: fc.integer({ min: 1, max: 20 }),
      repeats: fc.array(fc.nat(59), { maxLength: 10 }),
    })
    fc.assert(
      fc.property(scenes, ({ total, confirmed, read, pageSize, repeats }) => {
        const first = Math.min(confirmed, total)
        const end = Math.min(Math.max(read, first), total)
        const log = new MessageLog(1_000)
        for (const n of upTo(first + 1, end)) log.append(message(n))
        // As the feed does: back from where the first live one is, or from the end of the log.
        let before = log.items[0] === undefined ? end + 1 : Number(log.items[0].cursor)
        while (before > 1) {
          const start = Math.max(1, before - pageSize)
          log.prepend(upTo(start, before - 1).map(n => message(n)))
          before = start
        }
        for (const n of upTo(end + 1, total)) log.append(message(n))
        for (const n of repeats) if (n < total) expect(log.append(message(n + 1))).toBe(false)
        expect(numbers(log)).toEqual(upTo(1, total))
      }),
    )
  })

  it('takes what lies in both once', () => {
    const log = new MessageLog(100)
    for (const n of [4, 5]) log.append(message(n))
    expect(log.prepend(upTo(1, 5).map(n => message(n))).length).toBe(3)
    expect(numbers(log)).toEqual(upTo(1, 5))
  })

  it('lets the oldest go, counts them, and takes no more of the past than it has room for', () => {
    const log = new MessageLog(8)
    for (const n of upTo(1, 50)) log.append(message(n))
    expect(log.items.length).toBeLessThanOrEqual(10)
    expect(log.items.length + log.dropped).toBe(50)
    expect(numbers(log).at(-1)).toBe(50)
    expect(log.prepend([message(1)])).toEqual([])
    const small = new MessageLog(3)
    small.append(message(5))
    small.prepend(upTo(1, 4).map(n => message(n)))
    expect(numbers(small)).toEqual([3, 4, 5])
  })
})

describe('series', () => {
  it('are the numbers of payloads, by where they are', () => {
    expect(numbersOf(message(1, { a: 1, b: { c: 2, d: 'x' }, e: [3, true] }))).toEqual([
      ['a', 1],
      ['b.c', 2],
      ['e.0', 3],
    ])
    expect(numbersOf(message(1, 21.5))).toEqual([['', 21.5]])
    const text = { ...message(1), encoding: 'text' } as const
    expect(numbersOf({ ...text, payload: ' -2.5e1 ' })).toEqual([['', -25]])
    expect(numbersOf({ ...text, payload: '{"a":1}' })).toEqual([['a', 1]])
    expect(numbersOf({ ...text, payload: '21 °C' })).toEqual([])
    expect(numbersOf({ ...text, payload: '1e999' })).toEqual([])
    expect(numbersOf({ ...message(1), encoding: 'bytes', payload: Uint8Array.of(1) })).toEqual([])
  })

  it('are bounded in number and depth, whatever somebody publishes', () => {
    const wide = Object.fromEntries(upTo(1, 1_000).map(n => [`f${n}`, n]))
    expect(numbersOf(message(1, wide))).toHaveLength(32)
    expect(numbersOf(message(1, { a: { b: { c: { d: 1 } } } }))).toEqual([])
  })

  it('begin where they are asked to', () => {
    const [series] = new SeriesReader().read(
      upTo(1, 5).map(n => message(n)),
      3_000,
    )
    expect(series!.readings.map(({ value }) => value)).toEqual([3, 4, 5])
  })
})
