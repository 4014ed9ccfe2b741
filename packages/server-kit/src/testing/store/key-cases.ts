import { deepStrictEqual as equal, rejects } from 'node:assert/strict'
import type { KeyRecord } from '../../contracts/index.ts'
import type { StoreCase } from './case.ts'
import { message } from './reading.ts'

const note = (sequence: number, key: string, fields: Partial<KeyRecord> = {}): KeyRecord => ({
  domain: 'd1',
  publisher: 'thing:1',
  key,
  sequence,
  ...fields,
})

export const keyCases: readonly StoreCase[] = [
  {
    name: 'notes idempotency keys with their messages, by ascending sequence',
    run: async open => {
      const store = await open()
      equal(await store.keys.load(), [])
      const keys = [note(1, 'a'), note(3, ' ~"\\'), note(2, 'a', { publisher: 'user:2' })]
      await store.log.append([message(1), message(2), message(3)], { keys })
      // Also where the message itself is not recorded, and where its publisher has had the key before.
      const later = [note(4, 'a'), note(5, 'a', { domain: 'd2' })]
      await store.log.append([message(4), message(5)], { recorded: [false, true], keys: later })
      equal(await store.keys.load(), [keys[0], keys[2], keys[1], ...later])
    },
  },
  {
    name: 'lets keys go by sequence, also those of the same batch, and minds none that it has not',
    run: async open => {
      const store = await open()
      await store.log.append([message(1), message(2)], { keys: [note(1, 'a'), note(2, 'b')] })
      await store.log.append([message(3), message(4)], {
        keys: [note(3, 'a'), note(4, 'c')],
        forgottenKeys: [1, 4, 99],
      })
      equal(await store.keys.load(), [note(2, 'b'), note(3, 'a')])
    },
  },
  {
    name: 'lets keys go in any order, whatever gaps there are between their sequences',
    run: async open => {
      const store = await open()
      const sequences = [1, 2, 9, 10, 17, 4_097, 4_098, 100_000, 2 ** 33, 2 ** 33 + 1]
      const kept = new Map<number, KeyRecord>()
      for (const batch of [sequences.slice(0, 3), sequences.slice(3)]) {
        const keys = batch.map(sequence => note(sequence, `${sequence}`, { publisher: `thing:${sequence % 2}` }))
        for (const key of keys) kept.set(key.sequence, key)
        await store.log.append(
          batch.map(sequence => message(sequence)),
          { keys },
        )
      }
      const last = 2 ** 33 + 2
      for (const [n, gone] of [[2 ** 33, 9, 4_097], [3, 10, 10, 4_099], sequences].entries()) {
        for (const sequence of gone) kept.delete(sequence)
        await store.log.append([message(last + n)], { forgottenKeys: gone })
        equal(await store.keys.load(), [...kept.values()])
      }
    },
  },
  {
    name: 'notes no key, and lets none go, with a batch that it refuses',
    run: async open => {
      const store = await open()
      await store.log.append([message(10)], { keys: [note(10, 'a')] })
      const more = { keys: [note(11, 'b')], forgottenKeys: [10] }
      await rejects(store.log.append([message(10)], more))
      await rejects(store.log.append([message(12), message(11)], more))
      equal(await store.keys.load(), [note(10, 'a')])
    },
  },
  {
    name: 'keeps keys when the messages go',
    run: async open => {
      const store = await open()
      await store.log.append([message(1)], { keys: [note(1, 'a')] })
      await store.log.prune([{ domain: 'd1', channel: 'a', through: 1 }])
      equal(await store.keys.load(), [note(1, 'a')])
    },
  },
  {
    name: 'has keys again after a restart',
    needs: 'restart',
    run: async open => {
      const store = await open()
      await store.log.append([message(1), message(2)], { keys: [note(1, 'a'), note(2, 'b')] })
      await store.log.append([message(3)], { keys: [note(3, 'c')], forgottenKeys: [1] })
      await store.stop()
      equal(await (await open()).keys.load(), [note(2, 'b'), note(3, 'c')])
    },
  },
]
