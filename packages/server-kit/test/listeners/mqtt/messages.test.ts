import type { ProtocolLevel, QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { levels, startSite, stockMessages } from './fixture.ts'
import { textOf } from './peer.ts'

const qualities: readonly QoS[] = [0, 1, 2]

describe.each(levels)('messages with MQTT %s', (_, level) => {
  it.each(qualities.flatMap(published => qualities.map(subscribed => [published, subscribed] as const)))(
    'go out with the lower quality of the two: published with %i, subscribed with %i',
    async (published, subscribed) => {
      const site = await startSite()
      const thing = await site.thing('sensor')
      const reader = await site.connect(thing, { level })
      expect(await reader.subscribe('telemetry/#', { qos: subscribed })).toEqual([subscribed])
      const writer = await site.connect(thing, { level })
      for (const text of ['one', 'two', '']) await writer.publish('telemetry/room/1', text, { qos: published })
      await writer.arrived()
      const got = await reader.takeAll(3)
      expect(got.map(textOf)).toEqual(['one', 'two', ''])
      for (const { topic, qos, dup, retain, packetId } of got) {
        expect({ topic, qos, dup, retain }).toEqual({
          topic: 'telemetry/room/1',
          qos: Math.min(published, subscribed),
          dup: false,
          retain: false,
        })
        expect(packetId > 0).toBe(qos > 0)
      }
    },
  )

  it('go to those whose filters match, and to nobody else', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const topics = ['telemetry', 'telemetry/a', 'telemetry/a/b', 'telemetry/b', 'telemetry//b', 'telemetry/é/b']
    const filters: Readonly<Record<string, readonly number[]>> = {
      '#': [0, 1, 2, 3, 4, 5],
      'telemetry/#': [0, 1, 2, 3, 4, 5],
      '+': [0],
      '+/+': [1, 3],
      'telemetry/+/b': [2, 4, 5],
      'telemetry/a/#': [1, 2],
      '+/a/+': [2],
      'telemetry/+/#': [1, 2, 3, 4, 5],
      'telemetry/é/b': [5],
    }
    const writer = await site.connect(thing, { level })
    for (const [filter, expected] of Object.entries(filters)) {
      const reader = await site.connect(thing, { level })
      expect(await reader.subscribe(filter)).toEqual([1])
      for (const topic of topics) await writer.publish(topic, topic)
      expect((await reader.arrived()).map(textOf), filter).toEqual(expected.map(i => topics[i]))
      await reader.disconnect()
    }
  })

  it('no longer come after unsubscribing', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'), { level })
    await reader.subscribe(['telemetry/a', 'telemetry/b'])
    const codes = await reader.unsubscribe(['telemetry/a', 'telemetry/c'])
    expect(codes).toEqual(level === 5 ? [0, 0x11] : [])
    await reader.publish('telemetry/a', 'a')
    await reader.publish('telemetry/b', 'b')
    expect((await reader.arrived()).map(textOf)).toEqual(['b'])
  })

  it('come once, with the higher quality, where subscriptions overlap', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'), { level })
    await reader.subscribe('telemetry/#', { qos: 0 })
    await reader.subscribe('telemetry/a', { qos: 1 })
    await reader.subscribe('+/a', { qos: 0 })
    await reader.publish('telemetry/a', 'x')
    await reader.publish('telemetry/b', 'y')
    expect((await reader.arrived()).map(packet => [textOf(packet), packet.qos])).toEqual([
      ['x', 1],
      ['y', 0],
    ])
  })

  it('may be as large as a packet, and empty', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'), { level })
    await reader.subscribe('telemetry/#')
    const payload = new Uint8Array(256 * 1024 - 64).map((_, i) => i * 7)
    expect(await reader.publish('telemetry/large', payload)).toBe(0)
    expect(await reader.publish('telemetry/empty', '')).toBe(0)
    const [large, empty] = await reader.takeAll(2)
    expect(Buffer.compare(large!.payload, payload)).toBe(0)
    expect(empty!.payload.length).toBe(0)
  })

  it('keep the order of their publisher over a burst', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { level })
    await reader.subscribe('telemetry/#')
    const writer = await site.connect(thing, { level })
    const texts = Array.from({ length: 2_000 }, (_, i) => `${i}`)
    // MQTT 5 bounds what may be under way; before it, the hub makes the peer wait.
    const burst = level === 5 ? 64 : 2_000
    for (let at = 0; at < texts.length; at += burst) {
      const some = texts.slice(at, at + burst)
      for (const text of some) writer.sendPublish('telemetry/a', text)
      for (const __ of some) await writer.take('puback')
    }
    expect(await reader.texts(2_000)).toEqual(texts)
  })

  it('travel between MQTT.js clients, with every two qualities', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const options = { protocolVersion: level as 4 | 5 }
    const reader = await site.stock(thing, options)
    const granted = await reader.subscribeAsync(
      Object.fromEntries(qualities.map(qos => [`telemetry/${qos}/t`, { qos }] as const)),
    )
    expect(granted.map(({ qos }) => qos)).toEqual([0, 1, 2])
    const writer = await site.stock(thing, options)
    // MQTT.js gives a message of QoS 2 on at its PUBREL, a round trip later: each one is awaited.
    for (const published of qualities) {
      for (const subscribed of qualities) {
        const topic = `telemetry/${subscribed}/t`
        await writer.publishAsync(topic, `${published}`, { qos: published })
        const qos = Math.min(published, subscribed)
        expect(await stockMessages(reader, 1)).toEqual([{ topic, text: `${published}`, qos, retain: false }])
      }
    }
    expect(reader.inbox).toEqual([])
  })
})

