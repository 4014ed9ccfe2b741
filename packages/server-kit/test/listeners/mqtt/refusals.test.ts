import type { ProtocolLevel, QoS } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import { levels, type Site, type SiteOptions, startSite } from './fixture.ts'
import { type PublishOptions, type TestPeer, textOf } from './peer.ts'

type Labels = Readonly<Record<string, string>>

/** A hub, a bystander, and a thing with some rights. Afterwards something was counted and the bystander noticed nothing. */
async function refused(
  level: ProtocolLevel,
  provoke: (peer: TestPeer, site: Site) => Promise<void>,
  options: SiteOptions = {},
  counted: readonly [name: string, labels?: Labels] = ['thingmesh_refused_total'],
) {
  const site = await startSite(options)
  await site.startBystander()
  await site.hub.control.channels.create({ name: 'closed' })
  await site.hub.control.channels.create({ name: 'off', enabled: false })
  const thing = await site.thing('sensor', [
    { channel: 'telemetry', actions: ['publish', 'subscribe'] },
    { channel: 'off', actions: ['publish', 'subscribe'] },
  ])
  const peer = await site.connect(thing, { level })
  expect(site.counter(...counted)).toBe(0)
  await provoke(peer, site)
  expect(site.counter(...counted)).toBeGreaterThan(0)
  await site.expectUndisturbed()
}

interface Unwelcome {
  readonly name: string
  readonly topic: string
  readonly payload?: string | Uint8Array
  readonly options?: PublishOptions
  readonly code: number
  readonly limit: string
  readonly site?: SiteOptions
}

const levelsOf = (count: number) => Array.from({ length: count }, () => 'x').join('/')

const publishes: readonly Unwelcome[] = [
  { name: 'to a channel without a right', topic: 'closed/a', code: 0x87, limit: 'permission' },
  // Whoever may not publish there does not learn whether there is such a channel.
  { name: 'to a channel that is not there', topic: 'nowhere/a', code: 0x87, limit: 'permission' },
  { name: 'to a disabled channel', topic: 'off/a', code: 0x87, limit: 'no-channel' },
  { name: 'to a topic of 257 bytes', topic: `telemetry/${'x'.repeat(247)}`, code: 0x90, limit: 'topic' },
  { name: 'to a topic of 17 levels', topic: `telemetry/${levelsOf(16)}`, code: 0x90, limit: 'topic' },
  { name: 'to a topic of the server', topic: '$SYS/broker/load', code: 0x90, limit: 'topic' },
  { name: 'to a topic with a line break', topic: 'telemetry/a\r\nb', code: 0x90, limit: 'topic' },
  { name: 'to a topic without a channel', topic: '/telemetry', code: 0x90, limit: 'topic' },
  {
    name: 'with a payload above the limit',
    topic: 'telemetry/a',
    payload: new Uint8Array(101),
    code: 0x97,
    limit: 'payload-size',
    site: { limits: { payloadBytesMax: 100 } },
  },
  {
    name: 'with a last value above the limit',
    topic: 'telemetry/a',
    payload: new Uint8Array(101),
    options: { retain: true },
    code: 0x97,
    limit: 'retained-size',
    site: { limits: { retainedBytesMax: 100 } },
  },
  {
    name: 'with one last value too many',
    topic: 'telemetry/a',
    options: { retain: true },
    code: 0x97,
    limit: 'retained-count',
    site: { limits: { retainedPerDomainMax: 0 } },
  },
]

