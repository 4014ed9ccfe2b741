import { deepStrictEqual as equal, ok, rejects } from 'node:assert/strict'
import type { StoreCase } from './case.ts'
import { everything, message, range, readAll, sequencesOf } from './reading.ts'

export const appendCases: readonly StoreCase[] = [
  {
    name: 'gives back every field of a message',
    run: async open => {
      const store = await open()
      const sent = [
        message(3, 'plain', { payload: new Uint8Array(0) }),
        message(7, 'a/b//c', { delivery: 'exactly-once', retain: true, contentType: 'text/plain', clientId: 'c-1' }),
        message(8, 'ünï/☃/𝒳', {
          delivery: 'at-most-once',
          publisher: "user:o'neil",
          log: { origin: 'elsewhere', epoch: 'e9' },
          acceptedAtMs: 5,
          properties: {
            replyTo: 'a/reply',
            correlation: Uint8Array.of(0, 255, 1),
            expiresInSeconds: 4_294_967_295,
            utf8: false,
            headers: [
              ['k', 'v'],
              ['', ''],
              ['k', 'another ☃'],
              ['__proto__', 'x'],
            ],
          },
        }),
        message(2 ** 52, 'a', { properties: {}, payload: new Uint8Array(300_000).fill(9) }),
      ]
      await store.log.append(sent)
      equal(await readAll(store), sent)
    },
  },
  {
    name: 'keeps batches in order and starts behind `after`',
    run: async open => {
      const store = await open()
      await Promise.all(range(0, 9).map(i => store.log.append(range(1, 5).map(n => message(i * 5 + n)))))
      equal(sequencesOf(await readAll(store)), range(1, 50))
      equal(sequencesOf(await readAll(store, { filters: [{ filter: 'a/b', after: 47 }] })), [48, 49, 50])
      equal(sequencesOf(await readAll(store, { limit: 7 })), range(1, 50))
      equal(sequencesOf(await readAll(store, { newest: true, limit: 7 })), range(1, 50))
    },
  },
  {
    name: 'a read sees the appends that were called before it',
    run: async open => {
      const store = await open()
      const appended = store.log.append([message(1), message(2)])
      const page = await store.log.read(everything)
      equal(sequencesOf(page.messages), [1, 2])
      equal(page.complete, true)
      equal(page.scannedTo, 2)
      await appended
    },
  },
  {
    name: 'has nothing to give when it is empty, or nothing is asked for',
    run: async open => {
      const store = await open()
      equal(await store.log.read(everything), { messages: [], scannedTo: 0, complete: true })
      equal((await store.log.read({ ...everything, newest: true })).complete, true)
      await store.log.append([message(1)])
      await store.log.append([])
      const none = await store.log.read({ ...everything, filters: [] })
      equal([none.messages, none.complete], [[], true])
      const elsewhere = await store.log.read({ ...everything, domain: 'nobody' })
      equal([elsewhere.messages, elsewhere.complete], [[], true])
    },
  },
  {
    name: 'keeps no reference to what it was given, and gives nothing away that it holds',
    run: async open => {
      const store = await open()
      const payload = Uint8Array.of(1, 2, 3)
      const appended = store.log.append([message(1, 'a', { payload, retain: true })])
      payload.fill(9)
      await appended
      for (const read of [() => readAll(store), () => store.retained.match('d1', ['a'], 1)]) {
        const [first] = await read()
        equal(first?.payload, Uint8Array.of(1, 2, 3))
        first?.payload.fill(7)
        equal((await read())[0]?.payload, Uint8Array.of(1, 2, 3))
      }
    },
  },
  {
    name: 'refuses sequences that do not rise, and stores nothing of such a batch',
    run: async open => {
      const store = await open()
      await store.log.append([message(5)])
      await rejects(store.log.append([message(4), message(6, 'a', { retain: true })]))
      await rejects(store.log.append([message(7), message(7)]))
      await rejects(store.log.append([message(8, 'b', { retain: true }), message(7)]))
      equal(sequencesOf(await readAll(store)), [5])
      equal(await store.retained.topics(), [])
      await store.log.append([message(6)])
      equal(sequencesOf(await readAll(store)), [5, 6])
    },
  },
  {
    name: 'raises the next sequence with appends and reservations',
    run: async open => {
      const store = await open()
      equal(store.log.nextSequence, 1)
      await store.log.append([message(4)])
      equal(store.log.nextSequence, 5)
      await store.log.reserve(1000)
      equal(store.log.nextSequence, 1000)
      await store.log.reserve(10)
      equal(store.log.nextSequence, 1000)
      ok(store.log.id.origin.length > 0 && store.log.id.epoch.length > 0)
    },
  },
  {
    name: 'holds names that mean something elsewhere',
    run: async open => {
      const store = await open()
      const names = ['__proto__', 'constructor', "a';DROP TABLE span;--", 'a.b', '*', '>', 'A', 'a', '%', '_']
      const sent = names.flatMap((name, i) => [
        message(2 * i + 1, `${name}/${name}`, { domain: name, publisher: name, retain: true }),
        message(2 * i + 2, name, { domain: name }),
      ])
      await store.log.append(sent)
      for (const name of names) {
        const expected = sent.filter(({ domain }) => domain === name)
        equal(await readAll(store, { domain: name }), expected)
        equal(await readAll(store, { domain: name, filters: [{ filter: `${name}/#`, after: 0 }] }), expected)
        equal(await store.retained.match(name, [`${name}/${name}`], 9), [expected[0]])
      }
    },
  },
]
