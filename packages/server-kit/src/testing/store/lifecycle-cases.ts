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
      const { origin } = store.log.id
      await store.stop()
      const again = await open()
      equal(again.log.id.origin, origin)
      equal(await readAll(again), sent)
      equal(await again.retained.match('d1', ['a'], 9), [sent[0]])
      equal(await again.sessions.load(), [loaded(session('s1', { cursor: 44 }))])
      equal(await again.registry.load(), [{ kind: 'k', id: 'i', value: 1 }])
      await again.log.append([message(3)])
      equal(sequencesOf(await readAll(again)), [1, 2, 3])
    },
  },
  {
    name: 'has one epoch in force, which is the last of its lineage, and the first of all from the very beginning',
    run: async open => {
      const { log } = await open()
      ok(log.id.epoch.length > 0)
      equal(log.lineage, [{ epoch: log.id.epoch, first: 0 }])
    },
  },
  {
    name: 'begins an epoch with every start, and keeps those in which something was appended, whatever it was',
    needs: 'restart',
    run: async open => {
      let store = await open()
      const kept = [...store.log.lineage]
      const restart = async () => {
        const first = store.log.nextSequence
        await store.stop()
        store = await open()
        const { id, lineage } = store.log
        equal(lineage, [...kept, { epoch: id.epoch, first }])
        ok(kept.every(({ epoch }) => epoch !== id.epoch))
        return lineage.at(-1)!
      }
      await store.log.reserve(10)
      await restart()
      await restart()
      await store.log.append([message(10)])
      kept.push(store.log.lineage.at(-1)!)
      kept.push(await restart())
      await store.log.append([message(11, 'x', { retain: true })], { recorded: [false] })
      const empty = await restart()
      await store.log.reserve(100)
      ok((await restart()).epoch !== empty.epoch)
      await store.log.append([message(100)])
      await store.log.prune([{ domain: 'd1', channel: 'a', bytesMax: 0 }])
      kept.push(store.log.lineage.at(-1)!)
      await restart()
      equal(
        kept.map(({ first }) => first),
        [0, 10, 11, 100],
      )
    },
  },
  {
    name: 'does not keep an epoch whose only append it has refused',
    needs: 'restart',
    run: async open => {
      const store = await open()
      await store.log.append([message(5)])
      await store.stop()
      const again = await open()
      await rejects(again.log.append([message(5)]))
      await again.stop()
      const third = await open()
      equal(third.log.lineage.length, 2)
      ok(third.log.lineage[1]!.epoch !== again.log.id.epoch)
      // What is refused beside it takes nothing from what is not.
      await Promise.allSettled([third.log.append([message(6)]), third.log.append([message(6)])])
      await third.stop()
      equal((await open()).log.lineage[1], third.log.lineage[1])
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
