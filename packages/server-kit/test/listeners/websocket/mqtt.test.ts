import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { encodePacket } from '@thingmesh/core/mqtt'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ClientOptions, createWebSocketStream, WebSocket } from 'ws'
import { createHub } from '../../../src/index.ts'
import { httpListener } from '../../../src/listeners/http/index.ts'
import { type MqttOverWebSocketOptions, mqttOverWebSocket } from '../../../src/listeners/mqtt/index.ts'
import { webSockets } from '../../../src/listeners/websocket/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { tlsIdentity } from '../../../src/tls/index.ts'
import { Authority } from '../../support/certificates.ts'
import { levels, type Site, startSite, stockMessages } from '../mqtt/fixture.ts'
import { TestPeer, textOf } from '../mqtt/peer.ts'

const open = (listener: MqttOverWebSocketOptions = {}, origins?: readonly string[]) =>
  startSite({ transport: 'websocket', listener, ...(origins && { origins }) })

const refused = (site: Site, limit: string) => site.counter('thingmesh_websocket_refused_total', { limit })
const connections = (site: Site) => site.counter('thingmesh_mqtt_connections')

interface Dialled {
  readonly webSocket: WebSocket
  readonly peer: TestPeer
  /** The code of the close. */
  readonly code: Promise<number>
}

async function dial(
  site: Site,
  options: ClientOptions = {},
  subprotocols: string | string[] = 'mqtt',
): Promise<Dialled> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${site.port}/mqtt`, subprotocols, options)
  const code = new Promise<number>(resolve => webSocket.on('close', resolve))
  const stream = createWebSocketStream(webSocket)
  stream.once('end', () => stream.destroy())
  onTestFinished(() => webSocket.terminate())
  await once(webSocket, 'open')
  return { webSocket, peer: new TestPeer(stream, 5), code }
}

/** The status of the answer to an upgrade that is refused. */
async function statusOf(
  site: Site,
  { path = '/mqtt', subprotocols = ['mqtt'], ...options }: ClientOptions & { path?: string; subprotocols?: string[] },
): Promise<number> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${site.port}${path}`, subprotocols, options)
  onTestFinished(() => webSocket.terminate())
  webSocket.on('error', () => undefined)
  return new Promise(resolve => {
    webSocket.on('open', () => resolve(101))
    webSocket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
  })
}

const upgradeHead = (more = '') =>
  'GET /mqtt HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n${more}\r\n`

async function raw(site: Site, text: string): Promise<{ readonly socket: Socket; readonly said: () => string }> {
  const socket = connectTcp({ host: '127.0.0.1', port: site.port })
  onTestFinished(() => void socket.destroy())
  let said = ''
  socket.on('error', () => undefined)
  socket.on('data', chunk => {
    said += chunk.toString('latin1')
  })
  socket.write(text)
  return { socket, said: () => said }
}

