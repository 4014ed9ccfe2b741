import { encodePacket, type Packet, type ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it, vi } from 'vitest'
import { transports } from './dial.ts'
import { levels, type Site, type SiteOptions, startSite, type Thing } from './fixture.ts'
import { bytes, type TestPeer, textOf } from './peer.ts'

/** The reason of the DISCONNECT that MQTT 5 gets; earlier versions are closed without one. */
type Outcome = { readonly closed: number }

interface Attack {
  readonly name: string
  readonly send: readonly (readonly number[])[]
  readonly outcome: Outcome
  readonly only?: ProtocolLevel
}

const closed = (reason: number): Outcome => ({ closed: reason })
const malformed = closed(0x81)
const protocolError = closed(0x82)
const repeat = (count: number, ...values: readonly number[]) => Array.from({ length: count }, () => values).flat()

const attacks: readonly Attack[] = [
  // Server packets that a client sends (Mosquitto CVE-2021-28166).
  { name: 'CONNACK from a client', send: [[0x20, 2, 0, 0]], outcome: protocolError },
  { name: 'SUBACK from a client', send: [[0x90, 3, 0, 1, 0]], outcome: protocolError },
  { name: 'UNSUBACK from a client', send: [[0xb0, 2, 0, 1]], outcome: protocolError },
  { name: 'PINGRESP from a client', send: [[0xd0, 0]], outcome: protocolError },
  { name: 'a PUBREL with the wrong flags', send: [[0x60, 2, 0, 1]], outcome: malformed },
  { name: 'a PUBREC for packet id 0', send: [[0x50, 2, 0, 0]], outcome: protocolError },
  { name: 'a PUBREL for packet id 0', send: [[0x62, 2, 0, 0]], outcome: protocolError },
  { name: 'a PUBCOMP for packet id 0', send: [[0x70, 2, 0, 0]], outcome: protocolError },
  { name: 'packet type 0', send: [[0x00, 0]], outcome: malformed },
  { name: 'packet type 15 before MQTT 5', send: [[0xf0, 0]], outcome: malformed, only: 4 },
  // Lengths (NanoMQ CVE-2026-21888, CVE-2026-25627).
  { name: 'a length of five bytes', send: [[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]], outcome: malformed },
  { name: 'a length of five bytes, one at a time', send: [[0x30], [0xff], [0xff], [0xff], [0xff]], outcome: malformed },
  { name: 'a length of 256 MB', send: [[0x30, 0xff, 0xff, 0xff, 0x7f]], outcome: closed(0x95) },
  { name: 'a SUBSCRIBE of 256 MB', send: [[0x82, 0xff, 0xff, 0xff, 0x7f]], outcome: closed(0x95) },
  { name: 'a length longer than needed', send: [[0xc0, 0x80, 0x00]], outcome: malformed, only: 5 },
  { name: 'a PINGREQ with something in it', send: [[0xc0, 1, 0]], outcome: malformed },
  { name: 'a topic length past the packet', send: [[0x30, 4, 0xff, 0xff, 0x61, 0x62]], outcome: malformed },
  { name: 'a filter length past the packet', send: [[0x82, 6, 0, 1, 0, 0, 9, 0x61]], outcome: malformed, only: 5 },
  { name: 'a filter length past the packet', send: [[0x82, 5, 0, 1, 0, 9, 0x61]], outcome: malformed, only: 4 },
  { name: 'properties past the packet', send: [[0x30, 5, 0, 1, 0x61, 0x7f, 0x01]], outcome: malformed, only: 5 },
  { name: 'a property that is not known', send: [[0x30, 6, 0, 1, 0x61, 2, 0x7e, 0]], outcome: malformed, only: 5 },
  { name: 'a PUBLISH of nothing', send: [[0x30, 0]], outcome: malformed },
  { name: 'a PUBLISH without its packet id', send: [[0x32, 3, 0, 1, 0x61]], outcome: malformed },
  // Fields.
  { name: 'an empty topic (CVE-2021-34432)', send: [[0x30, 3, 0, 0, 0]], outcome: protocolError },
  { name: 'a publish with packet id 0', send: [[0x32, 6, 0, 1, 0x61, 0, 0, 0]], outcome: protocolError },
  { name: 'a SUBSCRIBE with packet id 0', send: [[0x82, 7, 0, 0, 0, 0, 1, 0x61, 0]], outcome: protocolError, only: 5 },
  { name: 'a SUBSCRIBE with packet id 0', send: [[0x82, 6, 0, 0, 0, 1, 0x61, 0]], outcome: protocolError, only: 4 },
  { name: 'a PUBACK for packet id 0', send: [[0x40, 2, 0, 0]], outcome: protocolError },
  { name: 'a SUBSCRIBE without filters', send: [[0x82, 3, 0, 1, 0]], outcome: protocolError, only: 5 },
  { name: 'a SUBSCRIBE without filters', send: [[0x82, 2, 0, 1]], outcome: protocolError, only: 4 },
  { name: 'an UNSUBSCRIBE without filters', send: [[0xa2, 3, 0, 1, 0]], outcome: protocolError, only: 5 },
  { name: 'an UNSUBSCRIBE without filters', send: [[0xa2, 2, 0, 1]], outcome: protocolError, only: 4 },
  { name: 'a SUBSCRIBE with QoS 3', send: [[0x82, 7, 0, 1, 0, 0, 1, 0x61, 3]], outcome: protocolError, only: 5 },
  { name: 'a SUBSCRIBE with reserved options', send: [[0x82, 6, 0, 1, 0, 1, 0x61, 4]], outcome: malformed, only: 4 },
  { name: 'a SUBSCRIBE with the wrong flags', send: [[0x80, 6, 0, 1, 0, 1, 0x61, 0]], outcome: malformed },
  { name: 'a publish with QoS 3', send: [[0x36, 5, 0, 1, 0x61, 0, 1]], outcome: malformed },
  { name: 'a publish with DUP and QoS 0', send: [[0x38, 4, 0, 1, 0x61, 0]], outcome: malformed },
  { name: 'a topic that is not UTF-8', send: [[0x30, 5, 0, 2, 0xc3, 0x28, 0]], outcome: malformed },
  { name: 'a topic with NUL', send: [[0x30, 5, 0, 2, 0x61, 0x00, 0]], outcome: malformed },
  { name: 'a surrogate as UTF-8', send: [[0x30, 6, 0, 3, 0xed, 0xa0, 0x80, 0]], outcome: malformed },
  // GHSA-xxqp-5qx8-gj5q: a stack of 200 levels. 400 bytes of "a/" and properties of none.
  {
    name: 'a topic of 200 levels',
    send: [[0x30, 0x93, 0x03, 0x01, 0x8f, ...repeat(199, 0x61, 0x2f), 0x61, 0, 0]],
    outcome: closed(0x90),
  },
]

