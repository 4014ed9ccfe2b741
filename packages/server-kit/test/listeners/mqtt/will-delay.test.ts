import type { QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { type Site, startSite, type Thing } from './fixture.ts'
import { bytes, type ConnectOptions, textOf } from './peer.ts'

interface Waiting {
  readonly delay: number
  readonly expiry?: number
  readonly qos?: QoS
}

/** A session whose will waits. */
function patient({ delay, expiry = 600, qos = 1 }: Waiting): ConnectOptions {
  return {
    clientId: 'patient',
    cleanStart: false,
    properties: { sessionExpiryInterval: expiry },
    will: {
      topic: 'telemetry/status',
      payload: bytes('gone'),
      qos,
      retain: true,
      properties: { willDelayInterval: delay },
    },
  }
}

const withoutWill: ConnectOptions = {
  clientId: 'patient',
  cleanStart: false,
  properties: { sessionExpiryInterval: 600 },
}

async function scene(waiting: Waiting) {
  const site = await startSite()
  const watcher = await site.connect(await site.thing('watcher'))
  await watcher.subscribe('telemetry/status', { qos: 2 })
  const thing = await site.thing('sensor')
  const peer = await site.connect(thing, patient(waiting))
  return { site, watcher, thing, peer }
}

async function gone(site: Site) {
  await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
}

/** Real time is what a delay is about: some of it has to go by. */
async function passed(ms: number) {
  const from = performance.now()
  await expect.poll(() => performance.now() - from, { timeout: ms + 5_000, interval: 20 }).toBeGreaterThan(ms)
}

describe('a will with a delay', () => {
  it.each([0, 1, 2] as const)('is sent when the time is over, with QoS %i', async qos => {
    const { watcher, peer } = await scene({ delay: 1, qos })
    const from = performance.now()
    peer.cut()
    const said = await watcher.take('publish')
    expect(performance.now() - from).toBeGreaterThan(950)
    expect([textOf(said), said.qos, said.properties]).toEqual(['gone', qos, undefined])
    expect(await watcher.arrived()).toEqual([])
  })

  it('is not sent if the peer is back in time, nor if it says goodbye then', async () => {
    const { site, watcher, thing, peer } = await scene({ delay: 1 })
    peer.cut()
    await gone(site)
    const back = await site.connect(thing, withoutWill)
    await passed(1_200)
    await back.disconnect()
    expect(await watcher.arrived()).toEqual([])
  })

  it('is not sent if the peer takes its own session over', async () => {
    const { site, watcher, thing, peer } = await scene({ delay: 1 })
    const back = await site.connect(thing, patient({ delay: 2 }))
    await peer.closed()
    await passed(1_200)
    expect(await watcher.arrived()).toEqual([])
    // The new connection's own is another matter.
    back.cut()
    expect(await watcher.texts(1)).toEqual(['gone'])
  })

  it('is sent when the session ends first', async () => {
    const { watcher, peer } = await scene({ delay: 600, expiry: 1 })
    peer.cut()
    expect(await watcher.texts(1)).toEqual(['gone'])
  })

  it.each([
    ['that took it over', false],
    ['after it was lost', true],
  ])('is sent at once when a clean start ends the session, by a connection %s', async (_, cut) => {
    const { site, watcher, thing, peer } = await scene({ delay: 600 })
    if (cut) {
      peer.cut()
      await gone(site)
    }
    await site.connect(thing, { clientId: 'patient', cleanStart: true })
    expect((await watcher.arrived()).map(textOf)).toEqual(['gone'])
  })

  it('is sent at once where the session does not outlive its connection', async () => {
    const { site, watcher, peer } = await scene({ delay: 600, expiry: 0 })
    peer.cut()
    await gone(site)
    expect((await watcher.arrived()).map(textOf)).toEqual(['gone'])
  })

  it('waits after DISCONNECT with 0x04 too, and not beyond the expiry that it sets', async () => {
    const { watcher, peer } = await scene({ delay: 1 })
    await peer.disconnect(0x04)
    expect(await watcher.arrived()).toEqual([])
    expect(await watcher.texts(1)).toEqual(['gone'])
    const other = await scene({ delay: 600 })
    await other.peer.disconnect(0x04, 0)
    await gone(other.site)
    expect((await other.watcher.arrived()).map(textOf)).toEqual(['gone'])
  })

  it('is weighed when it is sent', async () => {
    const { site, watcher, peer } = await scene({ delay: 1 })
    peer.cut()
    await gone(site)
    const { items } = await site.hub.control.grants.list({ thing: 'sensor' })
    await site.hub.control.grants.remove(items[0]!.id)
    const dropped = () => site.counter('thingmesh_messages_dropped_total', { reason: 'will-refused' })
    await expect.poll(dropped, { timeout: 5_000 }).toBe(1)
    expect(await watcher.arrived()).toEqual([])
  })

  it('is sent when the hub stops, and nothing is left that would send it later', async () => {
    const store = memoryStore()
    const site = await startSite({ store })
    const thing: Thing = await site.thing('sensor')
    const peer = await site.connect(thing, patient({ delay: 1 }))
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(0))
    await site.hub.stop()
    const next = await startSite({ store })
    const watcher = await next.connect(thing)
    await watcher.subscribe('telemetry/status')
    expect(await watcher.texts(1)).toEqual(['gone'])
    await passed(1_100)
    expect(await watcher.arrived()).toEqual([])
    expect([site.faults, next.faults]).toEqual([[], []])
  })
})
