import { describe, expect, it, vi } from 'vitest'
import { levels, type Site, startSite, type Thing } from './fixture.ts'
import { textOf } from './peer.ts'

async function grantOf(site: Site, { name }: Thing): Promise<string> {
  const { items } = await site.hub.control.grants.list({ thing: name })
  return items[0]!.id
}

describe.each(levels)('taking away with MQTT %s', (_, level) => {
  it.each([
    [
      'its key',
      async (site: Site) => {
        const [key] = await site.hub.control.keys.list('sensor')
        await site.hub.control.keys.revoke('sensor', key!.id)
      },
    ],
    ['its key, by a new one', async (site: Site) => void (await site.hub.control.keys.rotate('sensor'))],
    [
      'its leave, by disabling it',
      async (site: Site) => void (await site.hub.control.things.update('sensor', { enabled: false })),
    ],
    ['the thing itself', (site: Site) => site.hub.control.things.remove('sensor')],
  ])('%s ends its connections within a second, and its way back in', async (_name, revoke) => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const one = await site.connect(thing, { level })
    const other = await site.connect(thing, { level })
    await one.subscribe('telemetry/#')
    const from = performance.now()
    await revoke(site)
    for (const peer of [one, other]) {
      peer.sendPublish('telemetry/a', 'too late')
      expect(await peer.closeReason()).toBe(level === 5 ? 0x87 : undefined)
    }
    expect(performance.now() - from).toBeLessThan(1_000)
    const again = await site.open(level)
    expect((await again.connect(site.credentials(thing))).reasonCode).toBe(level === 5 ? 0x86 : 4)
    expect(site.counter('thingmesh_messages_in_total')).toBe(0)
    await site.expectUndisturbed()
  })

  it('one of two keys ends only the connections that came with it', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const second = await site.hub.control.keys.create('sensor')
    const mine = await site.connect(thing, { level })
    const theirs = await site.connect({ ...thing, key: second.secret }, { level })
    await site.hub.control.keys.revoke('sensor', second.id)
    await theirs.closed()
    expect(await mine.publish('telemetry/a', 'still')).toBe(0)
  })

  it('a key while its connection is being made leaves nobody inside', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const [key] = await site.hub.control.keys.list('sensor')
    const peers = await Promise.all(Array.from({ length: 8 }, () => site.open(level)))
    const revoked = site.hub.control.keys.revoke('sensor', key!.id)
    for (const peer of peers) peer.sendConnect(site.credentials(thing))
    await revoked
    await Promise.all(peers.map(peer => peer.closed()))
    expect(site.counter('thingmesh_sessions')).toBe(0)
  })

  it('the right to publish refuses the next publish', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    expect(await peer.publish('telemetry/a', 'x')).toBe(0)
    await site.hub.control.grants.update(await grantOf(site, thing), { actions: ['subscribe'] })
    if (level === 5) expect(await peer.publish('telemetry/a', 'y')).toBe(0x87)
    else {
      peer.sendPublish('telemetry/a', 'y')
      expect(await peer.closed()).toEqual([])
    }
    expect(site.counter('thingmesh_refused_total', { limit: 'permission' })).toBe(1)
    await site.expectUndisturbed()
  })

  it('the right to subscribe stops the messages at once, and giving it back brings them again', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor', [{ channel: 'telemetry', actions: ['subscribe'] }])
    const peer = await site.connect(thing, { level })
    await peer.subscribe('telemetry/#')
    const writer = await site.connect(await site.thing('writer'))
    const say = async (text: string) => {
      expect(await writer.publish('telemetry/a', text)).toBe(0)
      await writer.publish('telemetry/a', text, { qos: 0 })
      await writer.arrived()
    }
    await say('one')
    const grant = await grantOf(site, thing)
    await site.hub.control.grants.update(grant, { pattern: 'b' })
    await say('two')
    await site.hub.control.grants.update(grant, { pattern: 'a' })
    await say('three')
    await site.hub.control.grants.remove(grant)
    await say('four')
    await site.hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['subscribe'] })
    await say('five')
    const texts = ['one', 'one', 'three', 'three', 'five', 'five']
    expect((await peer.arrived()).map(textOf).sort()).toEqual(texts.sort())
  })

  it('the right to subscribe also takes what waits for it', async () => {
    const site = await startSite({ limits: { windowMax: 2 } })
    const thing = await site.thing('sensor', [{ channel: 'telemetry', actions: ['subscribe'] }])
    const lasting = { level, clientId: 'lasting', cleanStart: false, properties: { sessionExpiryInterval: 60 } }
    const connect = () => site.connect(thing, level === 5 ? lasting : { ...lasting, properties: undefined })
    const peer = await connect()
    peer.acknowledges = false
    await peer.subscribe('telemetry/#')
    const writer = await site.connect(await site.thing('writer'))
    for (let i = 0; i < 6; i++) await writer.publish('telemetry/a', `${i}`)
    const seen = await peer.arrived()
    expect(seen.map(textOf)).toEqual(['0', '1'])
    await site.hub.control.grants.remove(await grantOf(site, thing))
    for (const packet of seen) if (packet.type === 'publish') peer.acknowledge(packet)
    await vi.waitFor(() =>
      expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-right-any-more' })).toBe(4),
    )
    expect((await peer.arrived()).length).toBe(2)
    await peer.disconnect()
    await writer.publish('telemetry/a', 'while away')
    const back = await connect()
    expect(await back.arrived()).toEqual([])
  })

  it('a channel ends publishing to it and hearing from it', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level: 5 })
    const reader = await site.connect(thing, { level })
    await reader.subscribe('telemetry/#')
    await site.hub.control.channels.update('telemetry', { enabled: false })
    expect(await peer.publish('telemetry/a', 'x')).toBe(0x87)
    await site.hub.control.channels.update('telemetry', { enabled: true })
    expect(await peer.publish('telemetry/a', 'y')).toBe(0)
    await site.hub.control.channels.remove('telemetry')
    expect(await peer.publish('telemetry/a', 'z')).toBe(0x87)
    expect((await reader.arrived()).map(textOf)).toEqual(['y'])
  })

  it('a deleted thing leaves no session for the next of its name', async () => {
    const site = await startSite()
    const lasting = { level, clientId: 'lasting', cleanStart: false }
    const properties = { sessionExpiryInterval: 600 }
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { ...lasting, ...(level === 5 && { properties }) })
    await peer.subscribe('telemetry/#')
    await site.hub.control.things.remove('sensor')
    await peer.closed()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions_kept')).toBe(0))
    const next = await site.thing('sensor')
    const again = await site.open(level)
    expect((await again.connect(site.credentials(next, lasting))).sessionPresent).toBe(false)
  })

  it('a key by its own end ends the connection', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const brief = await site.hub.control.keys.create('sensor', { expiresInSeconds: 1 })
    const peer = await site.connect({ ...thing, key: brief.secret }, { level })
    expect(await peer.closeReason()).toBe(level === 5 ? 0x87 : undefined)
  })
})

describe('a peer that does not read', () => {
  it('is cut off when its key is taken away, its farewell unread', async () => {
    const site = await startSite({ listener: { socketBytesMax: 64 * 1024, connectTimeoutMs: 60_000 } })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing)
    await peer.subscribe('telemetry/#')
    peer.socket.pause()
    const writer = await site.connect(await site.thing('writer'))
    for (let i = 0; i < 64; i++) await writer.publish('telemetry/a', new Uint8Array(200_000))
    await site.hub.control.keys.rotate('sensor')
    expect(site.counter('thingmesh_sessions')).toBe(1)
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(1), { timeout: 4_000 })
    expect(site.counter('thingmesh_mqtt_refused_total')).toBe(0)
  })
})

describe('stopping the hub', () => {
  it.each(levels)('tells peers of MQTT %s, publishes their wills, and is over soon', async (_, level) => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    const silent = await site.open(level)
    const from = performance.now()
    await site.hub.stop()
    expect(await peer.closeReason()).toBe(level === 5 ? 0x8b : undefined)
    await silent.closed()
    expect(performance.now() - from).toBeLessThan(2_000)
    expect(site.faults).toEqual([])
  })
})
