import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ClientCertificates } from '../../../src/contracts/index.ts'
import type { MqttListenerOptions } from '../../../src/listeners/mqtt/index.ts'
import { type ReloadableTlsIdentity, tlsIdentity } from '../../../src/tls/index.ts'
import { Authority, type Issued } from '../../support/certificates.ts'
import { levels, type Site, startSite, stockMessages, type Thing } from './fixture.ts'
import { type ConnectOptions, TestPeer, textOf } from './peer.ts'

let servers: Authority
let things: Authority
let server: Issued
beforeAll(async () => {
  servers = await Authority.create('servers')
  things = await Authority.create('things')
  server = await servers.issueServer()
})

interface Secured {
  readonly site: Site
  readonly identity: ReloadableTlsIdentity
}

async function secured(mode: ClientCertificates = 'off', listener: MqttListenerOptions = {}): Promise<Secured> {
  const identity = tlsIdentity({
    ...server,
    ...(mode !== 'off' && { ca: things.cert }),
    clientCertificates: mode,
    sni: {
      'other.example': await servers.issueServer(['other.example']),
      '*.wild.example': await servers.issueServer(['a.wild.example']),
    },
  })
  return { site: await startSite({ listener: { tls: identity, ...listener } }), identity }
}

/** Settles when the handshake is done, as the client sees it. */
async function handshake(site: Site, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: site.port,
    ca: servers.cert,
    servername: 'localhost',
    ...options,
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  socket.on('error', () => undefined)
  return socket
}

const open = async (site: Site, options?: ConnectionOptions, level: 4 | 5 = 5) =>
  new TestPeer(await handshake(site, options), level)

/** CONNACK's reason for a client with this certificate. */
async function reasonFor(site: Site, certificate: Issued | undefined, options: ConnectOptions = {}): Promise<number> {
  const peer = await open(site, certificate)
  return (await peer.connect({ clientId: 'certified', ...options })).reasonCode
}

const refused = (site: Site, limit: string) => site.counter('thingmesh_mqtt_refused_total', { limit, transport: 'tls' })
const failed = (site: Site, limit: string) => vi.waitFor(() => expect(refused(site, limit)).toBe(1), { timeout: 8_000 })
const nobodyLeft = (site: Site) => vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(0))

async function idOf(site: Site, { name }: Thing): Promise<string> {
  return (await site.hub.control.things.get(name)).id
}

describe('MQTT over TLS', () => {
  it.each(levels)('carries what TCP carries, for a stock client of %s', async (_, level) => {
    const { site } = await secured()
    const thing = await site.thing('sensor')
    const client = await site.stock(thing, {
      protocol: 'mqtts',
      protocolVersion: level as 4 | 5,
      servername: 'localhost',
      ca: servers.cert,
    })
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
    await nobodyLeft(site)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s, and nothing before', async version => {
    const { site } = await secured()
    const socket = await handshake(site, { minVersion: version, maxVersion: version })
    expect(socket.getProtocol()).toBe(version)
    socket.destroy()
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(handshake(site, old)).rejects.toThrow(/version/i)
    await failed(site, 'tls-version')
    await nobodyLeft(site)
  })

  it('agrees on the protocol mqtt with who offers any', async () => {
    const { site } = await secured()
    expect((await handshake(site, { ALPNProtocols: ['mqtt'] })).alpnProtocol).toBe('mqtt')
    expect((await handshake(site, { ALPNProtocols: ['h2', 'mqtt'] })).alpnProtocol).toBe('mqtt')
    expect((await handshake(site)).alpnProtocol).toBe(false)
    await expect(handshake(site, { ALPNProtocols: ['h2', 'http/1.1'] })).rejects.toThrow()
    await failed(site, 'alpn')
  })

  it.each([
    ['localhost', 'localhost'],
    ['other.example', 'other.example'],
    ['OTHER.example', 'other.example'],
    ['a.wild.example', 'a.wild.example'],
    ['unknown.example', 'localhost'],
    ['wild.example', 'localhost'],
    ['a.b.wild.example', 'localhost'],
  ])('answers %s with the certificate for %s', async (servername, expected) => {
    const { site } = await secured()
    const socket = await handshake(site, { servername, checkServerIdentity: () => undefined })
    expect(socket.getPeerX509Certificate()?.subject).toBe(`CN=${expected}`)
  })

  it('is not taken for what it is not: a client finds out by name and by authority', async () => {
    const { site } = await secured()
    await expect(handshake(site, { servername: 'elsewhere.example' })).rejects.toThrow(/altnames/)
    await expect(handshake(site, { ca: things.cert })).rejects.toThrow(/verify|issuer/)
    await nobodyLeft(site)
  })

  it('reads a new certificate while it runs: what is open stays, what is new meets it', async () => {
    const { site, identity } = await secured()
    const peer = await site.connectOver(() => handshake(site), await site.thing('sensor'))
    await peer.subscribe('telemetry/#')
    identity.reload(await servers.issueServer(['renewed.example']))
    const later = await handshake(site, { servername: 'renewed.example' })
    expect(later.getPeerX509Certificate()?.subject).toBe('CN=renewed.example')
    expect(await peer.publish('telemetry/a', 'still here')).toBe(0)
    expect(textOf(await peer.take('publish'))).toBe('still here')
    // One that cannot be used changes nothing.
    expect(() => identity.reload({ cert: 'no certificate', key: server.key })).toThrow(/cannot be used/)
    const mixed = { cert: server.cert, key: (await servers.issueServer()).key }
    expect(() => identity.reload(mixed)).toThrow(/cannot be used/)
    const last = await handshake(site, { servername: 'renewed.example' })
    expect(last.getPeerX509Certificate()?.subject).toBe('CN=renewed.example')
  })

  it('says its farewell on TLS too when the hub stops', async () => {
    const { site } = await secured()
    const peer = await site.connectOver(() => handshake(site), await site.thing('sensor'))
    await site.hub.stop()
    expect(await peer.closeReason()).toBe(0x8b)
  })
})

