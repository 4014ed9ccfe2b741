import { describe, expect, it, vi } from 'vitest'
import { gatedStore } from '../../../support/gated-store.ts'
import { lasting, levels, startSite } from '../fixture.ts'
import { textOf } from '../peer.ts'

const qualities = [0, 1, 2] as const

describe.each(levels)('a SUBSCRIBE of MQTT %s', (_, level) => {
  it('is answered with its id and one code for each filter, in their order', async () => {
    const site = await startSite()
    await site.hub.control.channels.create({ name: 'closed' })
    const peer = await site.connect(await site.thing('sensor'), { level })
    const subscriptions = [
      ['telemetry/a', 2],
      ['closed/#', 1],
      ['telemetry/#/b', 1],
      ['telemetry/b', 0],
      ['telemetry/c', 1],
    ] as const
    for (const packetId of [1, 256, 65_535]) {
      peer.send({
        type: 'subscribe',
        packetId,
        subscriptions: subscriptions.map(([filter, qos]) => ({
          filter,
          qos,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0 as const,
        })),
      })
      const { reasonCodes } = await peer.takeSuback(packetId)
      expect(reasonCodes).toEqual(level === 5 ? [2, 0x87, 0x8f, 0, 1] : [2, 0x80, 0x80, 0, 1])
    }
  })

  it('replaces what the session had under that filter, and loses nothing meanwhile', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    await peer.subscribe('telemetry/#', { qos: 0 })
    const writer = await site.connect(thing)
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`)
    const writing = (async () => {
      for (const text of texts) await writer.publish('telemetry/a', text)
    })()
    for (let i = 0; i < 20; i++) await peer.subscribe('telemetry/#', { qos: i % 2 === 0 ? 1 : 2 })
    await writing
    expect(await peer.texts(200)).toEqual(texts)
    await peer.subscribe('telemetry/#', { qos: 0 })
    await writer.publish('telemetry/a', 'last')
    const [last] = await peer.takeAll(1)
    expect([textOf(last!), last!.qos]).toEqual(['last', 0])
    // It is one subscription: a single UNSUBSCRIBE ends it.
    await peer.unsubscribe('telemetry/#')
    await writer.publish('telemetry/a', 'not heard')
    expect(await peer.arrived()).toEqual([])
  })

  it('brings the last values again each time, with RETAIN, and with the lower quality of the two', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { level })
    for (const qos of qualities) await writer.publish(`telemetry/${qos}`, `${qos}`, { qos, retain: true })
    await writer.arrived()
    const peer = await site.connect(thing, { level })
    for (const granted of qualities) {
      expect(await peer.subscribe('telemetry/+', { qos: granted })).toEqual([granted])
      const values = await peer.takeAll(3)
      const seen = values.map(packet => [packet.topic, packet.qos, packet.retain])
      expect(seen.sort()).toEqual(qualities.map(qos => [`telemetry/${qos}`, Math.min(qos, granted), true]))
    }
    expect(await peer.arrived()).toEqual([])
  })

  it.each([1, 2] as const)('brings no value that it also hears live: QoS %i, under way when it came', async qos => {
    const store = gatedStore()
    const site = await startSite({ store })
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { level })
    expect(await writer.publish('telemetry/a', 'before', { retain: true })).toBe(0)
    store.hold()
    writer.sendPublish('telemetry/b', 'under way', { qos, retain: true })
    await vi.waitFor(() => expect(store.held).toBe(1), 8_000)
    const peer = await site.connect(thing, { level })
    await peer.subscribe('telemetry/#', { qos: 2 })
    store.release()
    const heard = await peer.takeAll(2)
    expect(heard.map(packet => [textOf(packet), packet.retain]).sort()).toEqual([
      ['before', true],
      ['under way', false],
    ])
    writer.sendPublish('telemetry/c', 'after', { retain: true })
    expect((await peer.takeAll(1)).map(packet => [textOf(packet), packet.retain])).toEqual([['after', false]])
    expect(await peer.arrived()).toEqual([])
  })

  it.each([
    ['that is not alone on its level', 'telemetry/a#'],
    ['that is not at the end', 'telemetry/#/a'],
    ['for one level that does not fill it', 'telemetry/a+'],
    ['for one level that does not fill it either', 'telemetry/+a/b'],
  ])('with a wildcard %s is refused, alone', async (_name, filter) => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    expect(await peer.subscribe([filter, 'telemetry/ok'])).toEqual([level === 5 ? 0x8f : 0x80, 1])
    expect(await peer.publish('telemetry/ok', 'x')).toBe(0)
    expect(await peer.texts(1)).toEqual(['x'])
  })
})

describe.each(levels)('an UNSUBSCRIBE of MQTT %s', (_, level) => {
  it('is answered with its id, also where it ends nothing, with one code for each filter in MQTT 5', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe(['telemetry/a', 'telemetry/b'])
    for (const [packetId, codes] of [
      [7, [0, 0x11, 0]],
      [65_535, [0x11, 0x11, 0x11]],
    ] as const) {
      peer.send({ type: 'unsubscribe', packetId, filters: ['telemetry/a', 'telemetry/none', 'telemetry/b'] })
      const unsuback = await peer.take('unsuback')
      expect([unsuback.packetId, unsuback.reasonCodes]).toEqual([packetId, level === 5 ? codes : []])
    }
  })

  it('ends the filter that is the same to the character, and no other', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe(['telemetry/#', 'telemetry/+', 'telemetry/A'])
    await peer.unsubscribe(['telemetry/a', '#', '+/+', 'telemetry', 'TELEMETRY/#'])
    await peer.publish('telemetry/a', 'still heard')
    expect(await peer.texts(1)).toEqual(['still heard'])
    await peer.unsubscribe(['telemetry/#', 'telemetry/+'])
    await peer.publish('telemetry/a', 'not heard')
    await peer.publish('telemetry/A', 'heard')
    expect((await peer.arrived()).map(textOf)).toEqual(['heard'])
  })

  it.each([1, 2] as const)('completes what is on its way with QoS %i, also after a new connection', async qos => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(level))
    peer.acknowledges = false
    await peer.subscribe(['telemetry/a', 'telemetry/b'], { qos })
    const writer = await site.connect(thing)
    for (const text of ['1', '2']) await writer.publish('telemetry/a', text, { qos })
    const sent = await peer.takeAll(2)
    await peer.unsubscribe('telemetry/a')
    for (const text of ['3', '4']) await writer.publish('telemetry/a', text, { qos })
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), 8_000)
    const { peer: back, sessionPresent } = await site.enter(thing, lasting(level))
    expect(sessionPresent).toBe(true)
    const again = await back.takeAll(2)
    expect(again.map(packet => [textOf(packet), packet.packetId, packet.dup, packet.qos])).toEqual(
      sent.map(packet => [textOf(packet), packet.packetId, true, qos]),
    )
    // What came after UNSUBSCRIBE is not owed, also where the filter is subscribed again.
    await back.subscribe('telemetry/a', { qos })
    await writer.publish('telemetry/a', '5', { qos })
    await writer.publish('telemetry/b', '6', { qos })
    expect(await back.texts(2)).toEqual(['5', '6'])
    await back.arrived()
    back.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), 8_000)
    expect(await (await site.enter(thing, lasting(level))).peer.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-right-any-more' })).toBe(0)
  })
})

describe.each(levels)('a filter that is ended and subscribed again with MQTT %s', (_, level) => {
  it('is owed what was on its way, and what was published since, and nothing in between', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, lasting(level))
    peer.acknowledges = false
    await peer.subscribe('telemetry/a')
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'on its way')
    const [sent] = await peer.takeAll(1)
    await peer.unsubscribe('telemetry/a')
    await writer.publish('telemetry/a', 'in between')
    await peer.subscribe('telemetry/a')
    peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1), 8_000)
    await writer.publish('telemetry/a', 'since')
    const back = (await site.enter(thing, lasting(level))).peer
    const [again, next] = await back.takeAll(2)
    expect([textOf(again!), again!.dup, again!.packetId]).toEqual(['on its way', true, sent!.packetId])
    expect([textOf(next!), next!.dup]).toEqual(['since', false])
    expect(await back.arrived()).toEqual([])
  })
})

describe('subscriptions that overlap', () => {
  it('give one copy, with the highest quality and the identifiers of all', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    await peer.subscribe('telemetry/+', { qos: 0, subscriptionId: 1 })
    await peer.subscribe('telemetry/#', { qos: 2, subscriptionId: 268_435_455 })
    await peer.subscribe('telemetry/a', { qos: 1 })
    await peer.subscribe('#', { qos: 1, subscriptionId: 1 })
    for (const qos of qualities) {
      await peer.publish('telemetry/a', 'x', { qos })
      const heard = await peer.take('publish')
      expect(heard.qos).toBe(qos)
      expect([...heard.properties!.subscriptionIdentifiers!].sort((a, b) => a - b)).toEqual([1, 1, 268_435_455])
    }
    await peer.subscribe('telemetry/#', { qos: 2 })
    await peer.publish('telemetry/a', 'x')
    expect((await peer.take('publish')).properties).toEqual({ subscriptionIdentifiers: [1, 1] })
    expect(await peer.arrived()).toEqual([])
  })

  it('keep RETAIN as it was published where one of them asks for that', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing)
    await peer.subscribe('telemetry/+', { retainAsPublished: false })
    const other = await site.connect(thing)
    await other.subscribe('telemetry/+', { retainAsPublished: true })
    for (const retain of [true, false]) {
      await peer.publish('telemetry/a', 'x', { retain })
      expect((await peer.take('publish')).retain).toBe(false)
      expect((await other.take('publish')).retain).toBe(retain)
    }
  })

  it('leave out what the session published itself only for those that ask for that', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing)
    await peer.subscribe('telemetry/#', { qos: 2, noLocal: true, subscriptionId: 1 })
    await peer.subscribe('telemetry/a', { qos: 1, subscriptionId: 2 })
    await peer.subscribe('telemetry/b', { qos: 0, subscriptionId: 3 })
    const other = await site.connect(thing)
    for (const writer of [peer, other]) {
      for (const topic of ['a', 'b', 'c']) await writer.publish(`telemetry/${topic}`, topic, { qos: 2 })
    }
    const heard = await peer.takeAll(5)
    expect(
      heard.map(packet => [textOf(packet), packet.qos, packet.properties?.subscriptionIdentifiers?.sort()]),
    ).toEqual([
      ['a', 1, [2]],
      ['b', 0, [3]],
      ['a', 2, [1, 2]],
      ['b', 2, [1, 3]],
      ['c', 2, [1]],
    ])
    expect(await peer.arrived()).toEqual([])
  })
})

describe('No Local', () => {
  it('holds for the last values that the client published itself, too, on whatever connection', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { clientId: 'bridge' })
    await writer.publish('telemetry/mine', 'mine', { retain: true })
    const other = await site.connect(thing, { clientId: 'other' })
    await other.publish('telemetry/other', 'other', { retain: true })
    await writer.disconnect()
    const peer = await site.connect(thing, { clientId: 'bridge' })
    await peer.subscribe('telemetry/#', { noLocal: true })
    expect(await peer.texts(1)).toEqual(['other'])
    expect(await peer.arrived()).toEqual([])
    await peer.subscribe('telemetry/#')
    expect((await peer.texts(2)).sort()).toEqual(['mine', 'other'])
  })
})

describe('retain handling', () => {
  it('is weighed against the session’s subscriptions, not the connection’s', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'value', { retain: true })
    const first = await site.connect(thing, lasting(5))
    await first.subscribe('telemetry/a', { retainHandling: 1 })
    expect(await first.texts(1)).toEqual(['value'])
    await first.subscribe('telemetry/a', { retainHandling: 1 })
    expect(await first.arrived()).toEqual([])
    await first.disconnect()
    const second = await site.connect(thing, lasting(5))
    await second.subscribe('telemetry/a', { retainHandling: 1 })
    expect(await second.arrived()).toEqual([])
    await second.unsubscribe('telemetry/a')
    await second.subscribe('telemetry/a', { retainHandling: 2 })
    expect(await second.arrived()).toEqual([])
    await second.unsubscribe('telemetry/a')
    await second.subscribe('telemetry/a', { retainHandling: 1 })
    expect(await second.texts(1)).toEqual(['value'])
    await second.subscribe('telemetry/a', { retainHandling: 0 })
    expect(await second.texts(1)).toEqual(['value'])
  })
})
