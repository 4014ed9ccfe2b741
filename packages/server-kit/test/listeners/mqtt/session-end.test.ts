import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { sqliteStore } from '../../../src/store/sqlite/index.ts'
import { lasting, type Site, startSite, type Thing } from './fixture.ts'
import type { TestPeer } from './peer.ts'

/** Real time is what expiry is about: some of it has to go by. */
async function passed(ms: number) {
  const from = Date.now()
  await expect.poll(() => Date.now() - from, { timeout: ms + 5_000, interval: 20 }).toBeGreaterThan(ms)
}

const stores: readonly (readonly [string, () => Promise<() => Store>])[] = [
  [
    'memory',
    async () => {
      const store = memoryStore()
      return () => store
    },
  ],
  [
    'SQLite',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'thingmesh-sessions-'))
      onTestFinished(() => rm(directory, { recursive: true }))
      return () => sqliteStore({ path: join(directory, 'hub.db'), durability: 'process' })
    },
  ],
]

interface Ending {
  readonly name: string
  readonly end: (site: Site, peer: TestPeer, thing: Thing) => Promise<void>
}

const endings: readonly Ending[] = [
  { name: 'by an expiry of 0 in DISCONNECT', end: (_site, peer) => peer.disconnect(0, 0) },
  {
    name: 'by a clean start that does not last',
    end: async (site, _peer, thing) => {
      const next = await site.connect(thing, { clientId: 'lasting' })
      await next.disconnect()
    },
  },
  {
    name: 'by a connection that takes it over and does not last',
    end: async (site, _peer, thing) => {
      const { peer, sessionPresent } = await site.enter(thing, { clientId: 'lasting', cleanStart: false })
      expect(sessionPresent).toBe(true)
      await peer.disconnect()
    },
  },
  {
    name: 'by a clean session of 3.1.1',
    end: async (site, _peer, thing) => {
      const next = await site.connect(thing, { level: 4, clientId: 'lasting' })
      next.cut()
      await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(0))
    },
  },
  { name: 'with its thing', end: (site, _peer, { name }) => site.hub.control.things.remove(name) },
]

describe.each(stores)('a lasting session that ended, in the store: %s', (_, prepare) => {
  it.each(endings)('$name leaves nothing for the next hub', async ({ end }) => {
    const open = await prepare()
    const site = await startSite({ store: open() })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(5))
    peer.acknowledges = false
    await peer.subscribe('telemetry/#', { qos: 2 })
    // An exchange each way is under way.
    peer.sendPublish('telemetry/a', 'x', { qos: 2 })
    await peer.take('pubrec')
    peer.say('pubrec', (await peer.take('publish')).packetId)
    await peer.take('pubrel')
    await end(site, peer, thing)
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions_kept')).toBe(0))
    await site.hub.stop()
    expect(site.faults).toEqual([])
    const store = open()
    const next = await startSite({ store })
    expect(next.counter('thingmesh_sessions_kept')).toBe(0)
    expect(await store.sessions.load()).toEqual([])
  })

  it('by its expiry is not resumed, whether or not somebody looked meanwhile, and not by the next hub', async () => {
    const open = await prepare()
    const brief = { ...lasting(5), properties: { sessionExpiryInterval: 1 } }
    const site = await startSite({ store: open() })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, brief)
    await peer.subscribe('telemetry/#')
    await peer.disconnect()
    await passed(1_050)
    expect((await site.enter(thing, { ...brief, clientId: 'another' })).sessionPresent).toBe(false)
    const late = await site.enter(thing, brief)
    expect(late.sessionPresent).toBe(false)
    await late.peer.publish('telemetry/a', 'x')
    expect(await late.peer.arrived()).toEqual([])
    await late.peer.disconnect()
    await site.hub.stop()
    await passed(1_050)
    const next = await startSite({ store: open() })
    expect((await next.enter(thing, brief)).sessionPresent).toBe(false)
  })
})

describe('the expiry in DISCONNECT', () => {
  it('is bounded by the hub, as that in CONNECT is', async () => {
    const store = memoryStore()
    const site = await startSite({ store, limits: { sessionExpirySecondsMax: 1 } })
    const thing = await site.thing('sensor')
    const { peer, properties } = await site.enter(thing, lasting(5))
    expect(properties?.sessionExpiryInterval).toBe(1)
    await peer.disconnect(0, 0xffff_fffe)
    expect((await store.sessions.load()).map(({ expiresInSeconds }) => expiresInSeconds)).toEqual([1])
    await passed(1_050)
    expect((await site.enter(thing, lasting(5))).sessionPresent).toBe(false)
  })
})