describe('MQTT over WebSocket', () => {
  it.each(levels)('carries what TCP carries, for a stock client of %s', async (_, level) => {
    const site = await open()
    const client = await site.stock(await site.thing('sensor'), { protocolVersion: level as 4 | 5 })
    await client.subscribeAsync('telemetry/#', { qos: 2 })
    const large = 'x'.repeat(200_000)
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`telemetry/${qos}`, `${qos}${large}`, { qos })
    const messages = await stockMessages(client, 3)
    expect(messages.map(({ topic, qos }) => [topic, qos])).toEqual([
      ['telemetry/0', 0],
      ['telemetry/1', 1],
      ['telemetry/2', 2],
    ])
    expect(messages.every(({ text }) => text.length === 200_001)).toBe(true)
    await client.endAsync()
    await vi.waitFor(() => expect(connections(site)).toBe(0))
  })

  it.each([
    [['mqtt'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
    [['mqttv3.1', 'mqtt'], 'mqtt'],
    [['other', 'mqtt'], 'mqtt'],
  ])('of %j takes %s', async (offered, spoken) => {
    const site = await open()
    const { webSocket, peer } = await dial(site, {}, offered)
    expect(webSocket.protocol).toBe(spoken)
    expect((await peer.connect(site.credentials(await site.thing('sensor')))).reasonCode).toBe(0)
  })

  it('does not care where messages begin', async () => {
    const site = await open()
    const { webSocket, peer } = await dial(site)
    const connect = peer.encodeConnect(site.credentials(await site.thing('sensor')))
    for (const byte of connect) webSocket.send(Uint8Array.of(byte))
    expect((await peer.take('connack')).reasonCode).toBe(0)
    await peer.subscribe('telemetry/#')
    const publish = (text: string) =>
      encodePacket(
        {
          type: 'publish',
          topic: 'telemetry/a',
          payload: Buffer.from(text),
          qos: 0,
          retain: false,
          dup: false,
          packetId: 0,
          properties: undefined,
        },
        5,
      )
    // Two and a half packets, the rest in frames of one message, with nothing in one of them.
    const all = Buffer.concat([publish('one'), publish('two'), publish('three')])
    webSocket.send(all.subarray(0, -7))
    webSocket.send(all.subarray(-7, -3), { fin: false })
    webSocket.send(Buffer.alloc(0), { fin: false })
    webSocket.send(all.subarray(-3))
    webSocket.send(Buffer.alloc(0))
    expect(await peer.texts(3)).toEqual(['one', 'two', 'three'])
  })

  it('ends with a close handshake behind what MQTT says', async () => {
    const site = await open()
    const thing = await site.thing('sensor')
    const first = await dial(site)
    await first.peer.connect(site.credentials(thing, { clientId: 'same' }))
    const second = await dial(site)
    await second.peer.connect(site.credentials(thing, { clientId: 'same' }))
    expect(await first.peer.closeReason()).toBe(0x8e)
    expect(await first.code).toBe(1000)
    second.peer.send({ type: 'disconnect', reasonCode: 0 })
    expect(await second.code).toBe(1000)
    const third = await dial(site)
    await third.peer.connect(site.credentials(thing))
    third.peer.raw([0x30, 0xff, 0xff, 0xff, 0x7f])
    expect(await third.peer.closeReason()).toBe(0x95)
    expect(await third.code).toBe(1009)
    const fourth = await dial(site)
    await fourth.peer.connect(site.credentials(thing))
    await site.hub.stop()
    expect(await fourth.peer.closeReason()).toBe(0x8b)
    expect(await fourth.code).toBe(1000)
    expect(site.faults).toEqual([])
  })

  it('does not wait for who does not answer the close', async () => {
    const site = await open({ connectTimeoutMs: 60_000 })
    const { socket } = await raw(site, upgradeHead())
    await vi.waitFor(() => expect(connections(site)).toBe(1))
    // A masked frame with what is no MQTT; then silence.
    socket.write(Uint8Array.of(0x82, 0x82, 0, 0, 0, 0, 0xf0, 0x00))
    await once(socket, 'close')
    await vi.waitFor(() => expect(connections(site)).toBe(0))
  })

  it('goes over TLS, where a certificate is as good as a key', async () => {
    const authority = await Authority.create()
    const tls = tlsIdentity({ ...(await authority.issueServer()), ca: authority.cert, clientCertificates: 'optional' })
    const door = httpListener({ port: 0, tls, upgrade: webSockets({ routes: [mqttOverWebSocket()] }) })
    const hub = await createHub({ store: memoryStore(), listeners: [door] })
    await hub.start()
    onTestFinished(() => hub.stop())
    await hub.control.things.create({ name: 'sensor-1' })
    const certificate = await authority.issue({ dnsNames: ['sensor-1'] })
    const webSocket = new WebSocket(`wss://localhost:${door.address!.port}/mqtt`, 'mqtt', {
      ca: authority.cert,
      ...certificate,
    })
    onTestFinished(() => webSocket.terminate())
    const stream = createWebSocketStream(webSocket)
    await once(webSocket, 'open')
    expect((await new TestPeer(stream, 5).connect({ clientId: 'one' })).reasonCode).toBe(0)
  })
})

describe('a WebSocket', () => {
  it('is refused where it is not wanted, in the words of HTTP, and counted', async () => {
    const site = await open({}, ['https://app.example'])
    expect(await statusOf(site, { path: '/other' })).toBe(404)
    expect(await statusOf(site, { path: '/mqtt/' })).toBe(404)
    expect(await statusOf(site, { subprotocols: [] })).toBe(400)
    expect(await statusOf(site, { subprotocols: ['mqttv5', 'MQTT'] })).toBe(400)
    expect(await statusOf(site, { origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf(site, { origin: 'null' })).toBe(403)
    expect(await statusOf(site, { origin: 'https://app.example.evil.example' })).toBe(403)
    expect(await statusOf(site, { headers: { 'x-long': 'x'.repeat(9_000) } })).toBe(431)
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, '1']))
    expect(await statusOf(site, { headers: many })).toBe(431)
    expect(['path', 'subprotocol', 'origin'].map(limit => refused(site, limit))).toEqual([2, 2, 3])
    expect(site.counter('thingmesh_http_refused_total')).toBe(2)
    expect(await statusOf(site, { origin: 'https://app.example' })).toBe(101)
    expect(await statusOf(site, {})).toBe(101)
    await vi.waitFor(() => expect(site.counter('thingmesh_http_connections')).toBe(2))
  })

  it('may come from any origin where that is said, and from none where nothing is', async () => {
    expect(await statusOf(await open({}, ['*']), { origin: 'https://any.example' })).toBe(101)
    expect(await statusOf(await open(), { origin: 'https://any.example' })).toBe(403)
  })

  it.each([
    ['a key that is none', upgradeHead().replace(/Key: .*/, 'Key: short'), '400'],
    ['an old version', upgradeHead().replace('Version: 13', 'Version: 7'), '400'],
    ['another method', upgradeHead().replace('GET', 'POST'), '405'],
  ])('is refused with %s', async (_, head, status) => {
    const site = await open()
    const { socket, said } = await raw(site, head)
    await once(socket, 'close')
    expect(said()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(refused(site, 'handshake')).toBe(1)
    await vi.waitFor(() => expect(site.counter('thingmesh_http_connections')).toBe(0))
  })

  it('does not stand in the way of HTTP, which goes on beside it and may ask for other upgrades', async () => {
    const site = await open()
    expect((await fetch(`http://127.0.0.1:${site.port}/mqtt`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${site.port}/health`)).status).toBe(200)
    const h2c =
      'GET /health HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n'
    const { said } = await raw(site, h2c)
    await vi.waitFor(() => expect(said()).toMatch(/^HTTP\/1\.1 200 /))
  })

  it('behind a request that is not answered yet is not taken for its answer', async () => {
    const site = await open()
    const { key } = await site.hub.control.things.create({ name: 'reader' })
    await site.hub.control.grants.create({ thing: 'reader', channel: 'telemetry', actions: ['read'] })
    const poll = `GET /channels/telemetry/messages?wait=20 HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing ${key.secret}\r\n\r\n`
    const { socket, said } = await raw(site, poll + upgradeHead())
    await once(socket, 'close')
    expect(said()).toBe('')
    expect(site.counter('thingmesh_http_refused_total', { limit: 'pipelining' })).toBe(1)
  })

  it('says nothing in text', async () => {
    const site = await open()
    const { webSocket, peer, code } = await dial(site)
    await peer.connect(site.credentials(await site.thing('sensor')))
    webSocket.send('text')
    expect(await code).toBe(1003)
    expect(refused(site, 'text')).toBe(1)
    await vi.waitFor(() => expect(connections(site)).toBe(0))
  })

  it('compresses nothing, and takes nothing compressed', async () => {
    const site = await open()
    const { webSocket } = await dial(site, { perMessageDeflate: true })
    expect(webSocket.extensions).toBe('')
    const { socket } = await raw(site, upgradeHead('Sec-WebSocket-Extensions: permessage-deflate\r\n'))
    await vi.waitFor(() => expect(connections(site)).toBe(2))
    // RSV1 set, as if there were an agreement.
    socket.write(Uint8Array.of(0xc2, 0x81, 0, 0, 0, 0, 0))
    await once(socket, 'close')
    expect(refused(site, 'malformed')).toBe(1)
  })

  it('takes no message beyond the limit, whatever it claims and in however many frames', async () => {
    const site = await open({ packetBytesMax: 20_000 })
    const thing = await site.thing('sensor')
    const claimed = await raw(site, upgradeHead())
    await vi.waitFor(() => expect(connections(site)).toBe(1))
    // A gigabyte to come, says the header (NATS CVE-2026-33219).
    claimed.socket.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0))
    await vi.waitFor(() => expect(refused(site, 'message-bytes')).toBe(1))
    const { webSocket, peer, code } = await dial(site)
    await peer.connect(site.credentials(thing))
    for (let i = 0; i < 3; i++) webSocket.send(Buffer.alloc(8_000), { fin: false })
    expect(await code).toBe(1009)
    expect(refused(site, 'message-bytes')).toBe(2)
    await vi.waitFor(() => expect(connections(site)).toBe(0))
  })

  it.each([
    ['messages', (webSocket: WebSocket) => webSocket.send(Buffer.alloc(1_000), { fin: false })],
    ['pings', (webSocket: WebSocket) => webSocket.ping(Buffer.alloc(100))],
  ])('is cut where %s come without end before it is known who comes', async (_, send) => {
    const site = await open({ connectTimeoutMs: 60_000 })
    const { webSocket, code } = await dial(site)
    webSocket.on('error', () => undefined)
    // As much as one read takes may be under way when the limit is noticed.
    for (let i = 0; i < 1_000; i++) send(webSocket)
    expect(await code).toBe(1006)
    expect(refused(site, 'unproven-bytes')).toBe(1)
    await vi.waitFor(() => expect(connections(site)).toBe(0))
  })

  it('answers pings, and not one by one whom does not read the answers', async () => {
    const site = await open()
    const { webSocket, peer } = await dial(site)
    await peer.connect(site.credentials(await site.thing('sensor')))
    webSocket.ping('are you there')
    expect(String((await once(webSocket, 'pong'))[0])).toBe('are you there')
    let pongs = 0
    webSocket.on('pong', () => {
      pongs += 1
    })
    webSocket.pause()
    const count = 100_000
    const data = Buffer.alloc(125)
    for (let i = 0; i < count; i++) webSocket.ping(data)
    await vi.waitFor(() => expect(webSocket.bufferedAmount).toBe(0), { timeout: 20_000 })
    webSocket.resume()
    // Behind all of them.
    expect(await peer.publish('telemetry/a', 'x')).toBe(0)
    expect(pongs).toBeGreaterThan(0)
    expect(pongs).toBeLessThan(count)
  })
})

describe('many WebSockets', () => {
  it('that say nothing are bounded by address and by time, and others come in', async () => {
    const site = await open({ connectTimeoutMs: 1_500, connectionsPerAddressMax: 60 })
    const silent = await Promise.all(Array.from({ length: 60 }, () => dial(site)))
    const late = await dial(site)
    expect(await late.code).toBe(1013)
    expect(refused(site, 'room')).toBe(1)
    expect(
      site.counter('thingmesh_mqtt_refused_total', { limit: 'connections-per-address', transport: 'websocket' }),
    ).toBe(1)
    expect(await Promise.all(silent.map(({ code }) => code))).toEqual(new Array(60).fill(1006))
    expect(site.counter('thingmesh_mqtt_refused_total', { limit: 'connect-timeout' })).toBe(60)
    await vi.waitFor(() => expect(connections(site)).toBe(0))
    await vi.waitFor(() => expect(site.counter('thingmesh_http_connections')).toBe(0))
    const { peer } = await dial(site)
    expect((await peer.connect(site.credentials(await site.thing('sensor')))).reasonCode).toBe(0)
  })
})

describe('a subscriber over WebSocket that stops reading', () => {
  it('holds nobody up, costs a bounded queue, and catches up without a gap', async () => {
    const site = await open({ socketBytesMax: 64 * 1024 })
    const thing = await site.thing('sensor')
    const { webSocket, peer } = await dial(site)
    await peer.connect(site.credentials(thing))
    await peer.subscribe('telemetry/#')
    const publisher = await dial(site)
    await publisher.peer.connect(site.credentials(thing))
    webSocket.pause()
    const filler = '.'.repeat(20_000)
    const count = 600
    for (let i = 0; i < count; i++) expect(await publisher.peer.publish('telemetry/a', `${i} ${filler}`)).toBe(0)
    webSocket.resume()
    const numbers = (await peer.takeAll(count)).map(packet => Number.parseInt(textOf(packet), 10))
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i))
    expect(site.faults).toEqual([])
  })

  it('misses at-most-once messages, which are counted, and hears the next ones', async () => {
    const site = await open({ socketBytesMax: 64 * 1024 })
    const thing = await site.thing('sensor')
    const { webSocket, peer } = await dial(site)
    await peer.connect(site.credentials(thing))
    await peer.subscribe('telemetry/#', { qos: 0 })
    const publisher = await dial(site)
    await publisher.peer.connect(site.credentials(thing))
    webSocket.pause()
    const dropped = () => site.counter('thingmesh_messages_dropped_total')
    const filler = Buffer.alloc(50_000)
    await vi.waitFor(
      async () => {
        for (let i = 0; i < 20; i++) publisher.peer.sendPublish('telemetry/a', filler, { qos: 0 })
        await publisher.peer.arrived()
        expect(dropped()).toBeGreaterThan(0)
      },
      { timeout: 20_000 },
    )
    webSocket.resume()
    await peer.arrived()
    peer.packets.length = 0
    expect(await publisher.peer.publish('telemetry/b', 'heard')).toBe(0)
    expect(textOf(await peer.take('publish'))).toBe('heard')
  })

  it('is cut when it does not go on in time', async () => {
    const site = await open({ socketBytesMax: 64 * 1024, drainTimeoutMs: 1_000 })
    const thing = await site.thing('sensor')
    const { webSocket, peer, code } = await dial(site)
    await peer.connect(site.credentials(thing))
    await peer.subscribe('telemetry/#')
    const publisher = await dial(site)
    await publisher.peer.connect(site.credentials(thing))
    webSocket.pause()
    const filler = Buffer.alloc(100_000)
    const cut = () => site.counter('thingmesh_mqtt_refused_total', { limit: 'drain-timeout' })
    for (let i = 0; i < 100; i++) await publisher.peer.publish('telemetry/a', filler)
    await vi.waitFor(() => expect(cut()).toBe(1), { timeout: 10_000 })
    webSocket.resume()
    expect(await code).toBe(1006)
    await vi.waitFor(() => expect(connections(site)).toBe(1))
  })
})