describe.each(levels)('last values with MQTT %s', (_, level) => {
  it('are set, replaced and cleared, and go to new subscriptions', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { level })
    await writer.publish('telemetry/a', 'a1', { retain: true })
    await writer.publish('telemetry/b', 'b1', { retain: true, qos: 0 })
    await writer.publish('telemetry/c', 'c1', { retain: true })
    await writer.publish('telemetry/a', 'a2', { retain: true })
    await writer.publish('telemetry/c', '', { retain: true })
    await writer.publish('telemetry/a', 'not retained')
    const reader = await site.connect(thing, { level })
    expect(await reader.subscribe('telemetry/+')).toEqual([1])
    const values = await reader.takeAll(2)
    expect(values.map(packet => [textOf(packet), packet.retain, packet.qos]).sort()).toEqual([
      ['a2', true, 1],
      ['b1', true, 0],
    ])
    // Live ones come without the flag: nothing is replayed.
    await writer.publish('telemetry/a', 'a3', { retain: true })
    const live = await reader.take('publish')
    expect([textOf(live), live.retain]).toEqual(['a3', false])
    expect(await reader.arrived()).toEqual([])
  })

  it('go out again with each subscription, with its quality', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'), { level })
    await reader.publish('telemetry/a', 'a', { retain: true })
    for (const qos of [0, 1, 2] as const) {
      await reader.subscribe('telemetry/a', { qos })
      const value = await reader.take('publish')
      expect([textOf(value), value.qos, value.retain]).toEqual(['a', Math.min(qos, 1), true])
    }
  })

  it('go only to those who may have them', async () => {
    const site = await startSite()
    const writer = await site.connect(await site.thing('sensor'), { level })
    await site.hub.control.channels.create({ name: 'secret' })
    await site.hub.control.grants.create({ thing: 'sensor', channel: 'secret', actions: ['publish'] })
    for (const topic of ['secret/a', 'telemetry/private/a', 'telemetry/public/a', 'telemetry/public/b']) {
      await writer.publish(topic, topic, { retain: true })
    }
    const limited = await site.thing('limited', [{ channel: 'telemetry', actions: ['subscribe'], pattern: 'public/#' }])
    const reader = await site.connect(limited, { level })
    expect(await reader.subscribe(['#', 'telemetry/public/b'])).toEqual([1, 1])
    // The second filter's value comes behind those of the first.
    expect((await reader.texts(3)).sort()).toEqual(['telemetry/public/a', 'telemetry/public/b', 'telemetry/public/b'])
    expect(await reader.arrived()).toEqual([])
  })

  it('outlive the hub as long as its store does', async () => {
    const store = memoryStore()
    const first = await startSite({ store })
    const thing = await first.thing('sensor')
    const writer = await first.connect(thing, { level })
    await writer.publish('telemetry/a', 'kept', { retain: true })
    await first.hub.stop()
    const second = await startSite({ store })
    const reader = await second.connect(thing, { level })
    await reader.subscribe('telemetry/a')
    expect(await reader.texts(1)).toEqual(['kept'])
  })
})