describe('handshakes', () => {
  it.each([
    [
      'a plain MQTT client',
      Uint8Array.of(0x10, 16, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 4, 0x61, 0x62, 0x63, 0x64),
    ],
    ['an HTTP client', new TextEncoder().encode('GET / HTTP/1.1\r\nHost: hub\r\n\r\n')],
  ])('%s that has the wrong port is closed and counted', async (_, first) => {
    const { site } = await secured()
    const socket = connectTcp({ host: '127.0.0.1', port: site.port })
    socket.on('error', () => undefined)
    socket.write(first)
    socket.resume()
    await once(socket, 'close')
    await failed(site, 'not-tls')
    await nobodyLeft(site)
  })

  it('that do not come to an end count into the time to connect, and give their places back', async () => {
    const { site } = await secured('off', { connectTimeoutMs: 1_000, connectionsPerAddressMax: 40 })
    const hello = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)
    const sockets = Array.from({ length: 40 }, (_, i) => {
      const socket = connectTcp({ host: '127.0.0.1', port: site.port })
      socket.on('error', () => undefined).resume()
      if (i % 2 === 0) socket.write(hello)
      return once(socket, 'close')
    })
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(40))
    await expect(handshake(site)).rejects.toThrow()
    expect(refused(site, 'connections-per-address')).toBe(1)
    await Promise.all(sockets)
    await vi.waitFor(() => expect(refused(site, 'handshake-timeout')).toBe(40))
    await nobodyLeft(site)
    expect((await site.connectOver(() => handshake(site), await site.thing('sensor'))).isClosed).toBe(false)
  })

  it('that are done leave only what is left of the time to connect', async () => {
    const { site } = await secured('off', { connectTimeoutMs: 1_000 })
    const socket = await handshake(site)
    await once(socket.resume(), 'close')
    expect(refused(site, 'connect-timeout')).toBe(1)
    await nobodyLeft(site)
  })

  it('that are cut off in the middle leave nothing behind', async () => {
    const { site } = await secured()
    const sockets = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connectTcp({ host: '127.0.0.1', port: site.port })
        await once(socket, 'connect')
        socket.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1))
        return socket
      }),
    )
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(50))
    for (const socket of sockets) socket.resetAndDestroy()
    await vi.waitFor(() => expect(refused(site, 'handshake')).toBe(50))
    await nobodyLeft(site)
    expect(site.faults).toEqual([])
  })

  it('with more than may come before it is known who comes are refused', async () => {
    const { site } = await secured('optional')
    const heavy = await things.issue({ paddingBytes: 70_000 })
    const socket = await handshake(site, heavy)
    await once(socket.resume(), 'close')
    await failed(site, 'handshake-bytes')
    await nobodyLeft(site)
  })

  it('may be under way when the hub stops', async () => {
    const { site } = await secured()
    const socket = connectTcp({ host: '127.0.0.1', port: site.port })
    socket.on('error', () => undefined).resume()
    await vi.waitFor(() => expect(site.counter('thingmesh_mqtt_connections')).toBe(1))
    await Promise.all([once(socket, 'close'), site.hub.stop()])
    expect(site.faults).toEqual([])
  })
})

