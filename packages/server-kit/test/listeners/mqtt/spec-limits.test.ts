import { describe, expect, it } from 'vitest'
import { createHub, defaultHubLimits } from '../../../src/index.ts'
import { defaultMqttLimits, mqttListener, specLimits } from '../../../src/listeners/mqtt/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { levels, startSite } from './fixture.ts'
import { textOf } from './peer.ts'

const startSpecSite = () => startSite({ limits: specLimits.hub, listener: specLimits.mqtt })

it('the limits of the specification name every limit that there is, and none is below the default', async () => {
  expect(Object.keys(specLimits.mqtt).sort()).toEqual(Object.keys(defaultMqttLimits).sort())
  expect(Object.keys(specLimits.hub).sort()).toEqual(Object.keys(defaultHubLimits).sort())
  const lower = (spec: object, house: object) =>
    Object.entries(spec).filter(([name, value]) => Number(value) < Number(house[name as keyof typeof house]))
  expect(lower(specLimits.hub, defaultHubLimits)).toEqual([])
  // What is at least so long may be shorter than the house likes it, and a keep-alive may be none at all.
  const shorter = ['authIntervalMsMin', 'keepAliveSecondsMin', 'keepAliveSecondsDefault']
  expect(lower(specLimits.mqtt, defaultMqttLimits).map(([name]) => name)).toEqual(shorter)
  await createHub({ store: memoryStore(), limits: specLimits.hub, listeners: [mqttListener({ ...specLimits.mqtt })] })
})

describe.each(levels)('the limits of the specification with MQTT %s', (_, level) => {
  it('let a client id, a will and a keep-alive be what they may be', async () => {
    const site = await startSpecSite()
    const thing = await site.thing('sensor')
    const clientId = 'é'.repeat(32_767)
    const will = { topic: 'telemetry/will', payload: new Uint8Array(65_535), qos: 2, retain: false } as const
    const { peer, properties } = await site.enter(thing, { level, clientId, will, keepAliveSeconds: 65_535 })
    expect(properties?.serverKeepAlive).toBe(undefined)
    const reader = await site.connect(thing, { level })
    await reader.subscribe('telemetry/will')
    peer.cut()
    expect((await reader.take('publish')).payload.length).toBe(65_535)
  })

  it('take a keep-alive of 0 for none, and one of 1 second for what it says', async () => {
    const site = await startSpecSite()
    const thing = await site.thing('sensor')
    const { peer: patient, properties } = await site.enter(thing, { level, keepAliveSeconds: 0 })
    expect(properties?.serverKeepAlive).toBe(undefined)
    const { peer: hasty, properties: told } = await site.enter(thing, { level, keepAliveSeconds: 1 })
    expect(told?.serverKeepAlive).toBe(undefined)
    // Connected later and cut by now: had 0 been counted like a time, the other one would be gone as well.
    expect(await hasty.closeReason()).toBe(level === 5 ? 0x8d : undefined)
    expect(await patient.publish('telemetry/a', 'still here')).toBe(0)
  })

  it('let a message be of megabytes, and a SUBSCRIBE have hundreds of filters', async () => {
    const site = await startSpecSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { level })
    const filters = Array.from({ length: 500 }, (_unused, i) => `telemetry/${i}`)
    expect(await reader.subscribe(filters)).toEqual(filters.map(() => 1))
    const payload = new Uint8Array(9 * 1024 * 1024).map((_unused, i) => i * 7)
    const writer = await site.connect(thing, { level })
    expect(await writer.publish('telemetry/7', payload, { retain: true })).toBe(0)
    expect(Buffer.compare((await reader.take('publish')).payload, payload)).toBe(0)
  })

  it('let one principal have as many connections, and one connection as much under way, as there is room for', async () => {
    const site = await startSpecSite()
    const thing = await site.thing('sensor')
    for (let i = 0; i < 20; i++) await site.connect(thing, { level, keepAliveSeconds: 0 })
    const writer = await site.connect(thing, { level })
    for (let i = 0; i < 500; i++) writer.sendPublish('telemetry/a', `${i}`, { qos: 2 })
    for (let i = 0; i < 500; i++) expect((await writer.take('pubrec')).reasonCode).toBe(0)
  })
})

describe('the limits of the specification with MQTT 5', () => {
  it('are told where there is something to tell', async () => {
    const site = await startSpecSite()
    const thing = await site.thing('sensor')
    const properties = { sessionExpiryInterval: 0xffffffff, receiveMaximum: 65_535, topicAliasMaximum: 65_535 }
    const { properties: told } = await site.enter(thing, { cleanStart: false, properties, keepAliveSeconds: 0 })
    expect(told).toMatchObject({ receiveMaximum: 65_535, topicAliasMaximum: 65_535, maximumPacketSize: 268_435_460 })
    expect(told).not.toHaveProperty('sessionExpiryInterval')
    expect(told).not.toHaveProperty('serverKeepAlive')
  })

  it('let a message have hundreds of user properties, and an alias of any number', async () => {
    const site = await startSpecSite()
    const thing = await site.thing('sensor')
    const reader = await site.connect(thing, { properties: { topicAliasMaximum: 65_535 } })
    await reader.subscribe('telemetry/#')
    const userProperties = Array.from(
      { length: 500 },
      (_unused, i) => [`name ${i}`, 'v'.repeat(100)] as [string, string],
    )
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', '1', { properties: { topicAlias: 65_535, userProperties } })
    await writer.publish('', '2', { properties: { topicAlias: 65_535 } })
    const [first, second] = await reader.takeAll(2)
    expect(first!.properties?.userProperties).toEqual(userProperties)
    expect(textOf(second!)).toBe('2')
  })
})
