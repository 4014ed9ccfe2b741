import type { ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { lasting, levels, startSite } from '../fixture.ts'
import { bytes, type ConnectOptions, textOf } from '../peer.ts'

const field = (content: string) => [content.length >> 8, content.length & 0xff, ...bytes(content)]
const none = (level: ProtocolLevel) => (level === 5 ? [0] : [])

/** A CONNECT with these flags and fields, whether or not they go together. */
function connect(level: ProtocolLevel, flags: number, ...fields: readonly (readonly number[])[]): readonly number[] {
  const name = level === 3 ? 'MQIsdp' : 'MQTT'
  const body = [...field(name), level, flags, 0, 60, ...none(level), ...fields.flat()]
  return [0x10, body.length, ...body]
}

interface Malformed {
  readonly name: string
  readonly only?: ProtocolLevel
  readonly bytes: (level: ProtocolLevel) => readonly number[]
}

const client = field('c')
const malformed: readonly Malformed[] = [
  { name: 'the reserved flag', bytes: level => connect(level, 0x03, client) },
  { name: 'will QoS without a will', bytes: level => connect(level, 0x0a, client) },
  { name: 'will retain without a will', bytes: level => connect(level, 0x22, client) },
  { name: 'will QoS 3', bytes: level => connect(level, 0x1e, client, none(level), field('w'), field('p')) },
  { name: 'a will flag and no will', bytes: level => connect(level, 0x06, client) },
  { name: 'a will without a payload', bytes: level => connect(level, 0x06, client, none(level), field('w')) },
  {
    name: 'a will and no flag for it',
    bytes: level => connect(level, 0x02, client, none(level), field('w'), field('p')),
  },
  { name: 'a user name flag and no user name', bytes: level => connect(level, 0x82, client) },
  { name: 'a user name and no flag for it', bytes: level => connect(level, 0x02, client, field('u')) },
  { name: 'a password flag and no password', bytes: level => connect(level, 0xc2, client, field('u')) },
  { name: 'a password and no flag for it', bytes: level => connect(level, 0x82, client, field('u'), field('p')) },
  { name: 'a password without a user name', only: 4, bytes: level => connect(level, 0x42, client, field('p')) },
  { name: 'no client id', bytes: level => connect(level, 0x02) },
  { name: 'flags in the fixed header', bytes: level => [0x12, ...connect(level, 0x02, client).slice(1)] },
]

describe.each(levels)('a CONNECT of MQTT %s', (_, level) => {
  const rows = malformed.filter(({ only = level }) => only === level)

  it.each(rows)('is not answered where it is not one: $name', async ({ bytes: encode }) => {
    const site = await startSite()
    const peer = await site.open(level)
    peer.raw(encode(level))
    expect(await peer.closed()).toEqual([])
    expect(site.counter('thingmesh_mqtt_failures_total')).toBe(1)
  })

  it('may name its client by any 1 to 23 letters and digits', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const characters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
    const ids = [...characters].flatMap((character, i) => [character, characters.repeat(2).slice(i, i + 23)])
    for (const clientId of ids) {
      const peer = await site.connect(thing, { level, clientId })
      await peer.disconnect()
    }
  })

  it('is answered once, before anything else, with nothing but Session Present in its flags', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const first = await site.connect(thing, lasting(level))
    await first.subscribe('telemetry/#')
    await first.disconnect()
    const writer = await site.connect(thing)
    await writer.publish('telemetry/a', 'missed')
    for (const cleanStart of [false, true]) {
      const peer = await site.open(level)
      const said: Buffer[] = []
      peer.socket.on('data', chunk => said.push(chunk as Buffer))
      // Without waiting: it is asked for an answer at once, and has a message to send.
      peer.sendConnect(site.credentials(thing, { ...lasting(level), cleanStart }))
      await peer.arrived()
      await peer.take('connack')
      const stream = Buffer.concat(said)
      expect([stream[0], stream[2], stream[3]]).toEqual([0x20, cleanStart ? 0 : 1, 0])
      expect(peer.packets.filter(({ type }) => type === 'connack')).toEqual([])
      await peer.disconnect()
    }
  })

  it('that is refused ends the connection, says that there is no session, and loses none', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const kept = await site.connect(thing, lasting(level))
    await kept.subscribe('telemetry/#')
    await kept.disconnect()
    for (const cleanStart of [false, true]) {
      const peer = await site.open(level)
      const options = { ...lasting(level), cleanStart, password: 'wrong' }
      expect(await peer.connect(site.credentials(thing, options))).toMatchObject({ sessionPresent: false })
      expect(await peer.closed()).toEqual([])
    }
    expect((await site.enter(thing, lasting(level))).sessionPresent).toBe(true)
  })

  it('has a second client of its name closed, also one that comes before its answer', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peers = await Promise.all(Array.from({ length: 4 }, () => site.open(level)))
    for (const peer of peers) peer.sendConnect(site.credentials(thing, { level, clientId: 'one' }))
    await expect.poll(() => peers.filter(peer => !peer.isClosed).length, { timeout: 8_000 }).toBe(1)
    const [left] = peers.filter(peer => !peer.isClosed)
    expect(await left!.arrived()).toEqual([])
    expect(site.counter('thingmesh_sessions')).toBe(1)
  })
})

