import type { PublishPacket } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { magistralaTopics, mainfluxTopics } from '../../../src/dialects/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { lasting, levels, type SiteOptions, startSite as startAnySite, stockMessages } from './fixture.ts'
import { bytes, textOf } from './peer.ts'

const dialects = [mainfluxTopics(), magistralaTopics()]
const startSite = (options: SiteOptions = {}) => startAnySite({ ...options, listener: { dialects } })
const said = (packets: readonly PublishPacket[]) => packets.map(packet => [packet.topic, textOf(packet)])

describe.each(levels)('dialects with MQTT %s', (_, level) => {
  it('meet in one channel, and each peer sees topics as it writes them', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const filters = {
      native: 'telemetry/#',
      mainflux: 'channels/telemetry/messages/#',
      magistrala: 'm/default/c/telemetry/+/t',
    }
    const topics = {
      native: 'telemetry/a/t',
      mainflux: 'channels/telemetry/messages/a/t',
      magistrala: 'm/default/c/telemetry/a/t',
    }
    const names = ['native', 'mainflux', 'magistrala'] as const
    const readers = new Map(
      await Promise.all(
        names.map(async name => {
          const reader = await site.connect(thing, { level })
          expect(await reader.subscribe(filters[name])).toEqual([1])
          return [name, reader] as const
        }),
      ),
    )
    const writer = await site.connect(thing, { level })
    for (const name of names) for (const qos of [0, 1, 2] as const) await writer.publish(topics[name], name, { qos })
    await writer.arrived()
    for (const [name, reader] of readers) {
      const got = await reader.takeAll(9)
      expect(new Set(got.map(({ topic }) => topic))).toEqual(new Set([topics[name]]))
      expect(got.map(textOf).sort()).toEqual(names.flatMap(one => [one, one, one]).sort())
    }
  })

  it('come to a channel’s own messages, and to all channels, by their wildcards', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'other' })
    const writer = await site.connect(
      await site.thing('writer', [
        { channel: 'telemetry', actions: ['publish'] },
        { channel: 'other', actions: ['publish'] },
      ]),
      { level },
    )
    const reader = await site.connect(await site.thing('reader'), { level })
    expect(await reader.subscribe('channels/+/messages/#')).toEqual([1])
    for (const topic of ['telemetry', 'other', 'other/a', 'channels/telemetry/messages/b']) {
      expect(await writer.publish(topic, topic)).toBe(0)
    }
    // No more than it may have: a dialect gives no right.
    expect(said(await reader.arrived())).toEqual([
      ['channels/telemetry/messages', 'telemetry'],
      ['channels/telemetry/messages/b', 'channels/telemetry/messages/b'],
    ])
  })

  it('no longer come after unsubscribing in either form', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'), { level })
    await reader.subscribe(['channels/telemetry/messages/a', 'channels/telemetry/messages/b'])
    expect(await reader.unsubscribe(['channels/telemetry/messages/a', 'telemetry/b'])).toEqual(
      level === 5 ? [0, 0] : [],
    )
    for (const topic of ['telemetry/a', 'telemetry/b']) await reader.publish(topic, 'x')
    expect(await reader.arrived()).toEqual([])
  })

  it('are remembered by a session over an absence and a restart of the hub', async () => {
    const store = memoryStore()
    const site = await startSite({ store })
    const thing = await site.thing('sensor')
    const { peer } = await site.enter(thing, lasting(level))
    await peer.subscribe(['channels/telemetry/messages/a/#', 'telemetry/b/#'])
    peer.cut()
    await expect.poll(() => site.counter('thingmesh_sessions')).toBe(0)
    const writer = await site.connect(thing, { level })
    for (const topic of ['telemetry/a/1', 'telemetry/b/1']) await writer.publish(topic, topic)
    await site.hub.stop()

    const again = await startSite({ store })
    const { peer: back, sessionPresent } = await again.enter(thing, lasting(level))
    expect(sessionPresent).toBe(true)
    await back.publish('telemetry/a/2', 'telemetry/a/2')
    expect(said(await back.takeAll(3))).toEqual([
      ['channels/telemetry/messages/a/1', 'telemetry/a/1'],
      ['telemetry/b/1', 'telemetry/b/1'],
      ['channels/telemetry/messages/a/2', 'telemetry/a/2'],
    ])
    // What it acknowledged has arrived when this is answered.
    await back.arrived()
    back.cut()
    await again.hub.stop()

    // A door that does not know the dialect any more says topics in our own way.
    const without = await startAnySite({ store })
    const { peer: native } = await without.enter(thing, lasting(level))
    await native.publish('telemetry/a/3', 'telemetry/a/3')
    expect(said(await native.takeAll(1))).toEqual([['telemetry/a/3', 'telemetry/a/3']])
  })

  it('hold for last values, and for wills', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const topic = 'channels/telemetry/messages/status'
    const will = { topic, payload: bytes('gone'), qos: 1, retain: true } as const
    const sensor = await site.connect(thing, { level, will })
    await sensor.publish(topic, 'here', { retain: true })
    const reader = await site.connect(thing, { level })
    await reader.subscribe('channels/+/messages/status')
    expect(await reader.take('publish')).toMatchObject({ topic, retain: true, payload: bytes('here') })
    sensor.cut()
    expect(await reader.take('publish')).toMatchObject({ topic, retain: false, payload: bytes('gone') })
    const native = await site.connect(thing, { level })
    await native.subscribe('telemetry/#')
    expect(await native.take('publish')).toMatchObject({ topic: 'telemetry/status', payload: bytes('gone') })
  })

  it('give no right: the channel that is meant is weighed', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'secret' })
    const peer = await site.connect(await site.thing('sensor'), { level })
    const refusal = level === 5 ? 0x87 : 0x80
    const filters = ['channels/secret/messages/#', 'm/default/c/telemetry/a', 'm/elsewhere/c/telemetry/a', 'channels/#']
    expect(await peer.subscribe(filters)).toEqual([refusal, 1, refusal, refusal])
    peer.sendPublish('channels/secret/messages/a', 'x')
    if (level === 5) expect((await peer.take('puback')).reasonCode).toBe(0x87)
    else await peer.closed()
  })

  it('refuse a topic in the name of another domain, and take one’s own by name and by id', async () => {
    const site = await startSite()
    const domain = await site.hub.control.domains.create({ name: 'acme' })
    const control = site.hub.controlOf(domain.id)
    await control.channels.create({ name: 'telemetry' })
    const { key } = await control.things.create({ name: 'sensor' })
    await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe'] })
    const thing = { name: 'sensor', key: key.secret }
    for (const own of ['acme', domain.id]) {
      const peer = await site.connect(thing, { level })
      expect(await peer.subscribe(`m/${own}/c/telemetry/#`)).toEqual([1])
      expect(await peer.publish('telemetry/a', 'x')).toBe(0)
      expect((await peer.take('publish')).topic).toBe(`m/${own}/c/telemetry/a`)
      peer.sendPublish('m/default/c/telemetry/a', 'x')
      if (level === 5) expect((await peer.take('puback')).reasonCode).toBe(0x87)
      else await peer.closed()
    }
    const stranger = await site.open(level)
    const will = { topic: 'm/default/c/telemetry/w', payload: bytes('x'), qos: 0, retain: false } as const
    expect((await stranger.connect(site.credentials(thing, { will }))).reasonCode).toBe(level === 5 ? 0x87 : 5)
  })

  it('let a device of Mainflux in as it is: user name its id, password its key', async () => {
    const site = await startSite()
    const { key } = await site.thing('sensor')
    const { id } = await site.hub.control.things.get('sensor')
    const device = await site.stock({ name: id, key }, { protocolVersion: level as 4 | 5 })
    await device.subscribeAsync('channels/telemetry/messages/#', { qos: 1 })
    await device.publishAsync('channels/telemetry/messages/room/1', '[{"n":"t","v":21}]', { qos: 1 })
    const [message] = await stockMessages(device, 1)
    expect(message).toMatchObject({ topic: 'channels/telemetry/messages/room/1', text: '[{"n":"t","v":21}]' })
  })
})

