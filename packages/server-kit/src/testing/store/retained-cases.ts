import { deepStrictEqual as equal } from 'node:assert/strict'
import type { StoreCase } from './case.ts'
import { everything, message, range, readAll, sequencesOf } from './reading.ts'

export const retainedCases: readonly StoreCase[] = [
  {
    name: 'keeps the last value of a topic, and an empty payload clears it',
    run: async open => {
      const store = await open()
      const put = (sequence: number, topic: string, text: string) =>
        message(sequence, topic, { retain: true, payload: new TextEncoder().encode(text) })
      await store.log.append([put(1, 'a', 'one'), put(2, 'b', 'one'), put(3, 'a', 'two'), message(4, 'a')])
      equal(sequencesOf(await store.retained.match('d1', ['a', 'b'], 9)), [3, 2])
      await store.log.append([put(5, 'a', ''), put(6, 'b', ''), put(7, 'b', 'again')])
      equal(await store.retained.match('d1', ['#'], 9), [put(7, 'b', 'again')])
      equal(await store.retained.topics(), [{ domain: 'd1', topic: 'b', sequence: 7 }])
      equal(sequencesOf(await readAll(store)), range(1, 7))
    },
  },
  {
    name: 'keeps a last value that does not enter the log',
    run: async open => {
      const store = await open()
      const fields = { retain: true }
      await store.log.append([message(1, 'a', fields), message(2, 'b', fields), message(3, 'c')], {
        recorded: [false, true, false],
      })
      equal(sequencesOf(await readAll(store)), [2])
      equal(sequencesOf(await store.retained.match('d1', ['#'], 9)), [1, 2])
      equal(store.log.nextSequence, 4)
      const page = await store.log.read(everything)
      equal([page.complete, page.scannedTo], [true, 3])
    },
  },
  {
    name: 'finds last values by filter, in order of topic, up to a limit',
    run: async open => {
      const store = await open()
      const topics = ['b/y', 'b', 'a/x', 'c/x/1', 'a', 'a/x/1', 'ab', '$sys/x', 'a!/x']
      await store.log.append([
        ...topics.map((topic, i) => message(i + 1, topic, { retain: true })),
        message(99, 'a/x', { retain: true, domain: 'd2' }),
      ])
      const match = async (filters: string[], limit = 99) =>
        (await store.retained.match('d1', filters, limit)).map(({ topic }) => topic)
      equal(await match(['a/#']), ['a', 'a/x', 'a/x/1'])
      equal(await match(['+/x']), ['a!/x', 'a/x'])
      equal(await match(['+/x/#', 'a']), ['a', 'a!/x', 'a/x', 'a/x/1', 'c/x/1'])
      equal(await match(['#'], 3), ['a', 'a!/x', 'a/x'])
      equal(await match(['b/y', 'b/y', '$sys/+']), ['$sys/x', 'b/y'])
      equal(await match(['none']), [])
      equal(await match([]), [])
      equal((await store.retained.topics()).length, 10)
    },
  },
  {
    name: 'gives last values page by page, each once',
    run: async open => {
      const store = await open()
      const topics = range(1, 50).map(i => `a/${i}/é`)
      await store.log.append(topics.map((topic, i) => message(i + 1, topic, { retain: true })))
      const seen: string[] = []
      for (let page = await store.retained.match('d1', ['a/#'], 7); page.length > 0; ) {
        seen.push(...page.map(({ topic }) => topic))
        page = await store.retained.match('d1', ['a/#'], 7, seen.at(-1))
      }
      equal(seen, [...topics].sort())
      equal(await store.retained.match('d1', ['a/#'], 0), [])
    },
  },
]