describe('client certificates', () => {
  it.each(['optional', 'required'] as const)('prove the thing that they name, where they are %s', async mode => {
    const { site } = await secured(mode)
    const thing = await site.thing('sensor-1')
    const id = await idOf(site, thing)
    const byId = await things.issue({ uris: [`urn:thingmesh:thing:${id}`] })
    const peer = await open(site, byId)
    expect((await peer.connect({ clientId: 'one' })).reasonCode).toBe(0)
    expect(await peer.publish('telemetry/a', 'certified')).toBe(0)
    expect(await reasonFor(site, await things.issue({ dnsNames: ['sensor-1'] }))).toBe(0)
    const host = await things.issue({
      uris: [`urn:thingmesh:thing:${id}`, 'https://a.example/'],
      dnsNames: ['host.example'],
    })
    expect(await reasonFor(site, host)).toBe(0)
    // Before MQTT 5 likewise.
    const old = await open(site, byId, 4)
    expect((await old.connect({ clientId: 'old' })).reasonCode).toBe(0)
  })

  it('prove nobody by anything but an exact name', async () => {
    const { site } = await secured('required')
    const thing = await site.thing('sensor-1')
    const other = await site.thing('sensor-2')
    const [id, otherId] = [await idOf(site, thing), await idOf(site, other)]
    const uri = `urn:thingmesh:thing:${id}`
    const ia5 = (tag: number, text: string) => Buffer.concat([Buffer.of(tag, text.length), Buffer.from(text, 'latin1')])
    const names = (...list: Buffer[]) => {
      const all = Buffer.concat(list)
      return Buffer.concat([Buffer.of(0x30, all.length), all])
    }
    const impostors = [
      { commonName: 'sensor-1' },
      { commonName: uri },
      { dnsNames: ['SENSOR-1'] },
      { dnsNames: ['sensor-1.example'] },
      { dnsNames: ['sensor-1', 'sensor-2'] },
      { dnsNames: ['*'] },
      { dnsNames: [id] },
      { uris: [`URN:thingmesh:thing:${id}`] },
      { uris: [`urn:thingmesh:thing:sensor-1`] },
      { uris: [`${uri}x`] },
      { uris: [`${uri}?+x`] },
      { uris: ['urn:thingmesh:thing:'] },
      { uris: [uri, `urn:thingmesh:thing:${otherId}`] },
      // An id that is nobody's is not made up for by a name.
      { uris: [`urn:thingmesh:thing:${'0'.repeat(32)}`], dnsNames: ['sensor-1'] },
      // CVE-2021-44532: one name that in text looks like two. CVE-2009-2408: one that ends early for who reads it as a C string.
      { rawNames: names(ia5(0x86, `https://x/, URI:${uri}`)) },
      { rawNames: names(ia5(0x82, 'x, DNS:sensor-1')) },
      { rawNames: names(ia5(0x82, 'sensor-1\0.example')) },
      { rawNames: names(ia5(0x82, 'sensor-1\0')) },
      // An address of mail is not a name of a host.
      { rawNames: names(ia5(0x81, 'sensor-1')) },
      // Not all of it is as it should be.
      { rawNames: names(ia5(0x82, 'sensor-1'), ia5(0x82, '')) },
      { rawNames: Buffer.concat([names(ia5(0x82, 'sensor-1')), Buffer.of(5, 0)]) },
    ]
    for (const impostor of impostors) {
      expect(await reasonFor(site, await things.issue(impostor)), JSON.stringify(impostor)).toBe(0x86)
    }
    expect(site.counter('thingmesh_messages_in_total')).toBe(0)
  })

  it.each(['optional', 'required'] as const)('that do not verify are not let in, where they are %s', async mode => {
    const { site } = await secured(mode)
    const thing = await site.thing('sensor-1')
    const uris = [`urn:thingmesh:thing:${await idOf(site, thing)}`]
    const hour = 3_600_000
    const wrong: readonly Issued[] = [
      await (await Authority.create('things')).issue({ uris }),
      await servers.issue({ uris }),
      await things.issue({ uris, notAfterMs: Date.now() - hour }),
      await things.issue({ uris, notBeforeMs: Date.now() + hour }),
      // Made for a server to show.
      await things.issue({ uris, usage: 'server' }),
    ]
    for (const [i, certificate] of wrong.entries()) {
      const peer = await open(site, certificate)
      peer.sendConnect({ username: thing.name, password: thing.key })
      expect(await peer.closed()).toEqual([])
      await vi.waitFor(() => expect(refused(site, 'certificate')).toBe(i + 1))
    }
    await nobodyLeft(site)
  })

  it('that are required have to be shown, and a key does not do instead', async () => {
    const { site } = await secured('required')
    const thing = await site.thing('sensor-1')
    const peer = await open(site)
    peer.sendConnect({ username: thing.name, password: thing.key })
    expect(await peer.closed()).toEqual([])
    await failed(site, 'certificate')
  })

  it('go with a password that counts, and with no other name', async () => {
    const { site } = await secured('optional')
    const [one, two] = [await site.thing('one'), await site.thing('two')]
    const certificate = await things.issue({ dnsNames: ['one'] })
    expect(await reasonFor(site, certificate, { username: 'one' })).toBe(0)
    expect(await reasonFor(site, certificate, { username: await idOf(site, one) })).toBe(0)
    expect(await reasonFor(site, certificate, { username: 'two' })).toBe(0x86)
    expect(await reasonFor(site, certificate, { username: '' })).toBe(0x86)
    expect(await reasonFor(site, certificate, { username: 'two', password: two.key })).toBe(0)
    expect(await reasonFor(site, certificate, { username: 'one', password: 'guess' })).toBe(0x86)
    expect(await reasonFor(site, undefined, { username: 'two', password: two.key })).toBe(0)
    expect(await reasonFor(site, undefined, { username: 'one' })).toBe(0x86)
  })

  it('are worth what their thing is: it is disabled, and the session ends', async () => {
    const { site } = await secured('required')
    await site.thing('sensor-1')
    const certificate = await things.issue({ dnsNames: ['sensor-1'] })
    const peer = await open(site, certificate)
    expect((await peer.connect({ clientId: 'one' })).reasonCode).toBe(0)
    await site.hub.control.things.update('sensor-1', { enabled: false })
    expect(await peer.closeReason()).toBe(0x87)
    expect(await reasonFor(site, certificate)).toBe(0x86)
    await site.hub.control.things.update('sensor-1', { enabled: true })
    expect(await reasonFor(site, certificate)).toBe(0)
    await site.hub.control.things.remove('sensor-1')
    expect(await reasonFor(site, certificate)).toBe(0x86)
  })

  it('end, and the session with them', async () => {
    const { site } = await secured('required')
    await site.thing('sensor-1')
    // Whole seconds, as certificates have them.
    const certificate = await things.issue({
      dnsNames: ['sensor-1'],
      notAfterMs: (Math.floor(Date.now() / 1000) + 3) * 1000,
    })
    const peer = await open(site, certificate)
    expect((await peer.connect({ clientId: 'one' })).reasonCode).toBe(0)
    expect(await peer.closeReason()).toBe(0x87)
  })

  it('of an authority that is gone after a reload are not taken, not even for a session that is resumed', async () => {
    const { site, identity } = await secured('required')
    await site.thing('sensor-1')
    const certificate = await things.issue({ dnsNames: ['sensor-1'] })
    const first = await handshake(site, certificate)
    const sessions: Buffer[] = []
    first.on('session', session => sessions.push(session))
    expect((await new TestPeer(first, 5).connect({ clientId: 'one' })).reasonCode).toBe(0)
    identity.reload({ ...server, ca: (await Authority.create('others')).cert })
    const session = sessions.at(-1)
    const peer = await open(site, { ...certificate, ...(session && { session }) })
    peer.sendConnect({ clientId: 'two' })
    expect(await peer.closed()).toEqual([])
    await failed(site, 'certificate')
  })
})
