import type { Properties, QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { levels, type Site, startSite } from './fixture.ts'
import { bytes, textOf } from './peer.ts'

describe.each(levels)('wills with MQTT %s', (_, level) => {
  const will = (text: string, more: object = {}) => ({
    topic: 'telemetry/status',
    payload: bytes(text),
    qos: 1 as QoS,
    retain: false,
    ...more,
  })

  async function withReader(site: Site) {
    const thing = await site.thing('watcher')
    const reader = await site.connect(thing, { level })
    await reader.subscribe('telemetry/status')
    return reader
  }

  it('are published when the connection breaks, retained if so asked', async () => {
    const site = await startSite()
    const reader = await withReader(site)
    const sensor = await site.connect(await site.thing('sensor'), { level, will: will('gone', { retain: true }) })
    sensor.cut()
    expect(await reader.texts(1)).toEqual(['gone'])
    const late = await site.connect(await site.thing('late'), { level })
    await late.subscribe('telemetry/status')
    expect(textOf(await late.take('publish'))).toBe('gone')
  })

  it('are published when the hub ends the connection', async () => {
    const site = await startSite()
    const reader = await withReader(site)
    const sensor = await site.connect(await site.thing('sensor'), { level, will: will('broke a rule', { qos: 0 }) })
    sensor.raw([0x30, 2, 0, 9])
    const packet = await reader.take('publish')
    expect([textOf(packet), packet.qos]).toEqual(['broke a rule', 0])
  })

  it('are not published after a goodbye', async () => {
    const site = await startSite()
    const reader = await withReader(site)
    const thing = await site.thing('sensor')
    const sensor = await site.connect(thing, { level, will: will('gone') })
    await sensor.disconnect()
    expect(await reader.arrived()).toEqual([])
    // Nor later, by the session of the same name.
    const again = await site.connect(thing, { level })
    again.cut()
    await site.connect(thing, { level })
    expect(await reader.arrived()).toEqual([])
  })

  it('to a topic without a right are dropped and counted', async () => {
    const site = await startSite()
    const reader = await withReader(site)
    const thing = await site.thing('sensor', [{ channel: 'telemetry', actions: ['publish'], pattern: 'own/#' }])
    const sensor = await site.connect(thing, { level, will: will('forged') })
    sensor.cut()
    const dropped = () => site.counter('thingmesh_messages_dropped_total', { reason: 'will-refused' })
    await expect.poll(dropped).toBe(1)
    expect(await reader.arrived()).toEqual([])
  })

  it('are weighed when they are published, not before', async () => {
    const site = await startSite()
    const reader = await withReader(site)
    const sensor = await site.connect(await site.thing('sensor'), { level, will: will('too late') })
    const { items } = await site.hub.control.grants.list({ thing: 'sensor' })
    await site.hub.control.grants.remove(items[0]!.id)
    sensor.cut()
    await expect.poll(() => site.counter('thingmesh_messages_dropped_total', { reason: 'will-refused' })).toBe(1)
    expect(await reader.arrived()).toEqual([])
  })

  it('that are too large are dropped and counted, and the rest of the session works', async () => {
    const site = await startSite({ limits: { willBytesMax: 10 } })
    const reader = await withReader(site)
    const thing = await site.thing('sensor')
    const sensor = await site.connect(thing, { level, will: will('far too large') })
    expect(site.counter('thingmesh_refused_total', { limit: 'will-size' })).toBe(1)
    expect(await sensor.publish('telemetry/status', 'ok')).toBe(0)
    sensor.cut()
    await expect.poll(() => site.counter('thingmesh_sessions')).toBe(1)
    expect((await reader.arrived()).map(textOf)).toEqual(['ok'])
  })

  it('to what is no topic are refused with the connection', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open(level)
    const { reasonCode } = await peer.connect(site.credentials(thing, { will: will('x', { topic: '$SYS/x' }) }))
    if (level === 5) expect(reasonCode).toBe(0x90)
    else expect(reasonCode).toBeGreaterThan(0)
    await peer.closed()
    expect(site.counter('thingmesh_refused_total', { limit: 'topic' })).toBe(1)
  })

  it.each([0, 1, 2] as const)('are published with the quality that they ask for: %i', async qos => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('watcher'), { level })
    await reader.subscribe('telemetry/status', { qos: 2 })
    const sensor = await site.connect(await site.thing('sensor'), { level, will: will('gone', { qos }) })
    sensor.cut()
    expect((await reader.take('publish')).qos).toBe(qos)
  })

  it('of MQTT.js are published too', async () => {
    const site = await startSite()
    const reader = await withReader(site)
    const stock = await site.stock(await site.thing('sensor'), {
      protocolVersion: level as 4 | 5,
      will: { topic: 'telemetry/status', payload: Buffer.from('bye'), qos: 1, retain: false },
    })
    stock.stream.destroy()
    expect(await reader.texts(1)).toEqual(['bye'])
  })
})

describe('a goodbye of MQTT 5', () => {
  it('publishes the will where it says so', async () => {
    const site = await startSite()
    const reader = await site.connect(await site.thing('watcher'))
    await reader.subscribe('telemetry/status')
    const will = { topic: 'telemetry/status', payload: bytes('bye'), qos: 1 as QoS, retain: false }
    const properties: Properties = { contentType: 'text/plain', userProperties: [['a', 'b']] }
    const sensor = await site.connect(await site.thing('sensor'), { will: { ...will, properties } })
    await sensor.disconnect(0x04)
    const said = await reader.take('publish')
    expect(textOf(said)).toBe('bye')
    expect(said.properties).toEqual(properties)
  })
})