const doors = transports.flatMap(transport => levels.map(([version, level]) => [transport, version, level] as const))

interface Attacked {
  readonly site: Site
  readonly thing: Thing
  readonly peer: TestPeer
}

async function underAttack(level: ProtocolLevel, options: SiteOptions): Promise<Attacked> {
  const site = await startSite(options)
  await site.startBystander()
  const thing = await site.thing('attacker')
  return { site, thing, peer: await site.connect(thing, { level }) }
}

describe.each(doors)('over %s, from a peer of MQTT %s that was let in', (transport, _, level) => {
  it.each(attacks.filter(({ only = level }) => only === level))(
    '$name ends its connection',
    async ({ send, outcome }) => {
      const { site, peer } = await underAttack(level, { transport })
      for (const part of send) peer.raw(part)
      expect(await peer.closeReason()).toBe(level === 5 ? outcome.closed : undefined)
      expect(site.refusals).toBeGreaterThan(0)
      expect(site.counter('thingmesh_messages_in_total')).toBe(0)
      await site.expectUndisturbed()
    },
  )

  it('a filter of 200 levels is refused', async () => {
    const { site, peer } = await underAttack(level, { transport })
    for (const filter of [repeat(200, 0).join('/'), `${'+/'.repeat(100)}#`]) {
      expect(await peer.subscribe(filter)).toEqual([level === 5 ? 0x8f : 0x80])
    }
    await site.expectUndisturbed()
  })

  it('subscribing and unsubscribing without end leaves nothing behind', async () => {
    const { site, peer } = await underAttack(level, { transport })
    for (let i = 0; i < 400; i++) {
      const filters = Array.from({ length: 16 }, (__, k) => `telemetry/${i}/${k}/+`)
      peer.sendSubscribe(filters)
      peer.send({ type: 'unsubscribe', packetId: peer.nextPacketId(), filters })
    }
    await vi.waitFor(() => expect(peer.packets.length).toBe(800), { timeout: 8_000 })
    peer.packets.length = 0
    // There is room for as many as ever.
    for (let at = 0; at < 96; at += 16) {
      const codes = await peer.subscribe(Array.from({ length: 16 }, (__, k) => `telemetry/${at + k}`))
      expect(codes).toEqual(new Array(16).fill(1))
    }
    await site.expectUndisturbed()
  })

  it('names that mean something to JavaScript mean nothing', async () => {
    const { site, thing } = await underAttack(level, { transport })
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
    for (const name of names) {
      const peer = await site.connect(thing, { level, clientId: name })
      expect(await peer.subscribe([`${name}/#`, `telemetry/${name}/+`])).toEqual([level === 5 ? 0x87 : 0x80, 1])
      expect(await peer.publish(`telemetry/${name}/${name}`, name, { retain: true })).toBe(0)
      expect((await peer.take('publish')).topic).toBe(`telemetry/${name}/${name}`)
      peer.sendPublish(`${name}/x`, 'x')
      if (level === 5) expect((await peer.take('puback')).reasonCode).toBe(0x87)
      else await peer.closed()
      peer.cut()
      const stranger = await site.open(level)
      expect((await stranger.connect({ username: name, password: name })).reasonCode).toBe(level === 5 ? 0x86 : 4)
    }
    expect(({} as Record<string, unknown>)[names[0]!]).toBe(Object.prototype)
    await site.expectUndisturbed()
  })

  it('wildcards in a client id or a user name reach nothing', async () => {
    const { site, thing } = await underAttack(level, { transport })
    const victim = await site.connect(await site.thing('victim'), { level, clientId: 'victim' })
    for (const name of ['+', '#', '+/#', '.*', 'victim/../#', '%', '" OR 1=1 --', '*', '>']) {
      const peer = await site.connect(thing, { level, clientId: name })
      expect(await peer.subscribe('aside/#')).toEqual([level === 5 ? 0x87 : 0x80])
      await peer.disconnect()
      // The key is right; the name is not the name of its thing.
      const stranger = await site.open(level)
      expect((await stranger.connect({ username: name, password: thing.key })).reasonCode).toBe(level === 5 ? 0x86 : 4)
    }
    expect(await victim.publish('telemetry/a', 'here')).toBe(0)
    await site.expectUndisturbed()
  })

  it('an endless flood of refused publishes does not hold others up', async () => {
    const { site, thing } = await underAttack(level, { transport })
    const flood = Buffer.concat(
      new Array(2_000).fill(encodePacket({ ...publishOf('aside/a'), qos: 1, packetId: 1 }, level)),
    )
    const attackers = await Promise.all(Array.from({ length: 4 }, () => site.connect(thing, { level })))
    for (const attacker of attackers) attacker.socket.write(flood)
    await site.expectUndisturbed()
    await vi.waitFor(() =>
      expect(site.counter('thingmesh_refused_total', { limit: 'permission' })).toBe(level === 5 ? 8_000 : 4),
    )
    await site.expectUndisturbed()
  })
})

