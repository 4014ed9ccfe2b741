import type { QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { lasting, levels, type Site, startSite } from '../fixture.ts'
import { bytes } from '../peer.ts'

const will = { topic: 'telemetry/status', payload: bytes('gone'), qos: 1 as QoS, retain: false }

async function watched(site: Site) {
  const reader = await site.connect(await site.thing('watcher'))
  await reader.subscribe('telemetry/status', { retainAsPublished: true })
  return reader
}

describe.each(levels)('a DISCONNECT of MQTT %s', (_, level) => {
  it('with reserved flags is none: the connection ends as one that is broken', async () => {
    const site = await startSite()
    const reader = await watched(site)
    const thing = await site.thing('sensor')
    for (const flags of [1, 2, 4, 8]) {
      const peer = await site.connect(thing, { level, will })
      peer.raw([0xe0 | flags, 0])
      expect(await peer.closeReason()).toBe(level === 5 ? 0x81 : undefined)
      expect(await reader.texts(1)).toEqual(['gone'])
    }
  })

  it('is the last that is heard: what comes behind it is not carried out, and nothing is answered', async () => {
    const site = await startSite()
    const reader = await watched(site)
    const peer = await site.connect(await site.thing('sensor'), { level })
    peer.socket.cork()
    peer.send({ type: 'disconnect', reasonCode: 0 })
    peer.sendPublish('telemetry/status', 'too late')
    peer.send({ type: 'pingreq' })
    peer.socket.uncork()
    expect(await peer.closed()).toEqual([])
    expect(await reader.arrived()).toEqual([])
  })

  it('that the hub sends is its last word, and it closes', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe('telemetry/#')
    peer.socket.cork()
    peer.raw([0x30, 2, 0, 0])
    peer.send({ type: 'pingreq' })
    peer.socket.uncork()
    const said = await peer.closed()
    expect(said.map(({ type }) => type)).toEqual(level === 5 ? ['disconnect'] : [])
  })

  it('before CONNECT is answered with nothing but the close', async () => {
    const site = await startSite()
    const peer = await site.open(level)
    peer.send({ type: 'disconnect', reasonCode: 0 })
    expect(await peer.closed()).toEqual([])
  })
})

describe('the reason of a DISCONNECT', () => {
  // Only 0x00 takes the will back (MQTT-3.1.2-8, -10, MQTT-3.14.4-3).
  it.each([
    ['a normal end', 0x00, false],
    ['an end with the will', 0x04, true],
    ['an unspecified error', 0x80, true],
    ['a malformed packet', 0x81, true],
    ['a protocol error', 0x82, true],
    ['an error of its own', 0x83, true],
    ['a topic that is not valid', 0x90, true],
    ['too many messages', 0x93, true],
    ['a packet that is too large', 0x95, true],
    ['an administrative action', 0x98, true],
  ] as const)('decides whether the will goes out: %s', async (_, reasonCode, goesOut) => {
    const site = await startSite()
    const reader = await watched(site)
    const peer = await site.connect(await site.thing('sensor'), { will })
    await peer.disconnect(reasonCode)
    await expect.poll(() => site.counter('thingmesh_sessions'), { timeout: 8_000 }).toBe(1)
    if (goesOut) expect(await reader.texts(1)).toEqual(['gone'])
    expect(await reader.arrived()).toEqual([])
  })

  it('has to be one that DISCONNECT has', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'))
    peer.raw([0xe0, 1, 0x10])
    expect(await peer.closeReason()).toBe(0x82)
  })

  it('of the hub comes without a session expiry, whatever the session’s is', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), lasting(5))
    peer.raw([0x30, 2, 0, 0])
    // The test's own parser refuses one with a session expiry.
    expect((await peer.take('disconnect')).properties).toEqual({
      reasonString: expect.any(String),
      userProperties: [['error', 'invalid-argument']],
    })
  })
})

describe.each(levels)('a will of MQTT %s', (_, level) => {
  it.each([false, true])('is retained as it asks: %s', async retain => {
    const site = await startSite()
    const reader = await watched(site)
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level, will: { ...will, retain } })
    peer.cut()
    expect((await reader.take('publish')).retain).toBe(retain)
    const late = await site.connect(thing)
    await late.subscribe('telemetry/status')
    if (retain) expect(await late.texts(1)).toEqual(['gone'])
    expect(await late.arrived()).toEqual([])
  })

  it('that is none is not published, and one that was published is not again', async () => {
    const site = await startSite()
    const reader = await watched(site)
    const thing = await site.thing('sensor')
    for (const options of [{ will }, {}, {}]) {
      const peer = await site.connect(thing, { ...lasting(level), ...options })
      peer.cut()
      await expect.poll(() => site.counter('thingmesh_sessions'), { timeout: 8_000 }).toBe(1)
    }
    expect(await reader.texts(1)).toEqual(['gone'])
    expect(await reader.arrived()).toEqual([])
  })

  it('goes out when another connection takes the session over', async () => {
    const site = await startSite()
    const reader = await watched(site)
    const thing = await site.thing('sensor')
    const old = await site.connect(thing, { ...lasting(level), will })
    await site.connect(thing, lasting(level))
    expect(await old.closeReason()).toBe(level === 5 ? 0x8e : undefined)
    expect(await reader.texts(1)).toEqual(['gone'])
  })
})

describe('the properties of a will', () => {
  it('come with it, user properties in their order', async () => {
    const site = await startSite()
    const reader = await watched(site)
    const properties = {
      contentType: 'text/plain',
      payloadFormatIndicator: 1 as const,
      responseTopic: 'telemetry/answers',
      correlationData: Uint8Array.of(1, 0),
      userProperties: [
        ['z', '1'],
        ['a', '2'],
        ['z', '0'],
      ] as [string, string][],
    }
    const peer = await site.connect(await site.thing('sensor'), { will: { ...will, properties } })
    peer.cut()
    expect((await reader.take('publish')).properties).toEqual(properties)
  })
})