describe('dialects with MQTT 5', () => {
  it('write and read response topics', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing)
    await peer.subscribe('channels/telemetry/messages/#')
    const native = await site.connect(thing)
    await native.subscribe('telemetry/#')
    const asked = async (topic: string, responseTopic: string) => {
      await native.publish(topic, 'x', { properties: { responseTopic } })
      return [await native.take('publish'), await peer.take('publish')].map(
        ({ properties }) => properties?.responseTopic,
      )
    }
    expect(await asked('telemetry/ask', 'channels/telemetry/messages/reply/1')).toEqual([
      'telemetry/reply/1',
      'channels/telemetry/messages/reply/1',
    ])
    // Nobody publishes there by that: what would be refused as a topic goes along as it is, or as it can be said.
    expect(await asked('telemetry/ask', 'm/elsewhere/c/a')).toEqual([
      'm/elsewhere/c/a',
      'channels/m/messages/elsewhere/c/a',
    ])
  })

  it('go with topic aliases both ways', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { properties: { topicAliasMaximum: 4 } })
    await reader.subscribe('channels/telemetry/messages/#')
    const writer = await site.connect(thing)
    await writer.publish('channels/telemetry/messages/a', '1', { properties: { topicAlias: 1 } })
    await writer.publish('', '2', { properties: { topicAlias: 1 } })
    const [first, second] = await reader.takeAll(2)
    expect(first).toMatchObject({ topic: 'channels/telemetry/messages/a', properties: { topicAlias: 1 } })
    expect(second).toMatchObject({ topic: '', properties: { topicAlias: 1 } })
    expect(textOf(second!)).toBe('2')
    // The same topic, wanted in another form from here on, has another alias.
    await reader.subscribe('telemetry/#')
    await writer.publish('telemetry/a', '3')
    expect(await reader.take('publish')).toMatchObject({ topic: 'telemetry/a', properties: { topicAlias: 2 } })
  })

  it('say a message that two subscriptions match the way the first of them is written', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    await peer.subscribe('channels/telemetry/messages/a', { subscriptionId: 7 })
    await peer.subscribe('telemetry/#', { subscriptionId: 8 })
    await peer.publish('telemetry/a', 'x')
    const packet = await peer.take('publish')
    expect(packet.topic).toBe('channels/telemetry/messages/a')
    expect(packet.properties?.subscriptionIdentifiers?.toSorted()).toEqual([7, 8])
    expect(await peer.arrived()).toEqual([])
  })

  it('have names of their own', async () => {
    await expect(startAnySite({ listener: { dialects: [mainfluxTopics(), mainfluxTopics()] } })).rejects.toThrow(
      'dialects of MQTT need names of their own',
    )
  })

  it('are off unless they are asked for', async () => {
    const site = await startAnySite()
    await site.hub.control.channels.create({ name: 'channels' })
    const peer = await site.connect(
      await site.thing('sensor', [{ channel: 'channels', actions: ['publish', 'subscribe'] }]),
    )
    await peer.subscribe('channels/#')
    await peer.publish('channels/telemetry/messages', 'x')
    expect((await peer.take('publish')).topic).toBe('channels/telemetry/messages')
  })
})
