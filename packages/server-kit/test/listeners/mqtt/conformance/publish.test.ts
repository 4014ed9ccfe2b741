import type { Properties, QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { lasting, levels, startSite } from '../fixture.ts'
import { textOf } from '../peer.ts'

const qualities = [0, 1, 2] as const

describe.each(levels)('a PUBLISH of MQTT %s', (_, level) => {
  it('that is sent again by its publisher is no repetition to its subscribers', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe('telemetry/#', { qos: 2 })
    for (const qos of [1, 2] as const) {
      await peer.publish('telemetry/a', `${qos}`, { qos, dup: true })
      const { dup, retain } = await peer.take('publish')
      expect({ dup, retain }).toEqual({ dup: false, retain: false })
    }
  })

  it('with QoS 1 under an id that was acknowledged is another message, with DUP or without', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe('telemetry/#')
    for (const [text, dup] of [
      ['one', false],
      ['two', true],
      ['three', false],
    ] as const) {
      expect(await peer.publish('telemetry/a', text, { packetId: 9, dup })).toBe(0)
    }
    expect(await peer.texts(3)).toEqual(['one', 'two', 'three'])
  })

  it.each(qualities)('is answered as its quality asks, with its id: QoS %i', async qos => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    for (const packetId of [1, 255, 256, 65_535]) {
      peer.sendPublish('telemetry/a', 'x', { qos, packetId: qos === 0 ? 0 : packetId })
      if (qos === 1) expect(await peer.takeAnswer('puback', packetId)).toBe(0)
      if (qos === 2) {
        expect(await peer.takeAnswer('pubrec', packetId)).toBe(0)
        expect(await peer.release(packetId)).toBe(0)
      }
      await peer.arrived()
      expect(peer.packets).toEqual([])
    }
  })

  it('without RETAIN leaves the last value alone, and one without a payload is no last value', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { level })
    for (const qos of qualities) {
      const topic = `telemetry/${qos}`
      await writer.publish(topic, 'kept', { qos, retain: true })
      await writer.publish(topic, 'passes by', { qos })
      await writer.publish(topic, '', { qos })
      await writer.publish(`telemetry/none/${qos}`, '', { qos, retain: true })
    }
    await writer.arrived()
    const late = await site.connect(thing, { level })
    await late.subscribe('telemetry/#', { qos: 2 })
    const values = await late.takeAll(3)
    const seen = values.map(packet => [packet.topic, textOf(packet), packet.qos, packet.retain])
    expect(seen.sort()).toEqual(qualities.map(qos => [`telemetry/${qos}`, 'kept', qos, true]))
    expect(await late.arrived()).toEqual([])
  })

  it('replaces the last value with that of any other quality', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing, { level })
    for (const before of qualities) {
      for (const after of qualities) {
        const topic = `telemetry/${before}/${after}`
        await writer.publish(topic, 'before', { qos: before, retain: true })
        await writer.publish(topic, 'after', { qos: after, retain: true })
      }
    }
    await writer.arrived()
    const late = await site.connect(thing, { level })
    await late.subscribe('telemetry/#', { qos: 2 })
    expect(await late.texts(9)).toEqual(Array.from({ length: 9 }, () => 'after'))
    expect(await late.arrived()).toEqual([])
  })

  it('with RETAIN and no payload reaches who is there as any other, and clears the last value', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    await peer.subscribe('telemetry/#')
    for (const text of ['set', '']) await peer.publish('telemetry/a', text, { retain: true })
    const heard = await peer.takeAll(2)
    expect(heard.map(packet => [textOf(packet), packet.retain])).toEqual([
      ['set', false],
      ['', false],
    ])
    const late = await site.connect(thing, { level })
    await late.subscribe('telemetry/#')
    expect(await late.arrived()).toEqual([])
  })
})

describe('a topic alias', () => {
  it('may be any up to the maximum, and may be given to another topic', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    await peer.subscribe('telemetry/#')
    const aliases = Array.from({ length: 16 }, (_, i) => i + 1)
    for (const round of ['a', 'b']) {
      for (const topicAlias of aliases) {
        await peer.publish(`telemetry/${round}/${topicAlias}`, 'named', { properties: { topicAlias } })
        await peer.publish('', 'short', { properties: { topicAlias } })
      }
      const heard = await peer.takeAll(32)
      expect(heard.map(({ topic }) => topic)).toEqual(
        aliases.flatMap(alias => Array(2).fill(`telemetry/${round}/${alias}`)),
      )
    }
  })

  it('ends with its connection, on both sides', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const options = {
      clientId: 'c',
      cleanStart: false,
      properties: { topicAliasMaximum: 1, sessionExpiryInterval: 60 },
    }
    const first = await site.connect(thing, options)
    await first.subscribe('telemetry/#')
    await first.publish('telemetry/a', 'x', { properties: { topicAlias: 1 } })
    await first.publish('', 'y', { properties: { topicAlias: 1 } })
    expect((await first.takeAll(2)).map(({ topic }) => topic)).toEqual(['telemetry/a', ''])
    first.cut()
    const second = await site.connect(thing, options)
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'z')
    const again = await second.take('publish')
    expect([again.topic, again.properties]).toEqual(['telemetry/a', { topicAlias: 1 }])
    second.sendPublish('', 'whose?', { properties: { topicAlias: 1 } })
    expect(await second.closeReason()).toBe(0x82)
  })

  it('is given to no more topics than the client takes', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { properties: { topicAliasMaximum: 2 } })
    await peer.subscribe('telemetry/#')
    for (const topic of ['a', 'b', 'c', 'c', 'b', 'a']) await peer.publish(`telemetry/${topic}`, topic)
    const heard = await peer.takeAll(6)
    expect(heard.map(packet => [packet.topic, packet.properties?.topicAlias])).toEqual([
      ['telemetry/a', 1],
      ['telemetry/b', 2],
      ['telemetry/c', undefined],
      ['telemetry/c', undefined],
      ['', 2],
      ['', 1],
    ])
  })
})

