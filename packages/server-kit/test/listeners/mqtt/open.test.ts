import { describe, expect, it, onTestFinished } from 'vitest'
import { openAuthenticator } from '../../../src/auth/index.ts'
import { rawTopics } from '../../../src/dialects/index.ts'
import { memoryListener } from '../../../src/listeners/memory/index.ts'
import { mqttListener, specLimits } from '../../../src/listeners/mqtt/index.ts'
import { dial } from './dial.ts'
import { levels, type Site, type SiteOptions, startSite } from './fixture.ts'
import { bytes, type ConnectOptions, TestPeer, textOf } from './peer.ts'

/** Whoever comes may do all, on a free topic tree, as the specification says. */
async function startOpenSite(options: SiteOptions = {}): Promise<Site> {
  const site = await startSite({
    limits: specLimits.hub,
    listener: { ...specLimits.mqtt, dialects: [rawTopics({ channel: 'open' })] },
    authenticate: [openAuthenticator({ channel: 'open' })],
    ...options,
  })
  await site.hub.control.channels.create({ name: 'open' })
  return site
}

async function enter(site: Site, options: ConnectOptions & { readonly clientId: string }): Promise<TestPeer> {
  const peer = await site.open(options.level)
  expect((await peer.connect(options)).reasonCode).toBe(0)
  return peer
}

const trees = ['/a//b', 'a/', '/', '//', ' ', 'a b/é', '/finance', 'sport/tennis/🌡', '__proto__/constructor']
const discouraged = ['\u0001', 'a/\u007f\u0085', '\ufeff', 'a/\ufeff/b', '\ufdd0', '\u{10ffff}/\ue000']
const extremes = ['x'.repeat(65_535), '/'.repeat(65_535), '温'.repeat(21_845), `${'a/'.repeat(200)}z`]

