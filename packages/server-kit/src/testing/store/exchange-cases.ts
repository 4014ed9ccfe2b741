import { deepStrictEqual as equal, rejects } from 'node:assert/strict'
import type { Store } from '../../contracts/index.ts'
import type { StoreCase } from './case.ts'
import { message, session } from './reading.ts'

/** By session: what has begun and is not released, and what was received. */
async function notes(
  store: Store,
): Promise<Record<string, readonly [transfers: readonly number[], received: readonly number[]]>> {
  const records = await store.sessions.load()
  return Object.fromEntries(records.map(({ id, transfers = [], received = [] }) => [id, [transfers, received]]))
}

export const exchangeCases: readonly StoreCase[] = [
  {
    name: 'notes transfers with the messages that begin them, for sessions it has',
    run: async open => {
      const store = await open()
      await store.sessions.save([session('s1'), session('s2')])
      const transfers = [
        { session: 's1', tag: 65_535 },
        { session: 's2', tag: 3 },
        { session: 's1', tag: 12 },
        { session: 'nobody', tag: 5 },
        { session: 's1', tag: 3 },
      ]
      await store.log.append([message(1), message(2)], { transfers })
      // Also where the message itself is not recorded, and a second time.
      await store.log.append([message(3)], { recorded: [false], transfers: [{ session: 's2', tag: 4 }] })
      await store.log.append([message(4)], { transfers: [{ session: 's2', tag: 4 }] })
      equal(await notes(store), { s1: [[3, 12, 65_535], []], s2: [[3, 4], []] })
      // What came before the record was no part of it.
      await store.sessions.save([session('nobody')])
      equal((await notes(store)).nobody, [[], []])
    },
  },
  {
    name: 'notes no transfer of a batch that it refuses',
    run: async open => {
      const store = await open()
      await store.sessions.save([session('s1')])
      await store.log.append([message(10)])
      await rejects(store.log.append([message(10)], { transfers: [{ session: 's1', tag: 1 }] }))
      await rejects(store.log.append([message(12), message(11)], { transfers: [{ session: 's1', tag: 2 }] }))
      equal(await notes(store), { s1: [[], []] })
    },
  },
  {
    name: 'keeps transfers and receptions when their session is saved, and lets them go with it',
    run: async open => {
      const store = await open()
      await store.sessions.save([session('s1'), session('s2')])
      for (const id of ['s1', 's2']) {
        await store.log.append([message(id === 's1' ? 1 : 2)], { transfers: [{ session: id, tag: 7 }] })
        await store.sessions.receive([{ id, sequence: 20 }])
      }
      // As loaded, and with what a caller may have put there.
      for (const record of await store.sessions.load()) await store.sessions.save([record])
      await store.sessions.save([session('s1', { transfers: [1], received: [99], disconnectedAtMs: 4 })])
      equal(await notes(store), { s1: [[7], [20]], s2: [[7], [20]] })
      await store.sessions.remove(['s1'])
      equal(await notes(store), { s2: [[7], [20]] })
      await store.sessions.save([session('s1')])
      equal(await notes(store), { s1: [[], []], s2: [[7], [20]] })
    },
  },
  {
    name: 'ends transfers that it is told to release, and no others',
    run: async open => {
      const store = await open()
      await store.sessions.save([session('s1'), session('s2')])
      const tags = [1, 2, 3].flatMap(tag => ['s1', 's2'].map(id => ({ session: id, tag })))
      await store.log.append([message(1)], { transfers: tags })
      await store.sessions.release([
        { session: 's1', tag: 2 },
        { session: 's1', tag: 9 },
        { session: 'nobody', tag: 1 },
        { session: 's2', tag: 1 },
      ])
      await store.sessions.release([])
      equal(await notes(store), { s1: [[1, 3], []], s2: [[2, 3], []] })
      // The tag is free.
      await store.log.append([message(2)], { transfers: [{ session: 's1', tag: 2 }] })
      equal((await notes(store)).s1, [[1, 2, 3], []])
    },
  },
  {
    name: 'notes receptions for sessions it has, until their cursor is past them',
    run: async open => {
      const store = await open()
      await store.sessions.save([session('s1', { cursor: 10 }), session('s2', { cursor: 10 })])
      await store.sessions.receive([
        { id: 's1', sequence: 1_000_000 },
        { id: 's1', sequence: 12 },
        { id: 'nobody', sequence: 12 },
        { id: 's1', sequence: 11 },
        { id: 's2', sequence: 11 },
      ])
      await store.sessions.receive([{ id: 's1', sequence: 12 }])
      await store.sessions.receive([])
      equal(await notes(store), { s1: [[], [11, 12, 1_000_000]], s2: [[], [11]] })
      await store.sessions.advance([{ id: 's1', cursor: 12 }])
      equal(await notes(store), { s1: [[], [1_000_000]], s2: [[], [11]] })
      // A move that is behind takes nothing with it that is ahead.
      await store.sessions.advance([{ id: 's1', cursor: 5 }])
      equal((await notes(store)).s1, [[], [1_000_000]])
      // A record that is saved further on has no use for what lies behind.
      await store.sessions.save([session('s1', { cursor: 2_000_000 })])
      equal((await notes(store)).s1, [[], []])
      await store.sessions.receive([{ id: 'nobody', sequence: 1 }])
      await store.sessions.save([session('nobody', { cursor: 0 })])
      equal((await notes(store)).nobody, [[], []])
    },
  },
  {
    name: 'has transfers and receptions again after a restart',
    needs: 'restart',
    run: async open => {
      let store = await open()
      const restart = async () => {
        await store.stop()
        store = await open()
      }
      await store.sessions.save([session('s1', { cursor: 10 }), session('s2', { cursor: 10 })])
      await store.log.append([message(11), message(12)], {
        transfers: [300, 20, 1].map(tag => ({ session: 's1', tag })),
      })
      await store.sessions.receive([40, 300, 12].map(sequence => ({ id: 's2', sequence })))
      await restart()
      equal(await notes(store), { s1: [[1, 20, 300], []], s2: [[], [12, 40, 300]] })
      await store.sessions.release([{ session: 's1', tag: 20 }])
      await store.sessions.advance([{ id: 's2', cursor: 40 }])
      await restart()
      equal(await notes(store), { s1: [[1, 300], []], s2: [[], [300]] })
      await store.sessions.remove(['s1', 's2'])
      await restart()
      await store.sessions.save([session('s1'), session('s2')])
      equal(await notes(store), { s1: [[], []], s2: [[], []] })
    },
  },
]