describe('a password without a user name', () => {
  it('is enough with MQTT 5: a key says whose it is, and so does an operator’s token', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (const password of [thing.key, site.hub.adminToken!]) {
      const peer = await site.open(5)
      expect(await peer.connect({ clientId: 'c', password })).toMatchObject({ reasonCode: 0 })
      expect(await peer.subscribe('telemetry/#')).toEqual([1])
    }
  })
})

describe('the keep-alive', () => {
  it('of a client before MQTT 5 is its own, however short: it cannot be told another', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const from = performance.now()
    const quiet = await site.connect(thing, { level: 4, keepAliveSeconds: 1 })
    expect(await quiet.closeReason()).toBeUndefined()
    const seconds = (performance.now() - from) / 1000
    expect(seconds).toBeGreaterThan(1.4)
    expect(seconds).toBeLessThan(4.5)
  })

  it('that the hub does not name is the one that was asked for, with MQTT 5', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (const [asked, told] of [
      [5, undefined],
      [1_200, undefined],
      [1, 5],
      [1_201, 1_200],
      [0, 60],
    ] as const) {
      const { properties } = await site.enter(thing, { keepAliveSeconds: asked })
      expect(properties?.serverKeepAlive).toBe(told)
    }
  })
})

describe('the maximum packet size of a client', () => {
  const withMax = (maximumPacketSize: number): ConnectOptions => ({ properties: { maximumPacketSize } })

  it('bounds a CONNACK that refuses: its reason string is left out', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (const [max, told] of [
      [10, false],
      [1_000, true],
    ] as const) {
      const peer = await site.open(5)
      const { reasonCode, properties } = await peer.connect({
        ...site.credentials(thing, withMax(max)),
        password: 'wrong',
      })
      expect(reasonCode).toBe(0x86)
      expect(properties?.reasonString !== undefined).toBe(told)
      await peer.closed()
    }
  })

  it('that leaves no room for what CONNACK has to say refuses the connection', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open(5)
    const connack = await peer.connect(site.credentials(thing, { ...withMax(12), clientId: '' }))
    expect(connack).toMatchObject({ reasonCode: 0x95, sessionPresent: false })
    expect(await peer.closed()).toEqual([])
    await expect.poll(() => site.counter('thingmesh_sessions'), { timeout: 8_000 }).toBe(0)
  })

  it('bounds answers: reason strings are left out, what cannot be shorter is not sent', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, withMax(32))
    await site.hub.control.channels.create({ name: 'closed' })
    for (const qos of [1, 2] as const) expect(await peer.publish('closed/a', 'x', { qos })).toBe(0x87)
    // 16 reason codes are 4 + 1 + 16 bytes; with the fixed header that fits.
    expect((await peer.subscribe(Array.from({ length: 16 }, (_, i) => `telemetry/${i}`))).length).toBe(16)
    peer.raw([0x38, 0])
    expect(await peer.take('disconnect')).toEqual({ type: 'disconnect', reasonCode: 0x81, properties: undefined })
  })
})

describe('what a client did not ask for', () => {
  it('is not sent: response information, an authentication method, topic aliases', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (const properties of [undefined, { requestResponseInformation: false, topicAliasMaximum: 0 }]) {
      const { peer, properties: told } = await site.enter(thing, { ...(properties && { properties }) })
      expect(told).not.toHaveProperty('responseInformation')
      expect(told).not.toHaveProperty('authenticationMethod')
      await peer.subscribe('telemetry/#')
      for (let i = 0; i < 3; i++) await peer.publish('telemetry/a', `${i}`)
      const heard = await peer.takeAll(3)
      expect(heard.map(textOf)).toEqual(['0', '1', '2'])
      expect(heard.map(packet => packet.properties)).toEqual([undefined, undefined, undefined])
      expect(peer.packets.some(({ type }) => type === 'auth')).toBe(false)
    }
  })

  it('is no reason in words, but in CONNACK and DISCONNECT, where it asked for none', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    await site.hub.control.channels.create({ name: 'closed' })
    const peer = await site.connect(thing, { properties: { requestProblemInformation: false } })
    peer.acknowledges = false
    peer.sendPublish('closed/a', 'x', { qos: 1 })
    expect((await peer.take('puback')).properties).toBeUndefined()
    peer.sendPublish('closed/a', 'x', { qos: 2 })
    expect((await peer.take('pubrec')).properties).toBeUndefined()
    const suback = await peer.takeSuback(peer.sendSubscribe(['closed/#', 'telemetry/a']))
    expect([suback.reasonCodes, suback.properties]).toEqual([[0x87, 1], undefined])
    peer.say('pubrel', 77)
    expect((await peer.take('pubcomp')).properties).toBeUndefined()
    peer.say('pubrec', 77)
    expect((await peer.take('pubrel')).properties).toBeUndefined()
  })
})
