import { deepStrictEqual as equal, ok } from 'node:assert/strict'
import { type Message, matchesFilter } from '@thingmesh/core'
import type { MessageQuery } from '../../contracts/index.ts'
import { type MessageFields, seededRandom } from '../messages.ts'
import type { StoreCase } from './case.ts'
import { everything, message, range, readAll, sequencesOf } from './reading.ts'

const hour = 3_600_000

export const queryCases: readonly StoreCase[] = [
  {
    name: 'matches filters, each from its own start, and gives a message once',
    run: async open => {
      const store = await open()
      const topics = ['a', 'a/x', 'a/x/y', 'b/x', 'b', '$sys/x', 'ab/x']
      await store.log.append(topics.map((topic, i) => message(i + 1, topic)))
      const read = async (...filters: (readonly [string, number])[]) =>
        sequencesOf(await readAll(store, { filters: filters.map(([filter, after]) => ({ filter, after })) }))
      equal(await read(['a/#', 0]), [1, 2, 3])
      equal(await read(['a/+', 0]), [2])
      equal(await read(['+/x', 0]), [2, 4, 7])
      equal(await read(['#', 0]), [1, 2, 3, 4, 5, 7])
      equal(await read(['$sys/#', 0]), [6])
      equal(await read(['a/#', 2], ['+', 0]), [1, 3, 5])
      equal(await read(['a/x', 0], ['a/x', 5], ['a/+', 1]), [2])
      equal(await read(['a/#', 2], ['b/#', 4], ['nobody/#', 0]), [3, 5])
    },
  },
  {
    name: 'keeps domains apart',
    run: async open => {
      const store = await open()
      await store.log.append([message(1, 'a'), message(2, 'a', { domain: 'd2' }), message(3, 'a')])
      equal(sequencesOf(await readAll(store, { filters: [{ filter: 'a', after: 0 }] })), [1, 3])
      equal(sequencesOf(await readAll(store, { domain: 'd2' })), [2])
    },
  },
  {
    name: 'selects by position, time, publisher and delivery',
    run: async open => {
      const store = await open()
      for (const i of range(1, 20)) {
        const delivery = i % 4 === 0 ? 'at-most-once' : 'at-least-once'
        const fields: MessageFields = { acceptedAtMs: i * 1000, publisher: `thing:${i % 3}`, delivery }
        await store.log.append([message(i, i % 2 === 0 ? 'a/b' : 'c', fields)])
      }
      for (const filter of ['#', 'a/b']) {
        const filters = [{ filter, after: 2 }]
        const read = async (query: Partial<MessageQuery>) => {
          const up = sequencesOf(await readAll(store, { filters, ...query }))
          equal(sequencesOf(await readAll(store, { filters, ...query, newest: true, limit: 2 })), up)
          return up
        }
        const expected = (accept: (i: number) => boolean) =>
          range(3, 20).filter(i => accept(i) && (filter === '#' || i % 2 === 0))
        equal(
          await read({ before: 11 }),
          expected(i => i < 11),
        )
        equal(
          await read({ fromMs: 5000, toMs: 9000 }),
          expected(i => i >= 5 && i < 9),
        )
        equal(
          await read({ publisher: 'thing:1' }),
          expected(i => i % 3 === 1),
        )
        equal(
          await read({ ackedOnly: true }),
          expected(i => i % 4 !== 0),
        )
        equal(await read({ fromMs: 99_000 }), [])
        equal(await read({ before: 3 }), [])
      }
    },
  },
  {
    name: 'ends a page at its bytes, but never before its first message',
    run: async open => {
      const store = await open()
      await store.log.append(range(1, 9).map(i => message(i, 'a', { payload: new Uint8Array(1000) })))
      for (const newest of [false, true]) {
        const small = await store.log.read({ ...everything, newest, bytesMax: 1 })
        equal(sequencesOf(small.messages), [newest ? 9 : 1])
        equal(small.complete, false)
        const some = await store.log.read({ ...everything, newest, bytesMax: 3500 })
        ok(some.messages.length >= 2 && some.messages.length <= 4)
        equal(sequencesOf(await readAll(store, { newest, bytesMax: 2500 })), range(1, 9))
      }
    },
  },
  {
    name: 'tells where it has got to when nothing matches',
    run: async open => {
      const store = await open()
      for (const i of range(1, 40)) await store.log.append([message(i, i === 40 ? 'rare' : 'common')])
      const page = await store.log.read({ ...everything, filters: [{ filter: 'none', after: 3 }] })
      equal([page.messages, page.complete, page.scannedTo], [[], true, 40])
      equal(sequencesOf(await readAll(store, { filters: [{ filter: 'rare', after: 0 }], limit: 1 })), [40])
      equal(sequencesOf(await readAll(store, { filters: [{ filter: '+', after: 38 }], limit: 1 })), [39, 40])
    },
  },
  {
    name: 'agrees with a plain list of messages on any query',
    run: async open => {
      const store = await open()
      const random = seededRandom(7)
      const model: Message[] = []
      const topics = ['a', 'a/x', 'a/y', 'a/x/y', 'b', 'b/x', 'c/x', 'c/y/z']
      const filters = ['#', '+', 'a/#', 'a/+', '+/x', 'b', 'b/x', 'c/+/z', 'c/#', 'none/#']
      let next = 1
      for (let round = 0; round < 60; round++) {
        const batch: Message[] = []
        for (let i = random(8); i >= 0; i--) {
          next += 1 + random(3)
          batch.push(
            message(next, topics[random(topics.length)], {
              domain: `d${1 + random(2)}`,
              publisher: `thing:${random(3)}`,
              acceptedAtMs: hour + next * 10 - random(40),
              delivery: random(2) === 0 ? 'at-most-once' : 'at-least-once',
              payload: new Uint8Array(random(50)),
            }),
          )
        }
        const recorded = batch.map(() => random(10) > 0)
        await store.log.append(batch, { recorded })
        model.push(...batch.filter((_, i) => recorded[i]))
        const query: MessageQuery = {
          domain: `d${1 + random(2)}`,
          filters: range(0, random(3)).map(() => ({ filter: filters[random(filters.length)]!, after: random(next) })),
          before: random(3) === 0 ? random(next + 5) : undefined,
          fromMs: random(3) === 0 ? hour + random(next * 10) : undefined,
          toMs: random(3) === 0 ? hour + random(next * 10) : undefined,
          publisher: random(3) === 0 ? `thing:${random(3)}` : undefined,
          ackedOnly: random(2) === 0,
          newest: random(2) === 0,
          limit: 1 + random(20),
          bytesMax: 1 + random(400),
        }
        equal(
          await readAll(store, query),
          model.filter(sent => isSelected(sent, query)),
        )
      }
    },
  },
]

function isSelected(sent: Message, query: MessageQuery): boolean {
  const { domain, filters, before, fromMs, toMs, publisher, ackedOnly } = query
  return (
    sent.domain === domain &&
    filters.some(({ filter, after }) => sent.sequence > after && matchesFilter(filter, sent.topic)) &&
    (before === undefined || sent.sequence < before) &&
    (fromMs === undefined || sent.acceptedAtMs >= fromMs) &&
    (toMs === undefined || sent.acceptedAtMs < toMs) &&
    (publisher === undefined || sent.publisher === publisher) &&
    (ackedOnly !== true || sent.delivery !== 'at-most-once')
  )
}