describe.each(levels)('a publish that MQTT %s refuses', (_, level) => {
  describe.each([0, 1, 2] as const)('of QoS %i', qos => {
    it.each(publishes)('$name', async ({ topic, payload = 'x', options, code, limit, site: siteOptions }) => {
      await refused(
        level,
        async (peer, site) => {
          const watcher = await site.connect(await site.thing('watcher'))
          await watcher.subscribe('#')
          if (level === 5 && qos > 0) {
            expect(await peer.publish(topic, payload, { qos, ...options })).toBe(code)
            // Nothing but that one message was refused.
            expect(await peer.publish('telemetry/ok', 'ok', { qos })).toBe(0)
            expect((await watcher.arrived()).map(textOf)).toEqual(['ok'])
          } else {
            peer.sendPublish(topic, payload, { qos, ...options })
            peer.sendPublish('telemetry/ok', 'not read any more', { qos })
            expect(await peer.closeReason()).toBe(level === 5 ? code : undefined)
            expect(await watcher.arrived()).toEqual([])
          }
        },
        siteOptions,
        ['thingmesh_refused_total', { limit }],
      )
    })
  })

  it('gets no acknowledgement that is not one', async () => {
    await refused(level, async peer => {
      peer.sendPublish('telemetry/a', 'x')
      peer.sendPublish('closed/a', 'y')
      const said = level === 5 ? [await peer.take('puback'), await peer.take('puback')] : await peer.closed()
      const pubacks = said.filter(packet => packet.type === 'puback')
      if (level === 5) expect(pubacks.map(({ reasonCode }) => reasonCode).sort()).toEqual([0, 0x87])
      else expect(pubacks.length).toBeLessThanOrEqual(1)
    })
  })
})

interface Breach {
  readonly name: string
  readonly provoke: (peer: TestPeer) => void
  readonly code: number
  readonly only?: ProtocolLevel
  readonly site?: SiteOptions
}

const breaches: readonly Breach[] = [
  {
    name: 'a packet of more than the limit, told by its header alone',
    // 300,000 as a remaining length.
    provoke: peer => peer.raw([0x32, 0xe0, 0xa7, 0x12]),
    code: 0x95,
  },
  {
    name: 'a packet of more than the limit, sent in full',
    provoke: peer => peer.sendPublish('telemetry/a', new Uint8Array(2_000)),
    code: 0x95,
    site: { listener: { packetBytesMax: 1_000 } },
  },
  {
    name: 'a topic alias above the limit',
    provoke: peer => peer.sendPublish('telemetry/a', 'x', { properties: { topicAlias: 17 } }),
    code: 0x94,
    only: 5,
  },
  {
    name: 'a topic alias that stands for no topic',
    provoke: peer => peer.sendPublish('', 'x', { properties: { topicAlias: 1 } }),
    code: 0x82,
    only: 5,
  },
  {
    name: 'more than 16 user properties',
    provoke: peer => {
      const userProperties = Array.from({ length: 17 }, (_, i): [string, string] => ['n', `${i}`])
      peer.sendPublish('telemetry/a', 'x', { properties: { userProperties } })
    },
    code: 0x82,
    only: 5,
  },
  {
    name: 'user properties of more than 4 KiB',
    provoke: peer =>
      peer.sendPublish('telemetry/a', 'x', { properties: { userProperties: [['n', 'v'.repeat(4_096)]] } }),
    code: 0x82,
    only: 5,
  },
  {
    name: 'more than 16 filters in one SUBSCRIBE',
    provoke: peer => peer.sendSubscribe(Array.from({ length: 17 }, (_, i) => `telemetry/${i}`)),
    code: 0x97,
  },
  {
    name: 'more than 16 filters in one UNSUBSCRIBE',
    provoke: peer =>
      peer.send({ type: 'unsubscribe', packetId: 1, filters: Array.from({ length: 17 }, (_, i) => `telemetry/${i}`) }),
    code: 0x97,
  },
  {
    name: 'a wildcard in the topic of a publish',
    provoke: peer => peer.raw([0x30, 5, 0, 3, 0x61, 0x2f, 0x23]),
    code: 0x90,
    only: 4,
  },
  {
    name: 'AUTH without an authentication method',
    provoke: peer => peer.raw([0xf0, 0]),
    code: 0x82,
    only: 5,
  },
  {
    name: 'more publishes under way than the hub said it takes',
    provoke: peer => {
      // As one write: nothing is committed before all of it has come.
      peer.socket.cork()
      for (let i = 0; i < 65; i++) peer.sendPublish('telemetry/a', 'x', { qos: i % 2 === 0 ? 1 : 2 })
      peer.socket.uncork()
    },
    code: 0x93,
    only: 5,
  },
  {
    name: 'a subscription identifier of 0',
    provoke: peer => peer.raw([0x82, 9, 0, 1, 2, 0x0b, 0, 0, 1, 0x61, 0]),
    code: 0x82,
    only: 5,
  },
]

