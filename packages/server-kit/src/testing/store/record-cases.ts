import { deepStrictEqual as equal } from 'node:assert/strict'
import type { StoreCase } from './case.ts'
import { loaded, session } from './reading.ts'

export const recordCases: readonly StoreCase[] = [
  {
    name: 'saves, replaces, moves and removes sessions',
    run: async open => {
      const store = await open()
      const full = session('s1', {
        disconnectedAtMs: 5,
        unacknowledged: { atLeastOnce: [11, 13], exactlyOnce: [12, 1_000_000_000_000] },
        subscriptions: [
          {
            filter: 'a/#',
            delivery: 'exactly-once',
            noLocal: true,
            retainAsPublished: false,
            subscriptionId: 3,
            since: 2,
          },
          { filter: 'b', delivery: 'at-most-once', noLocal: false, retainAsPublished: true, since: 9 },
        ],
      })
      const load = async () => [...(await store.sessions.load())].sort((a, b) => (a.id < b.id ? -1 : 1))
      equal(await load(), [])
      await store.sessions.save([full, session('s2'), session('s3')])
      equal(await load(), [full, session('s2'), session('s3')].map(loaded))
      await store.sessions.save([session('s2', { cursor: 3 })])
      await store.sessions.advance([
        { id: 's1', cursor: 20 },
        { id: 's2', cursor: 2 },
        { id: 'nobody', cursor: 7 },
      ])
      equal(await load(), [{ ...full, cursor: 20 }, session('s2', { cursor: 3 }), session('s3')].map(loaded))
      await store.sessions.advance([{ id: 's1', cursor: 30 }])
      await store.sessions.save([{ ...full, cursor: 25 }])
      await store.sessions.remove(['s3', 'nobody'])
      equal(await load(), [{ ...full, cursor: 25 }, session('s2', { cursor: 3 })].map(loaded))
    },
  },
  {
    name: 'puts and deletes registry rows',
    run: async open => {
      const store = await open()
      const value = { text: "'; --", n: 1.5, list: [null, true, { deep: [] }], 'a b': '☃' }
      const load = async () => {
        const key = ({ kind, id }: { kind: string; id: string }) => `${kind} ${id}`
        return [...(await store.registry.load())].sort((a, b) => (key(a) < key(b) ? -1 : 1))
      }
      await store.registry.write([
        { op: 'put', record: { kind: 'thing', id: '1', value } },
        { op: 'put', record: { kind: 'thing', id: '2', value: null } },
        { op: 'put', record: { kind: 'channel', id: '1', value: 'text' } },
        { op: 'put', record: { kind: '__proto__', id: 'constructor', value: [] } },
      ])
      await store.registry.write([])
      await store.registry.write([
        { op: 'delete', kind: 'thing', id: '2' },
        { op: 'delete', kind: 'thing', id: 'nobody' },
        { op: 'put', record: { kind: 'channel', id: '1', value: 'other' } },
      ])
      equal(await load(), [
        { kind: '__proto__', id: 'constructor', value: [] },
        { kind: 'channel', id: '1', value: 'other' },
        { kind: 'thing', id: '1', value },
      ])
    },
  },
]