describe.each(levels)('a free topic tree with MQTT %s', (_, level) => {
  it('carries every topic that the specification allows, verbatim', async () => {
    const site = await startOpenSite()
    const reader = await enter(site, { level, clientId: 'reader' })
    expect(await reader.subscribe('#')).toEqual([1])
    const writer = await enter(site, { level, clientId: 'writer' })
    const topics = [...trees, ...discouraged, ...extremes]
    for (const topic of topics) for (const qos of [0, 1, 2] as const) await writer.publish(topic, 'x', { qos })
    await writer.arrived()
    const got = await reader.takeAll(topics.length * 3)
    for (const topic of topics) expect(got.filter(packet => packet.topic === topic).length, topic.slice(0, 40)).toBe(3)
    expect(site.faults).toEqual([])
  })

  it('matches filters as a plain broker does', async () => {
    const site = await startOpenSite()
    const writer = await enter(site, { level, clientId: 'writer' })
    const topics = ['/', '/a', 'a', 'a/', 'a//b', '//']
    const filters: Readonly<Record<string, readonly string[]>> = {
      '#': topics,
      '+': ['a'],
      '/+': ['/', '/a'],
      '/#': ['/', '/a', '//'],
      '+/+': ['/', '/a', 'a/'],
      'a/#': ['a', 'a/', 'a//b'],
      'a/': ['a/'],
      'a/+/b': ['a//b'],
      '+/+/+': ['a//b', '//'],
    }
    for (const [filter, expected] of Object.entries(filters)) {
      const reader = await enter(site, { level, clientId: 'reader' })
      expect(await reader.subscribe(filter)).toEqual([1])
      for (const topic of topics) await writer.publish(topic, topic)
      expect(
        (await reader.arrived()).map(packet => packet.topic),
        filter,
      ).toEqual(expected)
      await reader.disconnect()
    }
  })

  it('keeps last values, wills and sessions in it', async () => {
    const site = await startOpenSite()
    const properties = level === 5 ? { sessionExpiryInterval: 0xffffffff } : undefined
    const lasting = { level, clientId: 'lasting', cleanStart: false, ...(properties && { properties }) }
    const first = await site.open(level)
    const connack = await first.connect(lasting)
    // As asked for, so nothing is said of it: never.
    expect(connack.properties?.sessionExpiryInterval).toBe(undefined)
    await first.subscribe('/away/#')
    first.cut()
    await expect.poll(() => site.counter('thingmesh_sessions')).toBe(0)
    const will = { topic: '/gone/', payload: new Uint8Array(65_535).fill(7), qos: 1, retain: true } as const
    const dying = await enter(site, { level, clientId: 'dying', will })
    await dying.publish('/away/1', 'missed')
    await dying.publish('/kept', 'last', { retain: true })
    dying.cut()
    const reader = await enter(site, { level, clientId: 'reader' })
    await expect.poll(() => site.counter('thingmesh_retained_messages')).toBe(2)
    await reader.subscribe('/+/#')
    const kept = await reader.takeAll(2)
    expect(kept.map(({ topic, payload }) => [topic, payload.length]).sort()).toEqual([
      ['/gone/', 65_535],
      ['/kept', 4],
    ])
    const back = await site.open(level)
    expect((await back.connect(lasting)).sessionPresent).toBe(true)
    expect(await back.take('publish')).toMatchObject({ topic: '/away/1', payload: bytes('missed') })
  })

  it('lets nobody have topics that start with $', async () => {
    const door = memoryListener()
    const site = await startOpenSite({ otherDoors: [door] })
    const peer = await enter(site, { level, clientId: 'peer' })
    const invalid = level === 5 ? 0x8f : 0x80
    expect(await peer.subscribe(['$SYS/#', '#', '$share/g/$SYS/#'])).toEqual([invalid, 1, invalid])
    const admin = await door.connect({ credential: { kind: 'token', token: site.hub.adminToken! } })
    for (const topic of ['open/$SYS/load', 'open', 'open/a']) await admin.publish(topic, topic)
    expect((await peer.arrived()).map(textOf)).toEqual(['open/a'])
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-topic-for-peer' })).toBe(1)
    peer.sendPublish('$SYS/load', 'x')
    if (level === 5) expect((await peer.take('puback')).reasonCode).toBe(0x90)
    else await peer.closed()
    const { reasonCode } = await (await site.open(level)).connect({
      clientId: 'dying',
      will: { topic: '$SYS/x', payload: bytes('x'), qos: 0, retain: false },
    })
    expect(reasonCode).toBe(level === 5 ? 0x90 : 2)
  })

  it('is for whoever comes, each with a session of its client id', async () => {
    const site = await startOpenSite()
    const comers: readonly ConnectOptions[] = [
      {},
      { username: 'anybody' },
      { username: 'anybody', password: 'anything' },
      { username: '', password: '' },
    ]
    const peers = await Promise.all(
      comers.map((options, i) => enter(site, { level, clientId: `client-${i}`, ...options })),
    )
    for (const peer of peers) expect(await peer.subscribe('/all')).toEqual([1])
    await peers[0]!.publish('/all', 'x')
    for (const peer of peers) expect(textOf(await peer.take('publish'))).toBe('x')
    const again = await enter(site, { level, clientId: 'client-0' })
    expect(await peers[0]!.closeReason()).toBe(level === 5 ? 0x8e : undefined)
    expect(again.isClosed).toBe(false)
  })

  it('is told to the peers of another door as far as MQTT can say it', async () => {
    const native = mqttListener({ port: 0 })
    const site = await startOpenSite({ otherDoors: [native] })
    const reader = new TestPeer(await dial.tcp(native.address!.port), level)
    onTestFinished(() => reader.cut())
    expect((await reader.connect({ clientId: 'reader' })).reasonCode).toBe(0)
    await reader.subscribe('open/#')
    const writer = await enter(site, { level, clientId: 'writer' })
    // With the channel in front, the first is too long to be a topic.
    for (const topic of ['x'.repeat(65_535), 'x'.repeat(65_530)]) await writer.publish(topic, 'x')
    expect((await reader.takeAll(1))[0]!.topic).toBe(`open/${'x'.repeat(65_530)}`)
    expect(site.counter('thingmesh_messages_dropped_total', { reason: 'no-topic-for-peer' })).toBe(1)
    expect(site.faults).toEqual([])
  })

  it('does not open the rest of the hub, nor make a wrong key a right one', async () => {
    const native = mqttListener({ port: 0 })
    const site = await startOpenSite({ otherDoors: [native] })
    const thing = await site.thing('sensor')
    await site.hub.control.keys.rotate('sensor')
    const refused = await site.open(level)
    expect((await refused.connect(site.credentials(thing, { level }))).reasonCode).toBe(level === 5 ? 0x86 : 4)
    const elsewhere = new TestPeer(await dial.tcp(native.address!.port), level)
    onTestFinished(() => elsewhere.cut())
    expect((await elsewhere.connect({ clientId: 'anybody' })).reasonCode).toBe(0)
    const filters = ['telemetry/#', 'telemetry', 'open', 'opening/#']
    expect(await elsewhere.subscribe(filters)).toEqual(filters.map(() => (level === 5 ? 0x87 : 0x80)))
    expect(await elsewhere.subscribe('#')).toEqual([1])
    elsewhere.sendPublish('telemetry/a', 'x')
    if (level === 5) expect((await elsewhere.take('puback')).reasonCode).toBe(0x87)
    else await elsewhere.closed()
  })
})