describe.each(levels)('a breach that ends a connection of MQTT %s', (_, level) => {
  const rows = breaches.filter(({ only = level }) => only === level)
  it.each(rows)('$name', async ({ provoke, code, site }) => {
    await refused(
      level,
      async peer => {
        provoke(peer)
        expect(await peer.closeReason()).toBe(level === 5 ? code : undefined)
      },
      site,
      ['thingmesh_mqtt_failures_total'],
    )
  })

  it('says why in words to those who want to know', async () => {
    if (level !== 5) return
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (const [asked, expected] of [
      [undefined, 'topic alias 17, the limit is 16'],
      [false, undefined],
    ] as const) {
      const properties = asked === undefined ? undefined : { requestProblemInformation: asked }
      const peer = await site.connect(thing, { ...(properties && { properties }) })
      peer.sendPublish('telemetry/a', 'x', { properties: { topicAlias: 17 } })
      expect((await peer.take('disconnect')).properties?.reasonString).toBe(expected)
    }
  })
})

describe.each(levels)('a subscription that MQTT %s refuses', (_, level) => {
  const code = (exact: number) => (level === 5 ? exact : 0x80)

  it.each([
    ['without a right', 'closed/#', 0x87, { limit: 'permission' }],
    ['to one topic without a right', 'closed/a', 0x87, { limit: 'permission' }],
    ['to the topics of the server', '$SYS/#', 0x87, { limit: 'permission' }],
    ['to other topics that are not for things', '$other/#', 0x8f, { limit: 'topic' }],
    ['with a wildcard inside a level', 'telemetry/a+/b', 0x8f, { limit: 'topic' }],
    ['with a # that is not the last', 'telemetry/#/b', 0x8f, { limit: 'topic' }],
    ['that is too long', `telemetry/${'x'.repeat(247)}`, 0x8f, { limit: 'topic' }],
    ['with too many levels', `telemetry/${levelsOf(16)}`, 0x8f, { limit: 'topic' }],
  ] as const)('%s', async (_name, filter, exact, labels) => {
    await refused(
      level,
      async peer => {
        // The good one beside it is not touched.
        expect(await peer.subscribe([filter, 'telemetry/ok'])).toEqual([code(exact), 1])
        expect(await peer.publish('telemetry/ok', 'ok')).toBe(0)
        expect((await peer.arrived()).map(textOf)).toEqual(['ok'])
      },
      {},
      ['thingmesh_refused_total', labels],
    )
  })

  it('because it is the 101st', async () => {
    await refused(
      level,
      async peer => {
        for (let at = 0; at < 96; at += 16) {
          await peer.subscribe(Array.from({ length: 16 }, (__, i) => `telemetry/${at + i}`))
        }
        const last = ['96', '97', '98', '99', '100'].map(name => `telemetry/${name}`)
        expect(await peer.subscribe(last)).toEqual([1, 1, 1, 1, code(0x97)])
        // One that is there may be made again, and one that goes makes room.
        expect(await peer.subscribe('telemetry/7')).toEqual([1])
        await peer.unsubscribe('telemetry/7')
        expect(await peer.subscribe('telemetry/100')).toEqual([1])
      },
      {},
      ['thingmesh_refused_total', { limit: 'subscriptions' }],
    )
  })

  it('to everything, for whoever has a right to nothing', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor', []), { level })
    for (const filter of ['#', '+', '+/#', 'telemetry/#']) expect(await peer.subscribe(filter)).toEqual([code(0x87)])
  })
})