function publishOf(topic: string) {
  return {
    type: 'publish' as const,
    topic,
    payload: bytes('x'),
    qos: 0 as const,
    retain: false,
    dup: false,
    packetId: 0,
    properties: undefined,
  }
}

/** One of each packet that a client sends. */
function conversation(level: ProtocolLevel): readonly Packet[] {
  const option = { qos: 1 as const, noLocal: false, retainAsPublished: false, retainHandling: 0 as const }
  const userProperties: [string, string][] = [['a', 'b']]
  const properties = level === 5 ? { contentType: 'text/plain', userProperties } : undefined
  return [
    { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'telemetry/+/b', ...option }] },
    { ...publishOf('telemetry/ä/b'), qos: 1, packetId: 2, properties },
    { ...publishOf('telemetry/ä/b'), retain: true },
    { type: 'unsubscribe', packetId: 3, filters: ['telemetry/+/b'] },
    { type: 'pingreq' },
    { type: 'disconnect', reasonCode: 0 },
  ]
}

describe.each(doors)('over %s, bytes as they come with MQTT %s', (transport, _, level) => {
  it('may come one by one', async () => {
    const { site, thing, peer } = await underAttack(level, { transport })
    const slow = await site.open(level)
    slow.acknowledges = false
    const connect = slow.encodeConnect(site.credentials(thing))
    const stream = Buffer.concat([connect, ...conversation(level).map(packet => encodePacket(packet, level))])
    for (const byte of stream) {
      slow.socket.write(Uint8Array.of(byte))
      // Each byte by itself: the answer on another connection shows that the hub has had its turn.
      await peer.arrived()
    }
    await slow.closed()
    const types = slow.packets.map(({ type }) => type)
    expect(types.filter(type => type !== 'publish')).toEqual(['connack', 'suback', 'puback', 'unsuback', 'pingresp'])
    expect(slow.packets.flatMap(packet => (packet.type === 'publish' ? [textOf(packet)] : []))).toEqual(['x', 'x'])
    await site.expectUndisturbed()
  })

  it('may end at any byte of any packet', async () => {
    const { site, thing } = await underAttack(level, { transport })
    const probe = await site.open(level)
    const connect = probe.encodeConnect(
      site.credentials(thing, { will: { topic: 'telemetry/w', payload: bytes('w'), qos: 0, retain: false } }),
    )
    // A CONNECT that ends early lets nobody in.
    for (let end = 0; end < connect.length; end++) {
      const peer = await site.open(level)
      peer.socket.end(connect.subarray(0, end))
      expect(await peer.closed()).toEqual([])
    }
    expect(site.counter('thingmesh_sessions')).toBe(2)
    const packets = conversation(level).map(packet => encodePacket(packet, level))
    for (const packet of packets) {
      for (let end = 1; end < packet.length; end++) {
        const peer = await site.connect(thing, { level })
        peer.socket.end(packet.subarray(0, end))
        await peer.closed()
      }
    }
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(2))
    expect(site.counter('thingmesh_messages_in_total')).toBe(0)
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(3))
    await site.expectUndisturbed()
  })

  it('may be anything at all', async () => {
    const { site, thing } = await underAttack(level, { transport })
    let seed = 42
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return seed >>> 16
    }
    for (let round = 0; round < 60; round++) {
      const peer = round % 2 === 0 ? await site.open(level) : await site.connect(thing, { level })
      const junk = Uint8Array.from({ length: 400 }, () => random() & 0xff)
      // A first byte that opens a packet, so that the junk is read and not just its beginning.
      junk[0] = [0x10, 0x30, 0x32, 0x82, 0xa2, 0x40, 0xe0, 0xc0][round % 8]!
      junk[1] = 120
      peer.raw(junk)
      peer.socket.end()
      await peer.closed()
    }
    await site.expectUndisturbed()
  })
})

