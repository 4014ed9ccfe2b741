import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageId } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/contracts/index.ts'
import { memoryStore } from '../../src/store/memory/index.ts'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { gatedStore } from '../support/gated-store.ts'
import { bytes, startHub, textOf } from '../support/hub.ts'
import { severable } from '../support/severed-store.ts'

type Step =
  | { readonly do: 'publish'; readonly who: 0 | 1; readonly key: number; readonly waits: boolean }
  | { readonly do: 'fail' | 'kill' | 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      who: fc.constantFrom(0 as const, 1 as const),
      key: fc.integer({ min: 0, max: 5 }),
      waits: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'kill' as const, 'restart' as const) }) },
)

const stores: readonly (readonly [name: string, runs: number, create: (directory: string) => Store])[] = [
  ['memory', 100, () => memoryStore()],
  ['sqlite', 25, directory => sqliteStore({ path: join(directory, 'hub.db'), durability: 'process' })],
]

describe.each(stores)('what is published under idempotency keys, with the %s store', (_, numRuns, create) => {
  it('is there once, however often it is said, through refusals, restarts and kills', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async steps => {
        const directory = await mkdtemp(join(tmpdir(), 'thingmesh-repeats-'))
        const data = create(directory)
        try {
          const gate = gatedStore(data)
          let way = severable(gate)
          let site = await startHub({ store: way, onFault: () => undefined })
          const secrets = [await site.thing('zero'), await site.thing('one')]
          const enter = () => Promise.all(secrets.map(secret => site.connect(secret)))
          let writers = await enter()
          let said = 0
          /** By publisher and key: the ids that were acknowledged. */
          const acked = new Map<string, Set<string>>()
          let pending: Promise<void>[] = []
          for (const one of steps) {
            if (one.do === 'publish') {
              const name = `${one.who}/${one.key}`
              const topic = `telemetry/${name}`
              said += 1
              const saying = writers[one.who]!.publish(topic, bytes(`${said}`), { key: `key ${one.key}` }).then(
                ({ id }) => {
                  if (!acked.has(name)) acked.set(name, new Set())
                  acked.get(name)!.add(id!)
                },
                () => undefined,
              )
              pending.push(saying)
              if (!one.waits) continue
            } else if (one.do === 'fail') {
              gate.failNext()
              continue
            } else if (one.do === 'kill') {
              // Whether what is under way is written is the store's secret; nobody is told of it any more.
              await new Promise(resolve => setImmediate(resolve))
              way.sever()
            } else await site.hub.stop()
            await Promise.all(pending)
            pending = []
            if (one.do === 'publish') continue
            way = severable(gate)
            site = await startHub({ store: way, onFault: () => undefined })
            writers = await enter()
          }
          await Promise.all(pending)
          const { messages } = await writers[0]!.read({ filter: 'telemetry/#', limit: 1000 })
          const topics = messages.map(({ topic }) => topic)
          expect(new Set(topics).size, 'none is there twice').toBe(topics.length)
          for (const [name, ids] of acked) {
            const found = messages.filter(({ topic }) => topic === `telemetry/${name}`)
            expect(found.map(({ log, sequence }) => messageId(log, sequence))).toEqual([...ids])
            expect(Number(textOf(found[0]!))).toBeLessThanOrEqual(said)
          }
          await site.hub.stop()
        } finally {
          await data.stop()
          await rm(directory, { recursive: true })
        }
      }),
      { numRuns },
    )
  }, 120_000)
})
