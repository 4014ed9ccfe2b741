import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { cborCodec } from '@thingmesh/core/cbor'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { cbor, type DialOptions, type Fields, type FramePeer, type FramesSite, json, startFrames } from './fixture.ts'

const path = 'telemetry/messages'
const hostileNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']

interface Attack {
  readonly name: string
  readonly on: 'plain' | 'json' | 'cbor'
  readonly send: string | Uint8Array
  readonly code: number
}

const bytes = (...parts: readonly (number | readonly number[])[]) => Uint8Array.from(parts.flat())
const repeat = (count: number, ...values: readonly number[]) => Array.from({ length: count }, () => values).flat()
const text = (value: string) => [0x60 + value.length, ...Buffer.from(value)]

const attacks: readonly Attack[] = [
  // Memory and time (ATTACKS: nine bytes that claim gigabytes; depth; cost).
  { name: 'a byte string of gigabytes', on: 'cbor', send: bytes(0x5b, 0, 0, 0, 4, 0, 0, 0, 0), code: 1007 },
  { name: 'a list of gigabytes', on: 'cbor', send: bytes(0x9b, 0, 0, 0, 4, 0, 0, 0, 0), code: 1007 },
  {
    name: 'a map of gigabytes',
    on: 'cbor',
    send: bytes(0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    code: 1007,
  },
  { name: '100,000 levels', on: 'cbor', send: bytes(repeat(100_000, 0x81), 0), code: 1007 },
  { name: '100,000 levels without an end', on: 'cbor', send: bytes(repeat(100_000, 0x9f)), code: 1007 },
  { name: '200,000 items', on: 'cbor', send: bytes(0x9a, 0, 3, 0x0d, 0x40, repeat(200_000, 0)), code: 1007 },
  {
    name: 'a bignum of 100,000 bytes',
    on: 'cbor',
    send: bytes(0xc2, 0x5a, 0, 1, 0x86, 0xa0, repeat(100_000, 0xff)),
    code: 1007,
  },
  { name: 'a cycle (tags 28 and 29)', on: 'cbor', send: bytes(0xd8, 28, 0x81, 0xd8, 29, 0), code: 1007 },
  {
    name: 'a regular expression (tag 27)',
    on: 'cbor',
    send: bytes(0xd8, 27, 0x82, text('RegExp'), text('(a+)+$')),
    code: 1007,
  },
  { name: 'two items', on: 'cbor', send: bytes(0xa0, 0xa0), code: 1007 },
  { name: 'a key that comes twice', on: 'cbor', send: bytes(0xa2, text('type'), 0, text('type'), 1), code: 1007 },
  { name: 'text that is no UTF-8', on: 'cbor', send: bytes(0xa1, 0x62, 0xc3, 0x28, 0), code: 1007 },
  { name: '100,000 levels', on: 'json', send: '['.repeat(100_000), code: 1007 },
  { name: '100,000 objects in each other', on: 'json', send: '{"a":'.repeat(50_000), code: 1007 },
  { name: '100,000 items', on: 'json', send: `[${'0,'.repeat(100_000)}0]`, code: 1007 },
  { name: 'a number without an end', on: 'json', send: `{"id":${'9'.repeat(100_000)}}`, code: 1007 },
  { name: 'infinity', on: 'json', send: '{"type":"publish","id":1e999,"payload":0}', code: 1007 },
  ...hostileNames.slice(0, 3).flatMap<Attack>(name => [
    { name: `a key ${name}`, on: 'json', send: `{"type":"publish","payload":{"${name}":{"a":1}}}`, code: 1007 },
    { name: `a key ${name}`, on: 'cbor', send: bytes(0xa1, text(name), 0), code: 1007 },
  ]),
  // Sizes.
  { name: 'a frame above the limit', on: 'plain', send: new Uint8Array(70_000), code: 1009 },
  { name: 'a frame above the limit', on: 'json', send: ' '.repeat(70_000), code: 1009 },
  { name: 'a payload above what the hub takes', on: 'plain', send: new Uint8Array(50_001), code: 1009 },
]

const spoken: Readonly<Record<Attack['on'], DialOptions>> = { plain: {}, json, cbor }

interface Attacked {
  readonly site: FramesSite
  readonly key: string
  readonly peer: FramePeer
}

async function underAttack(on: Attack['on'], frameBytesMax = 256 * 1024): Promise<Attacked> {
  const site = await startFrames({ frames: { frameBytesMax }, hub: { limits: { payloadBytesMax: 50_000 } } })
  await site.expectUndisturbed()
  const key = await site.thing('attacker')
  const peer = await site.open(`${path}/a`, { key, ...spoken[on] })
  await site.sessions(2)
  return { site, key, peer }
}

describe('from a peer that was let in', () => {
  it.each(attacks)('$name, on $on, ends its connection with $code', async ({ on, send, code }) => {
    const { site, peer } = await underAttack(on, code === 1009 ? 64 * 1024 : undefined)
    const startedMs = performance.now()
    peer.webSocket.send(send)
    expect((await peer.end)[0]).toBe(code)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(site.counter('thingmesh_frames_failures_total') + site.counter('thingmesh_websocket_refused_total')).toBe(1)
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(0))
    await site.expectUndisturbed()
  })

  it('an integer of CBOR beyond what is safe is no id, and nobody dies of it', async () => {
    const { site, peer } = await underAttack('cbor')
    peer.webSocket.send(bytes(0xa2, text('type'), text('publish'), text('id'), 0x1b, repeat(8, 0xff)))
    expect((await peer.end)[0]).toBe(1007)
    await site.expectUndisturbed()
  })

  it.each(['json', 'cbor'] as const)('names that mean something to JavaScript mean nothing, on %s', async on => {
    const { site, peer } = await underAttack(on)
    for (const name of hostileNames) {
      const subtopic = `${name}/x`
      expect(await peer.ask({ type: 'subscribe', id: 1, pattern: subtopic, lastValues: false })).toMatchObject({
        type: 'ack',
      })
      const headers = [[name, name]]
      peer.say({ type: 'publish', id: name, subtopic, payload: name, properties: { headers } })
      const answers = [await peer.fields(), await peer.fields()]
      expect(answers).toContainEqual({ type: 'ack', id: name, messageId: expect.any(String) })
      const message = answers.find(({ type }) => type === 'message')
      expect(message).toMatchObject({ subtopic, properties: { headers } })
      expect(await peer.ask({ type: 'unsubscribe', id: 2, pattern: subtopic })).toMatchObject({ type: 'ack' })
    }
    expect(({} as Fields)[hostileNames[0]!]).toBe(Object.prototype)
    await site.expectUndisturbed()
  })

  it.each(['json', 'cbor'] as const)('a channel is not left by what is said in it, on %s', async on => {
    const { site, key } = await underAttack(on)
    // `+` is those channels that it has a right to, and no more.
    for (const [from, subtopic, mayHear] of [
      ['aside', 'a', false],
      ['%2B', 'a', true],
      ['%23', 'a', false],
      ['$SYS', 'a', false],
    ] as const) {
      const peer = await site.open(`${from}/messages`, { key, ...spoken[on] })
      expect((await peer.ask({ type: 'publish', id: 1, subtopic, payload: 'x' })).type).toBe('error')
      const kind = mayHear ? 'ack' : 'error'
      expect((await peer.ask({ type: 'subscribe', id: 2, pattern: subtopic })).type).toBe(kind)
      expect((await peer.ask({ type: 'unsubscribe', id: 3, pattern: subtopic })).type).toBe(kind)
      expect((await peer.ask({ type: 'subscribe', id: 4, pattern: subtopic, after: '0' })).type).toBe(kind)
      await site.expectUndisturbed()
      expect(peer.heard).toEqual([])
      await peer.close()
    }
  })

  it('subscribing and unsubscribing without end leaves nothing behind', async () => {
    const { site, peer } = await underAttack('json')
    const rounds = 3_000
    for (let i = 0; i < rounds; i++) {
      peer.say({ type: 'subscribe', pattern: `${i}`, id: i, ...(i % 2 === 1 && { after: 'now' }) })
      peer.say({ type: 'unsubscribe', pattern: `${i}`, id: i })
    }
    await vi.waitFor(() => expect(peer.heard.length).toBe(2 * rounds), { timeout: 20_000 })
    expect(peer.heard.every(({ bytes: said }) => said.includes('"ack"'))).toBe(true)
    peer.heard.length = 0
    for (let i = 0; i < 100; i++)
      expect(await peer.ask({ type: 'subscribe', id: i, pattern: `${i}` })).toMatchObject({ type: 'ack' })
    await site.expectUndisturbed()
  })

  it('an endless flood of refused publishes does not hold others up', async () => {
    const { site, key } = await underAttack('json')
    const flooders = await Promise.all(Array.from({ length: 4 }, () => site.open('aside/messages/a', { key, ...json })))
    const frame = JSON.stringify({ type: 'publish', id: 1, payload: 'x' })
    for (const flooder of flooders) for (let i = 0; i < 2_000; i++) flooder.webSocket.send(frame)
    await site.expectUndisturbed()
    await vi.waitFor(() => expect(site.counter('thingmesh_refused_total', { limit: 'permission' })).toBe(8_000), {
      timeout: 20_000,
    })
    await site.expectUndisturbed()
  })

  it.each(['json', 'cbor'] as const)('a frame may end at any byte, on %s', async on => {
    const { site, key } = await underAttack(on)
    const envelope = { type: 'publish', id: 1, payload: 'ä', properties: { headers: [['a', 'b']] } }
    const whole = on === 'cbor' ? cborCodec.encode(envelope) : Buffer.from(JSON.stringify(envelope))
    const before = site.counter('thingmesh_messages_in_total')
    for (let end = 0; end < whole.length; end++) {
      const peer = await site.open(path, { key, ...spoken[on] })
      peer.webSocket.send(whole.subarray(0, end), { binary: on === 'cbor' })
      expect((await peer.end)[0]).toBe(1007)
    }
    expect(site.counter('thingmesh_messages_in_total')).toBe(before)
    await site.expectUndisturbed()
  })

  it.each(['plain', 'json', 'cbor'] as const)('frames may be anything at all, on %s', async on => {
    const { site, key } = await underAttack(on)
    let seed = 42
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return seed >>> 16
    }
    for (let round = 0; round < 40; round++) {
      const peer = await site.open(`${path}/a`, { key, ...spoken[on] })
      peer.webSocket.send(
        Uint8Array.from({ length: 200 }, () => random() & 0xff),
        { binary: round % 2 === 0 },
      )
      peer.webSocket.close()
      await peer.end
    }
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(1))
    await site.expectUndisturbed()
  })
})