describe.each(transports)('over %s, before CONNECT', transport => {
  it('500 connections that say nothing, or half, shut nobody out and are cleared away', async () => {
    const site = await startSite({ transport, listener: { connectTimeoutMs: 2_000 } })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const half = (await site.open()).encodeConnect(site.credentials(thing)).subarray(0, 30)
    const peers = await Promise.all(Array.from({ length: 500 }, () => site.open()))
    for (const peer of peers.slice(250)) peer.raw(half)
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(502))
    const sensor = await site.connect(thing)
    expect(await sensor.publish('telemetry/a', 'x')).toBe(0)
    await site.expectUndisturbed()
    await Promise.all(peers.map(peer => peer.closed()))
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(2))
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connect-timeout' })).toBe(501)
    await site.expectUndisturbed()
  })

  it.each([
    ['a remaining length of 256 MB', [0x10, 0xff, 0xff, 0xff, 0x7f]],
    ['a remaining length of five bytes', [0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a CONNECT of nothing', [0x10, 0]],
    ['a CONNECT with the wrong flags', [0x11, 0]],
    ['a reserved connect flag', [0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 3, 0, 60, 0, 1, 0x61]],
    [
      'a password without a user name, before MQTT 5',
      [0x10, 16, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0x42, 0, 60, 0, 1, 0x61, 0, 1, 0x61],
    ],
    ['a client id past the packet', [0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 9, 0x61]],
    ['a DISCONNECT', [0xe0, 0]],
    ['a server packet', [0x20, 2, 0, 0]],
    ['a TLS hello', [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]],
  ])('%s is closed without a reply', async (_, first) => {
    const site = await startSite({ transport })
    await site.startBystander()
    const peer = await site.open()
    peer.raw(first)
    expect(await peer.closed()).toEqual([])
    expect(site.counter('thingmesh_mqtt_failures_total')).toBe(1)
    await site.expectUndisturbed()
  })

  it('what was sent without waiting is not carried out where the key is wrong', async () => {
    const site = await startSite({ transport })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const watcher = await site.connect(thing)
    await watcher.subscribe('telemetry/#')
    const peer = await site.open()
    peer.socket.cork()
    peer.sendConnect({ username: 'sensor', password: 'guess' })
    peer.sendSubscribe('telemetry/#')
    peer.sendPublish('telemetry/a', 'forged')
    peer.socket.uncork()
    expect((await peer.take('connack')).reasonCode).toBe(0x86)
    expect(await peer.closed()).toEqual([])
    expect(await watcher.arrived()).toEqual([])
    await site.expectUndisturbed()
  })
})

describe.each(transports)('over %s, many at once', transport => {
  it('may connect, take each other over and vanish, and the hub counts nobody who is gone', async () => {
    const site = await startSite({ transport })
    await site.startBystander()
    const thing = await site.thing('sensor')
    const attempts = Array.from({ length: 60 }, async (_, i) => {
      const peer = await site.open(i % 2 === 0 ? 4 : 5)
      peer.sendConnect(site.credentials(thing, { clientId: `same-${i % 3}`, cleanStart: i % 4 === 0 }))
      peer.sendSubscribe('telemetry/#')
      peer.sendPublish('telemetry/a', `${i}`, { qos: 0 })
      if (i % 5 === 0) peer.cut()
      return peer
    })
    const peers = await Promise.all(attempts)
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBeLessThanOrEqual(4))
    for (const peer of peers) peer.cut()
    await vi.waitFor(() => expect(site.counter('thingmesh_sessions')).toBe(1))
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(1))
    await site.expectUndisturbed()
  })
})
