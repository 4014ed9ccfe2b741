import type { Properties } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { startSite } from './fixture.ts'
import { textOf } from './peer.ts'

describe('properties of MQTT 5', () => {
  const carried: Properties = {
    payloadFormatIndicator: 1,
    contentType: 'application/json; charset=utf-8',
    responseTopic: 'telemetry/answers/17',
    correlationData: Uint8Array.of(0, 255, 1, 254),
    userProperties: [
      ['b', '2'],
      ['a', '1'],
      ['b', '1'],
      ['', ''],
      ['__proto__', 'é€𝄞'],
    ],
  }

  it.each([0, 1] as const)(
    'are carried unchanged and in order, with QoS %i, live, retained and to who was away',
    async qos => {
      const site = await startSite()
      const thing = await site.thing('sensor')
      const away = { clientId: 'away', cleanStart: false, properties: { sessionExpiryInterval: 60 } }
      const reader = await site.connect(thing, away)
      await reader.subscribe('telemetry/#')
      await reader.publish('telemetry/a', 'live', { qos, properties: carried })
      expect((await reader.take('publish')).properties).toEqual(carried)
      await reader.disconnect()
      const writer = await site.connect(thing)
      await writer.publish('telemetry/a', 'missed', { qos, retain: true, properties: carried })
      await writer.arrived()
      const back = await site.connect(thing, away)
      if (qos === 1) expect((await back.take('publish')).properties).toEqual(carried)
      await back.subscribe('telemetry/a')
      const retained = await back.take('publish')
      expect(retained.retain).toBe(true)
      expect(retained.properties).toEqual(carried)
    },
  )

  it('do not reach those who speak 3.1.1', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const old = await site.connect(thing, { level: 4 })
    await old.subscribe('telemetry/#')
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'x', { properties: carried })
    await old.publish('telemetry/a', 'y')
    expect(await old.texts(2)).toEqual(['x', 'y'])
  })

  it('reach MQTT.js', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const reader = await site.stock(thing)
    await reader.subscribeAsync('telemetry/#', { qos: 1, properties: { subscriptionIdentifier: 3 } })
    const seen = new Promise(resolve =>
      reader.once('message', (_topic, _payload, packet) => resolve(packet.properties)),
    )
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'x', { properties: carried })
    expect(await seen).toMatchObject({
      payloadFormatIndicator: true,
      contentType: carried.contentType,
      responseTopic: carried.responseTopic,
      correlationData: Buffer.from(carried.correlationData!),
      subscriptionIdentifier: 3,
    })
  })

  it('say how long a message is still good for, and it is not delivered after', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const away = { clientId: 'away', cleanStart: false, properties: { sessionExpiryInterval: 60 } }
    const reader = await site.connect(thing, away)
    await reader.subscribe('telemetry/#')
    await reader.publish('telemetry/a', 'live', { properties: { messageExpiryInterval: 100 } })
    expect((await reader.take('publish')).properties?.messageExpiryInterval).toBe(100)
    await reader.disconnect()
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'long', { properties: { messageExpiryInterval: 100 } })
    await writer.publish('telemetry/a', 'short', { properties: { messageExpiryInterval: 1 } })
    await writer.publish('telemetry/a', 'none')
    await writer.publish('telemetry/b', 'short retained', { retain: true, properties: { messageExpiryInterval: 1 } })
    // Real time is what this is about: a second and a bit of it has to go by.
    const from = Date.now()
    await expect.poll(() => Date.now() - from, { timeout: 3_000, interval: 50 }).toBeGreaterThan(1_100)
    const back = await site.connect(thing, away)
    const [long, none] = await back.takeAll(2)
    expect([textOf(long!), textOf(none!)]).toEqual(['long', 'none'])
    expect(long!.properties?.messageExpiryInterval).toBe(99)
    await back.subscribe('telemetry/b')
    await back.subscribe('telemetry/b')
    expect(await back.arrived()).toEqual([])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'expired' })).toBeGreaterThanOrEqual(2)
  })

  it('bound the size of what a peer is sent: larger messages count as delivered', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const small = await site.connect(thing, { properties: { maximumPacketSize: 100, receiveMaximum: 1 } })
    await small.subscribe('telemetry/#')
    for (let i = 0; i < 3; i++) await small.publish('telemetry/a', 'x'.repeat(100))
    await small.publish('telemetry/a', 'fits')
    expect((await small.arrived()).map(textOf)).toEqual(['fits'])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'too-large-for-peer' })).toBe(3)
  })
})