describe.each(levels)('a subscription to everything with MQTT %s', (_, level) => {
  it('gives what the thing has a right to, and no more', async () => {
    const site = await startSite()
    await site.hub.control.channels.createMany([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    const writer = await site.connect(
      await site.thing(
        'writer',
        ['a', 'b', 'c'].map(channel => ({ channel, actions: ['publish'] as const })),
      ),
    )
    const reader = await site.connect(
      await site.thing('reader', [
        { channel: 'a', actions: ['subscribe'] },
        { channel: 'b', actions: ['subscribe'], pattern: 'open/+' },
        { channel: 'c', actions: ['publish', 'read'] },
      ]),
      { level },
    )
    expect(await reader.subscribe(['#', '+/+/+', 'a/x'])).toEqual([1, 1, 1])
    for (const topic of ['a', 'a/x', 'b', 'b/open/1', 'b/open/1/2', 'b/shut/1', 'c', 'c/x/y']) {
      await writer.publish(topic, topic)
      await writer.publish(topic, topic, { qos: 0, retain: true })
    }
    await writer.arrived()
    const allowed = ['a', 'a', 'a/x', 'a/x', 'b/open/1', 'b/open/1']
    expect((await reader.arrived()).map(textOf).sort()).toEqual(allowed)
  })
})

describe('silence', () => {
  const names = levels.map(([, level]) => level)
  const cut = (site: Site) => site.counter('thingmesh_mqtt_refused_total', { limit: 'keep-alive' })

  it('ends a connection after one and a half keep-alives, and is what the will is for', async () => {
    const site = await startSite({ listener: { keepAliveSecondsMin: 1 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const watcher = await site.connect(thing)
    await watcher.subscribe('telemetry/status')
    await Promise.all(
      names.map(async level => {
        const will = { topic: 'telemetry/status', payload: Uint8Array.of(0x21), qos: 1 as QoS, retain: false }
        const from = performance.now()
        const quiet = await site.connect(thing, { level, keepAliveSeconds: 1, will })
        expect(await quiet.closeReason()).toBe(level === 5 ? 0x8d : undefined)
        const seconds = (performance.now() - from) / 1000
        expect(seconds).toBeGreaterThan(1.4)
        expect(seconds).toBeLessThan(3.5)
      }),
    )
    expect(await watcher.texts(2)).toEqual(['!', '!'])
    expect(cut(site)).toBe(2)
    await site.expectUndisturbed()
  })

  it('without end, which a client may ask for, becomes the time that the hub sets', async () => {
    const site = await startSite({ listener: { keepAliveSecondsDefault: 1 } })
    const thing = await site.thing('sensor')
    const peers = await Promise.all(names.map(level => site.connect(thing, { level, keepAliveSeconds: 0 })))
    await Promise.all(peers.map(peer => peer.closed()))
    expect(cut(site)).toBe(2)
  })

  it('is broken by a ping', async () => {
    const site = await startSite({ listener: { keepAliveSecondsMin: 1 } })
    const thing = await site.thing('sensor')
    const peers = await Promise.all(names.map(level => site.connect(thing, { level, keepAliveSeconds: 1 })))
    const silent = await site.connect(thing, { keepAliveSeconds: 1 })
    const pings = setInterval(() => {
      for (const peer of peers) peer.send({ type: 'pingreq' })
    }, 300)
    try {
      await silent.closed()
      expect(peers.map(peer => peer.isClosed)).toEqual([false, false])
    } finally {
      clearInterval(pings)
    }
  })
})

describe('an MQTT 3.1.1 client that sends faster than the hub commits', () => {
  it('is made to wait, and nothing is lost', async () => {
    const site = await startSite({ listener: { receiveMaximum: 2 } })
    const peer = await site.connect(await site.thing('sensor'), { level: 4 })
    const count = 20_000
    for (let i = 0; i < count; i++) peer.sendPublish('telemetry/a', `${i}`)
    await vi.waitFor(() => expect(peer.packets.length).toBe(count), { timeout: 10_000, interval: 20 })
    const ids = peer.packets.map(packet => (packet.type === 'puback' ? packet.packetId : 0))
    expect(ids).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  })
})