describe('the properties of a message', () => {
  const cases: readonly (readonly [name: string, properties: Properties])[] = [
    ['a payload format of bytes', { payloadFormatIndicator: 0 }],
    ['a payload format of text', { payloadFormatIndicator: 1 }],
    ['an empty content type', { contentType: '' }],
    ['a response topic that is nobody’s', { responseTopic: 'elsewhere/$x/äöü' }],
    ['correlation data of no bytes', { correlationData: new Uint8Array(0) }],
    [
      'the same user property twice',
      {
        userProperties: [
          ['a', '1'],
          ['a', '1'],
          ['', ''],
        ],
      },
    ],
  ]

  it.each(cases)('come as they were sent, live and from the log: %s', async (_, properties) => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const live = await site.connect(thing)
    await live.subscribe('telemetry/#')
    const away = await site.connect(thing, lasting(5))
    await away.subscribe('telemetry/#')
    await away.disconnect()
    await live.publish('telemetry/a', 'x', { retain: true, properties })
    const back = await site.connect(thing, lasting(5))
    const late = await site.connect(thing)
    await late.subscribe('telemetry/#')
    for (const peer of [live, back, late]) {
      const received = (await peer.take('publish')).properties ?? {}
      // An empty content type says what none says.
      expect({ contentType: undefined, ...received }).toEqual({ contentType: undefined, ...normal(properties) })
    }
  })

  it('are refused where a client may not send them, and the connection ends', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const breaches: readonly (readonly [properties: readonly number[], code: number])[] = [
      // A subscription identifier; a response topic with a wildcard; topic alias 0; payload format 2; twice the same.
      [[0x0b, 1], 0x82],
      [[0x08, 0, 1, 0x23], 0x90],
      [[0x23, 0, 0], 0x94],
      [[0x01, 2], 0x82],
      [[0x01, 0, 0x01, 0], 0x82],
    ]
    for (const [properties, code] of breaches) {
      const peer = await site.connect(thing)
      peer.raw([0x30, 4 + properties.length, 0, 1, 0x61, properties.length, ...properties])
      expect(await peer.closeReason()).toBe(code)
    }
  })

  it('count down how long a last value is good for', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'x', { retain: true, properties: { messageExpiryInterval: 100 } })
    const from = Date.now()
    // Real time is what this is about: a second and a bit of it has to go by.
    await expect.poll(() => Date.now() - from, { timeout: 5_000, interval: 50 }).toBeGreaterThan(1_050)
    const late = await site.connect(thing)
    await late.subscribe('telemetry/a')
    const waited = (Date.now() - from) / 1000
    const { messageExpiryInterval } = (await late.take('publish')).properties!
    expect(messageExpiryInterval).toBeLessThanOrEqual(99)
    expect(messageExpiryInterval).toBeGreaterThanOrEqual(98 - waited)
  })
})

function normal({ contentType, ...rest }: Properties): Properties {
  return contentType === '' ? rest : { ...rest, ...(contentType !== undefined && { contentType }) }
}

describe('a peer that takes small packets', () => {
  it.each([1, 2] as const)('is not sent a larger one, which counts as delivered, with QoS %i', async qos => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const properties = { maximumPacketSize: 60, receiveMaximum: 2, sessionExpiryInterval: 60 }
    const small = await site.connect(thing, { clientId: 's', cleanStart: false, properties })
    await small.subscribe('telemetry/#', { qos: qos as QoS })
    const writer = await site.connect(thing)
    for (let i = 0; i < 5; i++) await writer.publish('telemetry/a', 'x'.repeat(60), { qos, retain: true })
    await writer.publish('telemetry/a', 'fits', { qos })
    expect((await small.arrived()).map(textOf)).toEqual(['fits'])
    // A last value that is too large is left out too.
    await small.subscribe('telemetry/a', { qos: qos as QoS })
    expect((await small.arrived()).map(textOf)).toEqual(['fits'])
    await small.disconnect()
    const back = await site.connect(thing, { clientId: 's', cleanStart: false, properties })
    expect(await back.arrived()).toEqual([])
  })
})