const upgradeHead = (key: string) =>
  `GET /channels/${path}/a HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Thing ${key}\r\n\r\n`

async function raw(site: FramesSite, said: string | Uint8Array): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port: site.port, noDelay: true })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined).resume()
  await once(socket, 'connect')
  socket.write(said)
  return socket
}

describe('connections', () => {
  it('from a /64 of IPv6 leave the places of others alone', async () => {
    const site = await startFrames({ trustProxy: true, frames: { connectionsPerAddressMax: 2 } })
    const key = await site.thing('sensor')
    const from = (address: string) => site.open(path, { key, headers: { 'x-forwarded-for': address } })
    await from('2001:db8:0:1::1')
    await from('2001:db8:0:1::2')
    expect((await (await from('2001:db8:0:1::3')).end)[0]).toBe(1013)
    expect(site.counter('thingmesh_frames_refused_total', { limit: 'connections-per-address' })).toBe(1)
    await from('2001:db8:0:2::1')
    await site.sessions(3)
  })
})

describe('bytes of a WebSocket for messages', () => {
  it('may come one by one', async () => {
    const { site, key } = await underAttack('plain')
    const frame = [0x82, 0x81, 0, 0, 0, 0, 0x78]
    const before = site.counter('thingmesh_messages_in_total')
    const socket = await raw(site, '')
    for (const byte of Buffer.concat([Buffer.from(upgradeHead(key)), Uint8Array.from(frame)])) {
      await new Promise(written => socket.write(Uint8Array.of(byte), written))
    }
    await vi.waitFor(() => expect(site.counter('thingmesh_messages_in_total')).toBe(before + 1))
    await site.expectUndisturbed()
  })

  it.each([
    ['a gigabyte, by its header', [0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0], 'message-bytes'],
    ['without a mask', [0x82, 0x01, 0x78], 'malformed'],
    ['compressed, which was not agreed', [0xc2, 0x81, 0, 0, 0, 0, 0x78], 'malformed'],
    ['of a reserved kind', [0x83, 0x81, 0, 0, 0, 0, 0x78], 'malformed'],
    ['a continuation of nothing', [0x80, 0x81, 0, 0, 0, 0, 0x78], 'malformed'],
    ['text that is no UTF-8', [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28], 'malformed'],
  ])('that are %s end it', async (_, frame, limit) => {
    const { site, key, peer } = await underAttack('plain')
    const socket = await raw(site, upgradeHead(key))
    await site.sessions(3)
    socket.write(Uint8Array.from(frame))
    await once(socket, 'close')
    expect(site.counter('thingmesh_websocket_refused_total', { limit })).toBe(1)
    await site.sessions(2)
    expect(peer.webSocket.readyState).toBe(peer.webSocket.OPEN)
    await site.expectUndisturbed()
  })

  it('are refused, the connection with them, where they come without end before it is known who comes', async () => {
    const never = () => new Promise<never>(() => undefined)
    const site = await startFrames({ frames: { openTimeoutMs: 1_000 }, hub: { authenticate: [never] } })
    await site.expectUndisturbed()
    const strangers = await Promise.all(
      Array.from({ length: 200 }, () => raw(site, upgradeHead('x').replace('Thing x', 'Bearer of.somebody.else'))),
    )
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(200))
    for (const socket of strangers) socket.write(Buffer.alloc(300_000))
    const sensor = await site.open(`${path}/a`, { key: await site.thing('sensor'), ...json })
    expect(await sensor.ask({ type: 'publish', id: 1, payload: 'x' })).toMatchObject({ type: 'ack' })
    await site.expectUndisturbed()
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(1), { timeout: 20_000 })
    await site.expectUndisturbed()
  })

  it('may stop at any time, and the hub counts nobody who is gone', async () => {
    const { site, key } = await underAttack('plain')
    const head = upgradeHead(key)
    const sockets = await Promise.all(
      Array.from({ length: 8 }, (_, i) => raw(site, i % 2 === 0 ? head : head.slice(0, -2 - 10 * i))),
    )
    for (const socket of sockets) socket.resetAndDestroy()
    await site.sessions(2)
    await vi.waitFor(() => expect(site.counter('thingmesh_frames_connections')).toBe(1))
    await site.expectUndisturbed()
  })
})