describe('subscriptions of MQTT 5', () => {
  it('give one copy with the identifiers of all that match', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'))
    await reader.subscribe('telemetry/#', { qos: 0, subscriptionId: 7 })
    await reader.subscribe('telemetry/a', { qos: 1, subscriptionId: 268_435_455 })
    await reader.subscribe('+/a', { qos: 0 })
    await reader.publish('telemetry/a', 'x')
    await reader.publish('telemetry/b', 'y')
    const [x, y] = await reader.takeAll(2)
    expect([x!.qos, x!.properties?.subscriptionIdentifiers?.toSorted()]).toEqual([1, [268_435_455, 7].toSorted()])
    expect([y!.qos, y!.properties?.subscriptionIdentifiers]).toEqual([0, [7]])
    expect(await reader.arrived()).toEqual([])
    // A subscription made again replaces the one before, identifier and all.
    await reader.subscribe('telemetry/#', { qos: 1, subscriptionId: 8 })
    await reader.publish('telemetry/b', 'z')
    expect((await reader.take('publish')).properties?.subscriptionIdentifiers).toEqual([8])
  })

  it('leave out what the session itself published, where it asked for that', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const one = await site.connect(thing)
    const other = await site.connect(thing)
    await one.subscribe('telemetry/#', { noLocal: true })
    await other.subscribe('telemetry/#', { noLocal: true })
    for (const qos of [0, 1] as const) {
      await one.publish('telemetry/a', `by one ${qos}`, { qos })
      await one.arrived()
      // Another connection of the same thing is another client.
      await other.publish('telemetry/a', `by other ${qos}`, { qos })
      await other.arrived()
    }
    expect((await one.arrived()).map(textOf)).toEqual(['by other 0', 'by other 1'])
    expect((await other.arrived()).map(textOf)).toEqual(['by one 0', 'by one 1'])
  })

  it('keep the retain flag of live messages where they ask for that', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing)
    await reader.subscribe('telemetry/as-published', { retainAsPublished: true })
    await reader.subscribe('telemetry/plain')
    for (const topic of ['telemetry/as-published', 'telemetry/plain']) {
      for (const retain of [true, false]) await reader.publish(topic, topic, { retain })
    }
    expect((await reader.takeAll(4)).map(({ retain }) => retain)).toEqual([true, false, false, false])
  })

  it('are sent last values always, if they are new, or never', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('sensor'))
    for (const topic of ['telemetry/a', 'telemetry/marker']) await reader.publish(topic, topic, { retain: true })
    /** The marker's value comes behind the others of the same request. */
    const replayed = async (retainHandling: 0 | 1 | 2) => {
      const packetId = reader.nextPacketId()
      const common = { qos: 1 as QoS, noLocal: false, retainAsPublished: false }
      const subscriptions = [
        { filter: 'telemetry/a', retainHandling, ...common },
        { filter: 'telemetry/marker', retainHandling: 0 as const, ...common },
      ]
      reader.send({ type: 'subscribe', packetId, subscriptions })
      await reader.takeSuback(packetId)
      const topics: string[] = []
      while (topics.at(-1) !== 'telemetry/marker') topics.push((await reader.take('publish')).topic)
      return topics.length === 2
    }
    expect(await replayed(2)).toBe(false)
    expect(await replayed(1)).toBe(false)
    expect(await replayed(0)).toBe(true)
    await reader.unsubscribe('telemetry/a')
    expect(await replayed(1)).toBe(true)
    expect(await replayed(1)).toBe(false)
    expect(await replayed(0)).toBe(true)
  })
})

describe('peers of different versions', () => {
  it('understand each other', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const versions: readonly ProtocolLevel[] = [3, 4, 5]
    const peers = await Promise.all(versions.map(level => site.connect(thing, { level, clientId: `v${level}` })))
    for (const peer of peers) await peer.subscribe('telemetry/#')
    for (const peer of peers) await peer.publish('telemetry/a', `from ${peer.level}`)
    for (const peer of peers) expect(await peer.texts(3)).toEqual(['from 3', 'from 4', 'from 5'])
  })
})
