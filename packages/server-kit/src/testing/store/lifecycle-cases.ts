import { deepStrictEqual as equal, ok, rejects } from 'node:assert/strict'
import { isThingmeshError } from '@thingmesh/core'
import type { StoreCase } from './case.ts'
import { everything, loaded, message, range, readAll, sequencesOf, session } from './reading.ts'

export const lifecycleCases: readonly StoreCase[] = [
  {
    name: 'starts and stops as often as it is told, and refuses in between',
    run: async open => {
      const store = await open()
      await store.start()
      await store.log.append([message(1)])
      await Promise.all([store.stop(), store.stop()])
      await store.stop()
      for (const refused of [
        () => store.log.append([message(2)]),
        () => store.log.read(everything),
        () => store.log.reserve(9),
        () => store.retained.topics(),
        () => store.sessions.load(),
        () => store.registry.load(),
      ]) {
        await rejects(refused, error => isThingmeshError(error) && error.code === 'unavailable')
      }
    },
  },
  {
    name: 'finishes what is under way when it stops',
    needs: 'restart',
    run: async open => {
      const store = await open()
      const appended = range(1, 50).map(i => store.log.append([message(i)]))
      await Promise.all([store.stop(), ...appended])
      equal(sequencesOf(await readAll(await open())), range(1, 50))
    },
  },
  {
    name: 'has everything again after a restart',
    needs: 'restart',
    run: async open => {
      const store = await open()
      const sent = [message(1, 'a', { retain: true }), message(2, 'b/c', { properties: { utf8: true } })]
      await store.log.append(sent)
      await store.sessions.save([session('s1')])
      await store.sessions.advance([{ id: 's1', cursor: 44 }])
      await store.registry.write([{ op: 'put', record: { kind: 'k', id: 'i', value: 1 } }])
      const { id } = store.log
      await store.stop()
      const again = await open()
      equal(again.log.id, id)
      equal(await readAll(again), sent)
      equal(await again.retained.match('d1', ['a'], 9), [sent[0]])
      equal(await again.sessions.load(), [loaded(session('s1', { cursor: 44 }))])
      equal(await again.registry.load(), [{ kind: 'k', id: 'i', value: 1 }])
      await again.log.append([message(3)])
      equal(sequencesOf(await readAll(again)), [1, 2, 3])
    },
  },
  {
    name: 'never gives a sequence twice, whatever was pruned or only reserved',
    needs: 'restart',
    run: async open => {
      let store = await open()
      const restart = async () => {
        await store.stop()
        store = await open()
        return store.log.nextSequence
      }
      await store.log.append([message(5)])
      ok((await restart()) >= 6)
      await store.log.append([message(7, 'x', { retain: true })], { recorded: [false] })
      await store.log.append([message(8, 'x', { retain: true, payload: new Uint8Array(0) })], { recorded: [false] })
      ok((await restart()) >= 9)
      await store.log.append([message(20)])
      await store.log.prune([{ domain: 'd1', channel: 'a', bytesMax: 0 }])
      ok((await restart()) >= 21)
      await store.log.reserve(5000)
      ok((await restart()) >= 5000)
    },
  },
]
