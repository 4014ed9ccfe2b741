import { deepStrictEqual as equal, ok } from 'node:assert/strict'
import type { StoreCase } from './case.ts'
import { message, range, readAll, sequencesOf } from './reading.ts'

const hour = 3_600_000

export const pruneCases: readonly StoreCase[] = [
  {
    name: 'prunes through a sequence exactly, and counts what went',
    run: async open => {
      const store = await open()
      const batch = range(1, 20).map(i => message(i, i % 2 === 0 ? 'a/b' : 'c', { payload: new Uint8Array(i) }))
      await store.log.append(batch.slice(0, 13))
      await store.log.append(batch.slice(13))
      const reports = await store.log.prune([{ domain: 'd1', channel: 'a', through: 9 }])
      equal(reports.length, 1)
      equal([reports[0]?.domain, reports[0]?.channel, reports[0]?.messages, reports[0]?.through], ['d1', 'a', 4, 8])
      ok((reports[0]?.bytes ?? 0) >= 2 + 4 + 6 + 8)
      equal(sequencesOf(await readAll(store, { filters: [{ filter: 'a/#', after: 0 }] })), [10, 12, 14, 16, 18, 20])
      equal(
        sequencesOf(await readAll(store)),
        range(1, 20).filter(i => i % 2 === 1 || i > 9),
      )
      equal(await store.log.prune([{ domain: 'd1', channel: 'a', through: 9 }]), [])
      const [rest] = await store.log.prune([{ domain: 'd1', channel: 'a', through: 1000 }])
      equal([rest?.messages, rest?.through], [6, 20])
      equal(
        sequencesOf(await readAll(store)),
        range(1, 20).filter(i => i % 2 === 1),
      )
    },
  },
  {
    name: 'prunes by age, oldest first, and touches no other channel or domain',
    run: async open => {
      const store = await open()
      for (const i of range(1, 60)) {
        // Large enough for no store to join what was appended apart: it would have to keep what is joined with younger ones.
        const payload = new Uint8Array(25_000)
        const fields = { acceptedAtMs: hour + i * 1000, payload }
        await store.log.append([
          message(3 * i, 'a/b', fields),
          message(3 * i + 1, 'keep/b', fields),
          message(3 * i + 2, 'a/b', { ...fields, domain: 'd2' }),
        ])
      }
      const before = sequencesOf(await readAll(store, { filters: [{ filter: 'a/b', after: 0 }] }))
      const [report] = await store.log.prune([{ domain: 'd1', channel: 'a', beforeMs: hour + 41_000 }])
      const after = sequencesOf(await readAll(store, { filters: [{ filter: 'a/b', after: 0 }] }))
      const messages = report?.messages ?? 0
      equal(after, before.slice(messages), 'the oldest went, and are counted')
      equal(report?.through, before[messages - 1])
      ok(messages > 0 && messages <= 40, 'nothing younger went')
      equal((await readAll(store, { filters: [{ filter: 'keep/b', after: 0 }] })).length, 60)
      equal((await readAll(store, { domain: 'd2' })).length, 60)
      await store.log.prune([{ domain: 'd1', channel: 'a', beforeMs: 2 * hour }])
      equal(await readAll(store, { filters: [{ filter: 'a/b', after: 0 }] }), [])
    },
  },
  {
    name: 'prunes by bytes and keeps the newest',
    run: async open => {
      const store = await open()
      const kept = async () => sequencesOf(await readAll(store, { filters: [{ filter: 'a', after: 0 }] }))
      for (const i of range(1, 60)) await store.log.append([message(i, 'a', { payload: new Uint8Array(8000) })])
      equal(await store.log.prune([{ domain: 'd1', channel: 'a', bytesMax: 1e9 }]), [])
      const [report] = await store.log.prune([{ domain: 'd1', channel: 'a', bytesMax: 160_000 }])
      const messages = report?.messages ?? 0
      ok(messages > 0 && (60 - messages) * 8000 >= 160_000 - 8000 - 20 * 60, 'as many bytes as were asked for are left')
      ok((report?.bytes ?? 0) >= messages * 8000)
      equal(await kept(), range(messages + 1, 60))
      const [rest] = await store.log.prune([{ domain: 'd1', channel: 'a', bytesMax: 0 }])
      equal([rest?.messages, rest?.through], [60 - messages, 60])
      equal(await kept(), [])
      await store.log.append([message(61, 'a')])
      equal(await kept(), [61])
    },
  },
  {
    name: 'prunes only what was asked for, and never a last value',
    run: async open => {
      const store = await open()
      await store.log.append([message(1, 'a', { retain: true })])
      equal(await store.log.prune([]), [])
      equal(await store.log.prune([{ domain: 'd1', channel: 'unknown', through: 9 }]), [])
      equal(await store.log.prune([{ domain: 'd1', channel: 'a' }]), [])
      equal(sequencesOf(await readAll(store)), [1])
      await store.log.prune([{ domain: 'd1', channel: 'a', through: 9 }])
      equal(await readAll(store), [])
      equal(sequencesOf(await store.retained.match('d1', ['a'], 9)), [1])
    },
  },
]
