import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { bytes } from '../../support/hub.ts'
import { lasting, levels, type Site, startSite, type Thing } from './fixture.ts'
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

  it('a part of the right to subscribe stops its messages at once, and giving it back brings them again', async () => {
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
    await site.hub.control.grants.update(grant, { pattern: '#' })
    await say('four')
    const texts = ['one', 'one', 'three', 'three', 'four', 'four']
    expect((await peer.arrived()).map(textOf).sort()).toEqual(texts.sort())
  })

  it('a part of the right to subscribe also takes what waits for it', async () => {
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
    await site.hub.control.grants.update(await grantOf(site, thing), { pattern: 'b' })
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

  it('all of the right to subscribe ends the connection, and what it was for; the session goes on with the rest', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor')
    const one = await site.hub.control.grants.create({ thing: 'sensor', channel: 'aside', actions: ['subscribe'] })
    const peer = await site.connect(thing, lasting(level))
    await peer.subscribe('aside/#')
    await peer.subscribe('telemetry/#')
    const writer = await site.connect(await site.thing('writer'))
    peer.acknowledges = false
    await writer.publish('telemetry/a', 'under way')
    await peer.take('publish')
    await site.hub.control.grants.remove(one.id)
    const [last] = await peer.closed()
    if (level === 5) {
      expect(last).toMatchObject({
        type: 'disconnect',
        reasonCode: 0x98,
        properties: {
          reasonString: 'no right any more to subscribe to aside/#',
          userProperties: [['error', 'canceled']],
        },
      })
    } else expect(last).toBeUndefined()
    expect(site.counter('thingmesh_subscriptions_revoked_total', { at: 'connected' })).toBe(1)

    await writer.publish('telemetry/a', 'while away')
    const { peer: back, sessionPresent } = await site.enter(thing, lasting(level))
    expect(sessionPresent).toBe(true)
    expect((await back.takeAll(2)).map(textOf)).toEqual(['under way', 'while away'])
    expect(await back.publish('telemetry/b', 'goes on')).toBe(0)
    expect(textOf(await back.take('publish'))).toBe('goes on')
    expect(await back.subscribe('aside/#')).toEqual([level === 5 ? 0x87 : 0x80])
    await site.expectUndisturbed()
    expect(await back.arrived()).toEqual([])
  })

  it('and giving it back leaves a subscription that is a new one, as SUBACK says in a session that was there', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'aside' })
    const thing = await site.thing('sensor')
    const aside = { thing: 'sensor', channel: 'aside', actions: ['subscribe'] as const }
    const { id } = await site.hub.control.grants.create(aside)
    const peer = await site.connect(thing, lasting(level))
    await peer.subscribe('aside/#')
    await peer.subscribe('telemetry/#')
    await site.hub.control.grants.remove(id)
    await peer.closed()
    await site.hub.control.grants.create(aside)
    const { peer: back } = await site.enter(thing, lasting(level))
    const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    const answers = []
    for (const [packetId, filter] of [
      [1, 'telemetry/#'],
      [2, 'aside/#'],
      [3, 'aside/#'],
    ] as const) {
      back.send({ type: 'subscribe', packetId, subscriptions: [{ filter, qos: 1, ...plain }] })
      answers.push((await back.take('suback')).properties?.userProperties)
    }
    expect(answers).toEqual([undefined, level === 5 ? [['subscription', 'new']] : undefined, undefined])
  })

  it('and replacing it cuts nobody who comes back in between', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'aside' })
    const thing = await site.thing('sensor')
    const aside = { thing: 'sensor', channel: 'aside', actions: ['publish', 'subscribe'] as const }
    const { id } = await site.hub.control.grants.create(aside)
    const peer = await site.connect(thing, lasting(level))
    await peer.subscribe('aside/#')
    await peer.disconnect()
    await site.hub.control.grants.remove(id)
    const { peer: back } = await site.enter(thing, lasting(level))
    await site.hub.control.grants.create(aside)
    expect(await back.publish('aside/a', 'still')).toBe(0)
    expect(textOf(await back.take('publish'))).toBe('still')
  })

  it.each(['the same hub', 'the next one'])(
    'all of the right to subscribe ends what was under way with QoS 2, and leaves no subscription behind: at %s',
    async where => {
      const store = memoryStore()
      const site = await startSite({ store })
      const thing = await site.thing('sensor', [{ channel: 'telemetry', actions: ['subscribe'] }])
      const peer = await site.connect(thing, lasting(level))
      peer.acknowledges = false
      await peer.subscribe('telemetry/#', { qos: 2 })
      const writer = await site.connect(await site.thing('writer'))
      await writer.publish('telemetry/a', 'begun', { qos: 2 })
      const { packetId } = await peer.take('publish')
      await site.hub.control.grants.remove(await grantOf(site, thing))
      await peer.closed()
      await writer.publish('telemetry/a', 'while away', { qos: 2 })
      if (where === 'the next one') await site.hub.stop()
      const then = where === 'the next one' ? await startSite({ store }) : site
      const back = await then.open(level)
      back.acknowledges = false
      const { sessionPresent, properties } = await back.connect(then.credentials(thing, lasting(level)))
      // It was told, and is not told again.
      expect([sessionPresent, properties?.reasonString]).toEqual([true, undefined])
      expect(await back.takeAnswer('pubrel', packetId)).toBe(0)
      back.say('pubcomp', packetId)
      await then.hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['subscribe'] })
      expect(await back.unsubscribe('telemetry/#')).toEqual(level === 5 ? [0x11] : [])
      expect(await back.arrived()).toEqual([])
    },
  )

  it('all of the right to what a peer subscribed to that is away is told it when it is back', async () => {
    const site = await startSite()
    await site.startBystander()
    const thing = await site.thing('sensor', [{ channel: 'telemetry', actions: ['subscribe'] }])
    const grants = ['aside', 'aside'].map((channel, i) =>
      site.hub.control.grants.create({ thing: 'sensor', channel, pattern: `${i}/#`, actions: ['subscribe'] }),
    )
    const [lost, kept] = await Promise.all(grants)
    const peer = await site.connect(thing, lasting(level))
    for (const filter of ['aside/0/#', '$share/workers/aside/0/#', 'aside/1/#', 'telemetry/#'])
      await peer.subscribe(filter)
    await peer.disconnect()
    const watcher = await site.connect(thing, { ...lasting(level), clientId: 'watcher' })
    await watcher.subscribe('aside/0/#')
    await site.hub.control.grants.remove(lost!.id)
    await site.hub.control.grants.remove(kept!.id)
    await site.hub.control.grants.create({ thing: 'sensor', channel: 'aside', pattern: '1/#', actions: ['subscribe'] })
    await site.expectUndisturbed()
    // Who comes back before it has been looked at what is left is cut like those who are there.
    await watcher.closed()
    const { peer: back, sessionPresent, properties } = await site.enter(thing, lasting(level))
    expect(sessionPresent).toBe(true)
    const reason = 'no right any more to subscribe to aside/0/#, $share/workers/aside/0/#'
    expect(properties?.reasonString).toBe(level === 5 ? reason : undefined)
    expect(site.counter('thingmesh_subscriptions_revoked_total', { at: 'returning' })).toBe(2)
    expect(await back.unsubscribe('aside/0/#')).toEqual(level === 5 ? [0x11] : [])
    expect(await back.unsubscribe('aside/1/#')).toEqual(level === 5 ? [0] : [])
    await back.disconnect()
    const { properties: later } = await site.enter(thing, lasting(level))
    expect(later?.reasonString).toBeUndefined()
  })

  it.each([
    ['a part of it', (site: Site, id: string) => site.hub.control.grants.update(id, { pattern: 'a/#' })],
    [
      'one of two grants',
      async (site: Site, id: string) => {
        const more = { thing: 'sensor', channel: 'telemetry', pattern: 'a', actions: ['subscribe'] } as const
        await site.hub.control.grants.create(more)
        await site.hub.control.grants.remove(id)
      },
    ],
    [
      'a grant that is replaced by another one',
      async (site: Site, id: string) => {
        const { grants } = site.hub.control
        const again = { thing: 'sensor', channel: 'telemetry', actions: ['subscribe'] } as const
        await Promise.all([grants.remove(id), grants.create(again)])
      },
    ],
    [
      'the right to publish',
      (site: Site, id: string) => site.hub.control.grants.update(id, { actions: ['subscribe'] }),
    ],
    [
      'a channel for a while',
      async (site: Site) => {
        for (const enabled of [false, true]) await site.hub.control.channels.update('telemetry', { enabled })
      },
    ],
    ['another channel', (site: Site) => site.hub.control.channels.remove('other')],
    ['the thing’s name', (site: Site) => site.hub.control.things.update('sensor', { name: 'renamed' })],
  ])('%s ends nothing', async (_name, change) => {
    const site = await startSite()
    for (const name of ['other', 'another']) await site.hub.control.channels.create({ name })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    for (const filter of ['telemetry/#', '#', '$share/workers/+/#']) await peer.subscribe(filter)
    // Its review tells when that of the change is over.
    const marker = await site.thing('marker', [{ channel: 'another', actions: ['subscribe'] }])
    const marked = await site.connect(marker, { level })
    await marked.subscribe('another/#')
    const markerGrant = await grantOf(site, marker)
    await change(site, await grantOf(site, thing))
    await site.hub.control.grants.remove(markerGrant)
    await marked.closed()
    const writer = await site.connect(await site.thing('writer'))
    await writer.publish('telemetry/a', 'still')
    expect(textOf(await peer.take('publish'))).toBe('still')
    expect(site.counter('thingmesh_subscriptions_revoked_total')).toBe(1)
  })

  it('a right ends a part in a shared subscription, and what was not acknowledged goes to another member', async () => {
    const site = await startSite()
    const share = '$share/workers/telemetry/#'
    const leaving = await site.thing('leaving', [{ channel: 'telemetry', actions: ['subscribe'] }])
    const member = await site.connect(leaving, lasting(level))
    member.acknowledges = false
    await member.subscribe(share)
    const writer = await site.connect(await site.thing('writer'))
    await writer.publish('telemetry/a', 'not done')
    expect(textOf(await member.take('publish'))).toBe('not done')
    const staying = await site.connect(await site.thing('staying'), { level })
    await staying.subscribe(share)
    await site.hub.control.grants.remove(await grantOf(site, leaving))
    if (level === 5) expect(await member.closeReason()).toBe(0x98)
    expect(textOf(await staying.take('publish'))).toBe('not done')
    await writer.publish('telemetry/a', 'next')
    expect(textOf(await staying.take('publish'))).toBe('next')
    const { peer: back, sessionPresent } = await site.enter(leaving, lasting(level))
    expect(sessionPresent).toBe(true)
    expect(await back.arrived()).toEqual([])
  })

  it('a right that ends a connection leaves the will to be published, as every end that is not a farewell does', async () => {
    const site = await startSite()
    const { name, key } = await site.thing('sensor')
    const aside = await site.thing('reader')
    await site.hub.control.channels.create({ name: 'status' })
    for (const thing of [name, aside.name]) {
      await site.hub.control.grants.create({ thing, channel: 'status', actions: ['publish', 'subscribe'] })
    }
    const reader = await site.connect(aside, { level })
    await reader.subscribe('status/#')
    const will = { topic: 'status/sensor', payload: bytes('away'), qos: 1, retain: false } as const
    const peer = await site.connect({ name, key }, { level, will })
    await peer.subscribe('telemetry/#')
    const { items } = await site.hub.control.grants.list({ thing: name, channel: 'telemetry' })
    await site.hub.control.grants.remove(items[0]!.id)
    await peer.closed()
    expect(textOf(await reader.take('publish'))).toBe('away')
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
    // Nothing is left of what it was subscribed to.
    const heard = (await reader.closed()).flatMap(packet => (packet.type === 'publish' ? [textOf(packet)] : []))
    expect(heard).toEqual(['y'])
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

describe('a channel that many are subscribed to', () => {
  it('ends, for all of them within a second, and nobody else notices', async () => {
    const site = await startSite({ limits: { sessionsPerPrincipalMax: 1_000 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const peers = await Promise.all(Array.from({ length: 300 }, () => site.connect(thing)))
    await Promise.all(peers.map(peer => peer.subscribe('telemetry/#')))
    const from = performance.now()
    await site.hub.control.channels.remove('telemetry')
    const reasons = await Promise.all(peers.map(peer => peer.closeReason()))
    expect(performance.now() - from).toBeLessThan(1_000)
    expect(new Set(reasons)).toEqual(new Set([0x98]))
    expect(site.counter('thingmesh_subscriptions_revoked_total', { at: 'connected' })).toBe(300)
    await site.expectUndisturbed()
  })

  it('is not explained to who wants no reasons', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { properties: { requestProblemInformation: false } })
    await peer.subscribe('telemetry/#')
    await site.hub.control.channels.remove('telemetry')
    expect((await peer.closed())[0]).toMatchObject({ type: 'disconnect', reasonCode: 0x98, properties: {} })
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
