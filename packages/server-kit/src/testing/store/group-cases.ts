import { deepStrictEqual as equal } from 'node:assert/strict'
import type { GroupRecord, LoanRecord, Store } from '../../contracts/index.ts'
import type { StoreCase } from './case.ts'

function group(id: string, fields: Partial<GroupRecord> = {}): GroupRecord {
  return { id, domain: 'd1', name: 'workers', filter: 'a/#', position: 10, owed: [], ...fields }
}

function loan(sequence: number, fields: Partial<LoanRecord> = {}): LoanRecord {
  return { sequence, session: 's1', tag: 65_535, received: false, ...fields }
}

async function load(store: Store): Promise<readonly GroupRecord[]> {
  return [...(await store.groups.load())].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** As `load` gives it. */
function loaded(record: GroupRecord, loans: readonly LoanRecord[] = []): GroupRecord {
  return { ...record, loans }
}

export const groupCases: readonly StoreCase[] = [
  {
    name: 'saves, replaces, moves and removes groups',
    run: async open => {
      const store = await open()
      equal(await load(store), [])
      const first = group('g1', { domain: 'd2', name: "'; --", filter: '+/☃', owed: [3, 9] })
      await store.groups.save([first, group('g2'), group('g3')])
      await store.groups.save([])
      equal(
        await load(store),
        [first, group('g2'), group('g3')].map(record => loaded(record)),
      )
      await store.groups.save([group('g2', { position: 3 })])
      await store.groups.advance([
        { id: 'g1', position: 20, owed: [9, 1_000_000_000_000] },
        { id: 'g2', position: 2, owed: [1] },
        { id: 'nobody', position: 7, owed: [] },
      ])
      const moved = { ...first, position: 20, owed: [9, 1_000_000_000_000] }
      equal(
        await load(store),
        [moved, group('g2', { position: 3 }), group('g3')].map(record => loaded(record)),
      )
      // What is owed may change where the position does not.
      await store.groups.advance([{ id: 'g1', position: 20, owed: [] }])
      await store.groups.remove(['g3', 'nobody'])
      equal(
        await load(store),
        [{ ...moved, owed: [] }, group('g2', { position: 3 })].map(record => loaded(record)),
      )
    },
  },
  {
    name: 'notes loans of groups it has, until their position is past them and they are not owed',
    run: async open => {
      const store = await open()
      await store.groups.save([group('g1'), group('g2')])
      await store.groups.lend([
        { group: 'g1', ...loan(1_000_000) },
        { group: 'g1', ...loan(11) },
        { group: 'g1', ...loan(12, { tag: 65_100 }) },
        { group: 'nobody', ...loan(12) },
        { group: 'g2', ...loan(11, { session: 's2' }) },
      ])
      await store.groups.lend([])
      const taken = [loan(11), loan(12, { tag: 65_100 }), loan(1_000_000)]
      const other = loaded(group('g2'), [loan(11, { session: 's2' })])
      equal(await load(store), [loaded(group('g1'), taken), other])
      // Another holder, or what became of it, takes the place of what was noted.
      const changed = [loan(11, { received: true }), loan(12, { session: 's3' }), loan(1_000_000)]
      await store.groups.lend(changed.slice(0, 2).map(one => ({ group: 'g1', ...one })))
      await store.groups.save([group('g1', { loans: [loan(5)] })])
      equal(await load(store), [loaded(group('g1'), changed), other])
      await store.groups.advance([{ id: 'g1', position: 12, owed: [11] }])
      equal(await load(store), [loaded(group('g1', { position: 12, owed: [11] }), [changed[0]!, changed[2]!]), other])
      // A move that is behind takes nothing with it that is ahead.
      await store.groups.advance([{ id: 'g1', position: 11, owed: [] }])
      equal(await load(store), [loaded(group('g1', { position: 12, owed: [11] }), [changed[0]!, changed[2]!]), other])
      await store.groups.remove(['g1'])
      await store.groups.save([group('g1'), group('nobody')])
      equal(await load(store), [loaded(group('g1')), other, loaded(group('nobody'))])
    },
  },
  {
    name: 'has groups and their loans again after a restart',
    needs: 'restart',
    run: async open => {
      let store = await open()
      const restart = async () => {
        await store.stop()
        store = await open()
      }
      await store.groups.save([group('g1'), group('g2')])
      await store.groups.lend([11, 12, 13].map(sequence => ({ group: 'g1', ...loan(sequence) })))
      await restart()
      equal(await load(store), [loaded(group('g1'), [loan(11), loan(12), loan(13)]), loaded(group('g2'))])
      await store.groups.advance([{ id: 'g1', position: 12, owed: [12] }])
      await restart()
      equal(await load(store), [
        loaded(group('g1', { position: 12, owed: [12] }), [loan(12), loan(13)]),
        loaded(group('g2')),
      ])
      await store.groups.remove(['g1'])
      await restart()
      equal(await load(store), [loaded(group('g2'))])
    },
  },
]
