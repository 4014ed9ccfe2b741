import { describe, expect, it, vi } from 'vitest'
import { lasting, levels, type Site, startSite, type Thing } from '../fixture.ts'
import { type ConnectOptions, type TestPeer, textOf } from '../peer.ts'

/** What comes right behind CONNACK is not acknowledged either. */
async function connectSilently(site: Site, thing: Thing, options: ConnectOptions): Promise<TestPeer> {
  const peer = await site.open(options.level)
  peer.acknowledges = false
  expect(await peer.connect(site.credentials(thing, options))).toMatchObject({ reasonCode: 0 })
  return peer
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

describe.each(levels)('a delivery to a peer of MQTT %s', (_, level) => {
  it.each([0, 1, 2] as const)('goes out with DUP 0 and an id of its own, with QoS %i', async qos => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe('telemetry/#', { qos })
    for (const text of numbers(20)) await peer.publish('telemetry/a', text, { qos })
    const heard = await peer.takeAll(20)
    expect(heard.map(textOf)).toEqual(numbers(20))
    expect(heard.every(packet => !packet.dup && packet.qos === qos)).toBe(true)
    expect(new Set(heard.map(({ packetId }) => packetId)).size).toBe(qos === 0 ? 1 : 20)
    expect(heard.every(({ packetId }) => (packetId === 0) === (qos === 0))).toBe(true)
  })

  it('is not sent again on the same connection, however long it is not acknowledged', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(level))
    peer.acknowledges = false
    await peer.subscribe('telemetry/#', { qos: 2 })
    const writer = await site.connect(thing)
    for (const qos of [1, 2] as const) await writer.publish('telemetry/a', `${qos}`, { qos })
    // All that could bring it back: other packets, other subscriptions, time.
    const from = performance.now()
    while (performance.now() - from < 1_200) {
      await peer.subscribe('telemetry/b')
      await writer.publish('telemetry/c', 'passes by', { qos: 0 })
      await peer.arrived()
    }
    expect(peer.packets.filter(packet => packet.type === 'publish' && packet.qos > 0).length).toBe(2)
  })

  it('comes again in the order in which it was sent, QoS 1 and 2 together', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(level))
    peer.acknowledges = false
    await peer.subscribe('telemetry/#', { qos: 2 })
    const writer = await site.connect(thing)
    for (const [i, text] of numbers(12).entries())
      await writer.publish('telemetry/a', text, { qos: i % 2 === 0 ? 1 : 2 })
    const sent = await peer.takeAll(12)
    for (let round = 0; round < 3; round++) {
      peer.cut()
      await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), 8_000)
      const back = await connectSilently(site, thing, lasting(level))
      const again = await back.takeAll(12)
      const line = (packet: (typeof again)[number]) => [textOf(packet), packet.qos, packet.packetId]
      expect(again.map(line)).toEqual(sent.map(line))
      expect(again.every(({ dup }) => dup)).toBe(true)
      back.cut()
      await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), 8_000)
    }
  })

  it('keeps the order of one publisher and topic, each quality by itself', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { level })
    await reader.subscribe('telemetry/#', { qos: 2 })
    const writer = await site.connect(thing, { level })
    for (let i = 0; i < 60; i++) {
      writer.sendPublish('telemetry/a', `${i}`, { qos: (i % 3) as 0 | 1 | 2 })
    }
    const received: number[] = []
    for (let i = 0; i < 20; i++) {
      const { packetId } = await writer.take('pubrec')
      received.push(packetId)
      writer.say('pubrel', packetId)
    }
    // Answers are in order too, each quality by itself.
    expect(received).toEqual(received.toSorted((a, b) => a - b))
    const heard = await reader.takeAll(60)
    for (const qos of [0, 1, 2]) {
      const texts = heard.filter(packet => packet.qos === qos).map(textOf)
      expect(texts).toEqual(numbers(60).filter(text => Number(text) % 3 === qos))
    }
  })

  it('is not the only thing that goes on where the quota is used up', async () => {
    const site = await startSite({ limits: { windowMax: 1 } })
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level, properties: { receiveMaximum: 1 } })
    peer.acknowledges = false
    await peer.subscribe('telemetry/#')
    for (const text of numbers(3)) expect(await peer.publish('telemetry/a', text)).toBe(0)
    expect((await peer.arrived()).map(textOf)).toEqual(['0'])
    expect(await peer.publish('telemetry/a', 'mine', { qos: 2 })).toBe(0)
    expect(await peer.subscribe('telemetry/b')).toEqual([1])
    expect(await peer.unsubscribe('telemetry/b')).toEqual(level === 5 ? [0] : [])
    expect((await peer.arrived()).map(textOf)).toEqual(['0'])
  })
})

describe('an acknowledgement of MQTT 5 that refuses', () => {
  it.each([
    ['puback', 1],
    ['pubrec', 2],
  ] as const)('is one: %s', async (type, qos) => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const options = lasting(5)
    const peer = await site.connect(thing, { ...options, properties: { ...options.properties, receiveMaximum: 1 } })
    peer.acknowledges = false
    await peer.subscribe('telemetry/#', { qos: 2 })
    const writer = await site.connect(thing)
    for (const text of ['refused', 'next']) await writer.publish('telemetry/a', text, { qos })
    const first = await peer.take('publish')
    peer.say(type, first.packetId, 0x80)
    const next = await peer.take('publish')
    expect(textOf(next)).toBe('next')
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), 8_000)
    const back = await site.connect(thing, options)
    expect(await back.texts(1)).toEqual(['next'])
    expect(await back.arrived()).toEqual([])
  })
})

describe('a transfer with QoS 2 that the hub refuses', () => {
  it('leaves its id to another message', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'closed' })
    const peer = await site.connect(await site.thing('sensor'))
    await peer.subscribe('telemetry/#', { qos: 2 })
    expect(await peer.publish('closed/a', 'x', { qos: 2, packetId: 5 })).toBe(0x87)
    expect(await peer.publish('telemetry/a', 'y', { qos: 2, packetId: 5 })).toBe(0)
    expect(await peer.texts(1)).toEqual(['y'])
  })
})

describe('the receive maximum', () => {
  it('of a new connection is its own: what is owed comes no faster', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const options = lasting(5)
    const wide = await site.connect(thing, { ...options, properties: { ...options.properties, receiveMaximum: 10 } })
    wide.acknowledges = false
    await wide.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    for (const text of numbers(10)) await writer.publish('telemetry/a', text)
    await wide.takeAll(10)
    const properties = { ...options.properties, receiveMaximum: 2 }
    const narrow = await connectSilently(site, thing, { ...options, properties })
    for (let i = 0; i < 10; i += 2) {
      const [first, second] = await narrow.takeAll(2)
      expect([textOf(first!), textOf(second!)]).toEqual([`${i}`, `${i + 1}`])
      expect(await narrow.arrived()).toEqual([])
      for (const packet of [first!, second!]) narrow.acknowledge(packet)
    }
  })
})
