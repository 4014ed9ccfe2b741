import { type Client, type ConnectOptions, connect } from '@thingmesh/client-node'
import { createHub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { mqttListener, mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { tlsIdentity } from '@thingmesh/server-kit/tls'
import { webSockets } from '@thingmesh/server-kit/websocket'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Authority, type Issued } from '../../server-kit/test/support/certificates.ts'
import { quick, take } from './support/site.ts'

let servers: Authority
let things: Authority
let server: Issued
beforeAll(async () => {
  servers = await Authority.create('servers')
  things = await Authority.create('things')
  server = await servers.issueServer()
})

const schemes = ['mqtts', 'wss', 'https'] as const

/** A hub behind TLS that takes keys and certificates, with a thing for either. */
async function startSite() {
  const identity = tlsIdentity({ ...server, ca: things.cert, clientCertificates: 'optional' })
  const mqtt = mqttListener({ port: 0, tls: identity })
  const upgrade = webSockets({ routes: [mqttOverWebSocket()] })
  const http = httpListener({ port: 0, tls: identity, upgrade, heartbeatMs: 100, stopTimeoutMs: 200 })
  const hub = await createHub({ store: memoryStore(), listeners: [mqtt, http], onFault: () => undefined })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' })
  const { id, key } = await hub.control.things.create({ name: 'sensor' })
  await hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  const ports = { mqtts: mqtt.address!.port, wss: http.address!.port, https: http.address!.port }
  const open = async (scheme: (typeof schemes)[number], options: ConnectOptions): Promise<Client> => {
    const client = await connect(`${scheme}://localhost:${ports[scheme]}`, { ...quick, timeoutMs: 4_000, ...options })
    onTestFinished(() => client.close())
    return client
  }
  return { open, id, key: key.secret }
}

async function works(client: Client): Promise<void> {
  const telemetry = client.channel('telemetry')
  const messages = telemetry.subscribe()
  await messages.confirmed
  await telemetry.publish('through')
  expect(await take(messages, 1)).toEqual(['through'])
}

describe.each(schemes)('a client over %s', scheme => {
  it('refuses at once what is no certificate, and a key that is not its own', async () => {
    const { open } = await startSite()
    const { cert, key } = await things.issue({ uris: ['urn:thingmesh:thing:a'], commonName: 'a' })
    await expect(open(scheme, { tls: { ca: 'servers.pem' } })).rejects.toThrow(/^tls\.ca is no certificate, as PEM: /)
    await expect(open(scheme, { tls: { ca: [servers.cert, Buffer.of()] } })).rejects.toThrow(TypeError)
    const text = /^tls\.cert and tls\.certKey are no certificate and its key, as PEM: /
    for (const pair of [
      { cert, certKey: server.key },
      { cert: key, certKey: key },
      { cert: 'x', certKey: key },
    ]) {
      await expect(open(scheme, { tls: { ca: servers.cert, ...pair } })).rejects.toThrow(text)
    }
  })

  const who = (key: string): ConnectOptions => (scheme === 'https' ? { key } : { thing: 'sensor', key })

  it('trusts whom it is told to, by key', async () => {
    const { open, key } = await startSite()
    await works(
      await open(scheme, { ...who(key), tls: { ca: servers.cert, alpn: scheme === 'mqtts' ? ['mqtt'] : undefined } }),
    )
  })

  it('is known by its certificate', async () => {
    const { open, id } = await startSite()
    const { cert, key } = await things.issue({ uris: [`urn:thingmesh:thing:${id}`], commonName: 'sensor' })
    await works(await open(scheme, { tls: { ca: servers.cert, cert, certKey: key } }))
  })

  it('does not talk to whom it does not trust, nor by another name', async () => {
    const { open, key } = await startSite()
    const state = { state: 'offline', reason: { code: 'unavailable' } }
    for (const tls of [{}, { ca: things.cert }, { ca: servers.cert, serverName: 'elsewhere.example' }]) {
      const client = await open(scheme, { ...who(key), tls })
      expect(client.currentStatus).toMatchObject(state)
    }
  })
})
