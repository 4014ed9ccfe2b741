import { describe, expect, it, vi } from 'vitest'
import { type Door, doors, tries } from '../doors.ts'
import { lasting, type Site, startSite, type Thing } from '../fixture.ts'
import { type TestPeer, textOf } from '../peer.ts'

/** Many at once, and those who begin and do not end. What is bounded says so by its counter, and others notice nothing. */

const slowly = { timeout: 120_000, interval: 50 }

describe.each(doors)('over %s', door => {
  it('2,000 connections that say nothing, or half, shut nobody out and are cleared away', slowly, async () => {
    const site = await startSite({ transport: door, listener: { connectTimeoutMs: 4_000 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const half = (await site.open()).encodeConnect(site.credentials(thing)).subarray(0, 30)
    const peers = await inGroups(2_000, () => site.open())
    for (const peer of peers.slice(1_000)) peer.raw(half)
    const sensor = await site.connect(thing)
    expect(await sensor.publish('telemetry/a', 'x')).toBe(0)
    await site.expectUndisturbed()
    await Promise.all(peers.map(peer => vi.waitFor(() => expect(peer.isClosed).toBe(true), slowly)))
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(2), slowly)
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connect-timeout' })).toBe(2_001)
    await site.expectUndisturbed()
  })

  it('half a CONNECT costs what was sent of it, and no more', slowly, async () => {
    const site = await startSite({ transport: door })
    await site.startBystander()
    // A CONNECT of 8,000 bytes, of which all but the last one come, one piece after the other.
    const almost = (await site.open()).encodeConnect({ clientId: 'x', username: 'u'.repeat(7_900), password: 'p' })
    const before = heldBytes()
    const peers = await inGroups(1_000, () => site.open())
    for (let at = 0; at < almost.length - 1; at += 2_000) {
      for (const peer of peers) peer.raw(almost.subarray(at, Math.min(at + 2_000, almost.length - 1)))
      await site.expectUndisturbed()
    }
    // 8 MB were said; room for it is doubled as it comes, and both ends are in this process, of which a WebSocket's holds more.
    expect(heldBytes() - before).toBeLessThan((door === 'tcp' ? 64 : 128) * 1024 * 1024)
    expect(site.counter('thingmesh_sessions')).toBe(1)
    await site.expectUndisturbed()
  })

  it('5,000 clients that are cut off and come back at once find their sessions', slowly, async () => {
    const count = 5_000
    const site = await startSite({ transport: door, limits: { sessionsPerPrincipalMax: count + 1 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const enter = (at: number) => site.enter(thing, lasting(5, `client-${at}`))
    const first = await inGroups(count, async at => {
      const { peer } = await enter(at)
      if (at % 50 === 0) expect(await peer.subscribe('telemetry/news')).toEqual([1])
      return peer
    })
    expect(site.counter('thingmesh_sessions')).toBe(count + 1)
    for (const peer of first) peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), slowly)
    await site.expectUndisturbed()
    const speaker = await site.connect(thing)
    expect(await speaker.publish('telemetry/news', 'one')).toBe(0)
    const back = await inGroups(count, async at => {
      const { peer, sessionPresent } = await enter(at)
      expect(sessionPresent).toBe(true)
      return peer
    })
    for (let at = 0; at < count; at += 50) expect(textOf(await back[at]!.take('publish'))).toBe('one')
    await site.expectUndisturbed()
    for (const peer of back) peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(2), slowly)
    await site.expectUndisturbed()
  })
})

describe.each(tries)('over $door, MQTT $version', ({ door, level }) => {
  it.each([0, 1, 2] as const)(
    'a reader of QoS %i that stops reading holds nobody up and a bounded queue',
    slowly,
    async qos => {
      const count = 1_500
      const { site, thing } = await under(door, {})
      const frozen = await site.connect(thing, lasting(level, 'frozen'))
      const watcher = await site.connect(thing)
      const speaker = await site.connect(thing)
      expect(await frozen.subscribe('telemetry/#', { qos })).toEqual([qos])
      await watcher.subscribe('telemetry/#', { qos: 1 })
      frozen.socket.pause()
      const filler = '.'.repeat(4_000)
      for (let n = 0; n < count; n++) {
        const published = speaker.publish('telemetry/a', `${n} ${filler}`, { qos: qos === 0 ? 1 : qos })
        expect(await published).toBe(0)
      }
      expect(numbersOf(await watcher.takeAll(count))).toEqual(Array.from({ length: count }, (_, n) => n))
      expect(site.counter('thingmesh_queues_bytes')).toBeLessThan(5 * 1024 * 1024)
      await site.expectUndisturbed()
      frozen.socket.resume()
      if (qos > 0) {
        expect(numbersOf(await frozen.takeAll(count))).toEqual(Array.from({ length: count }, (_, n) => n))
        await vi.waitFor(() => expect(site.counter('thingmesh_queues_bytes')).toBe(0))
      } else {
        // What it missed is counted, all of it.
        const dropped = () => site.counter('thingmesh_messages_dropped_total', { reason: 'slow-reader' })
        await vi.waitFor(() => expect(frozen.packets.length + dropped()).toBe(count), slowly)
      }
      await site.expectUndisturbed()
    },
  )

  it('a flood of last values ends at the bound of its domain, and the ones that are there can be replaced and cleared', async () => {
    const { site, thing } = await under(door, { limits: { retainedPerDomainMax: 50 } })
    const refused = () => site.counter('thingmesh_refused_total', { limit: 'retained-count' })
    let peer = await site.connect(thing, { level })
    for (let n = 0; n < 50; n++) expect(await peer.publish(`telemetry/${n}`, 'x', { retain: true })).toBe(0)
    for (let n = 50; n < 60; n++) {
      peer.sendPublish(`telemetry/${n}`, 'x', { retain: true })
      if (level === 5) expect((await peer.take('puback')).reasonCode).toBe(0x97)
      else {
        await peer.closed()
        peer = await site.connect(thing, { level })
      }
    }
    expect(refused()).toBe(10)
    expect(site.counter('thingmesh_retained_messages')).toBe(50)
    expect(await peer.publish('telemetry/7', 'y', { retain: true })).toBe(0)
    expect(await peer.publish('telemetry/7', '', { retain: true })).toBe(0)
    expect(await peer.publish('telemetry/60', 'x', { retain: true })).toBe(0)
    expect(site.counter('thingmesh_retained_messages')).toBe(50)
    await site.expectUndisturbed()
  })

  it('transfers of QoS 2 that are opened in one session after the other and never ended go with their sessions', async () => {
    const { site, thing } = await under(door, { limits: { sessionsPerPrincipalMax: 3 } })
    for (let round = 0; round < 30; round++) {
      const peer = await site.connect(thing, { level, clientId: `client-${round}` })
      for (let id = 1; id <= 60; id++) peer.sendPublish('telemetry/a', 'x', { qos: 2, packetId: id })
      for (let id = 1; id <= 60; id++) expect(await peer.takeAnswer('pubrec', id)).toBe(0)
      peer.cut()
      await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    }
    expect(site.counter('thingmesh_sessions_kept')).toBe(1)
    await site.expectUndisturbed()
  })
})

async function under(door: Door, options: Parameters<typeof startSite>[0]): Promise<{ site: Site; thing: Thing }> {
  const site = await startSite({ ...options, transport: door })
  await site.startBystander()
  return { site, thing: await site.thing('sensor') }
}

/** As many at a time as a listener's backlog is sure to take. */
async function inGroups<Value>(count: number, make: (at: number) => Promise<Value>): Promise<Value[]> {
  const made: Value[] = []
  while (made.length < count) {
    const group = Array.from({ length: Math.min(200, count - made.length) }, (_, i) => make(made.length + i))
    made.push(...(await Promise.all(group)))
  }
  return made
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function numbersOf(publishes: Awaited<ReturnType<TestPeer['takeAll']>>): number[] {
  return publishes.map(packet => Number.parseInt(textOf(packet), 10))
}
