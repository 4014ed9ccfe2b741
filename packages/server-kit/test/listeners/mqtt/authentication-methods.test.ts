import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { AuthPacket, Properties } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { ed25519Message } from '../../../src/auth/ed25519.ts'
import { ScramClient } from '../../support/scram-client.ts'
import { type Site, startSite } from './fixture.ts'
import { bytes, type ConnectOptions, type TestPeer } from './peer.ts'

const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data)

/** Says what a client of the method says: at CONNECT, and to each challenge. */
interface Client {
  readonly method: string
  readonly username?: string
  readonly first?: string
  answer(challenge: Uint8Array): Uint8Array
}

function scram(name: string, secret: string): Client & { readonly scram: ScramClient } {
  const client = new ScramClient(name, secret)
  const answer = (challenge: Uint8Array) => bytes(client.final(text(challenge)))
  return { method: 'SCRAM-SHA-256', first: client.first, scram: client, answer }
}

function ed25519(username: string, privateKey: KeyObject): Client {
  return {
    method: 'THINGMESH-ED25519',
    username,
    answer(challenge) {
      const length = (challenge[0]! << 8) | challenge[1]!
      const hub = text(challenge.subarray(2, 2 + length))
      const nonce = challenge.subarray(2 + length)
      return sign(null, ed25519Message({ hub, identity: username, clientId: 'prover', nonce }), privateKey)
    },
  }
}

const dataOf = ({ properties }: { readonly properties?: Properties | undefined }) => properties!.authenticationData!

function auth({ method }: Client, reasonCode: number, data: Uint8Array | undefined): AuthPacket {
  return { type: 'auth', reasonCode, properties: { authenticationMethod: method, authenticationData: data } }
}

async function prove(peer: TestPeer, client: Client, options: ConnectOptions = {}) {
  const { method, username, first } = client
  const authenticationData = first === undefined ? undefined : bytes(first)
  const properties = { authenticationMethod: method, authenticationData }
  peer.sendConnect({ clientId: 'prover', username, properties, ...options })
  peer.send(auth(client, 0x18, client.answer(dataOf(await peer.take('auth')))))
  return peer.take('connack')
}

async function proveAnew(peer: TestPeer, client: Client): Promise<void> {
  peer.send(auth(client, 0x19, client.first === undefined ? undefined : bytes(client.first)))
  peer.send(auth(client, 0x18, client.answer(dataOf(await peer.take('auth')))))
}

async function register(site: Site, name: string, expiresInSeconds?: number) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = await site.hub.control.keys.register(name, {
    publicKey: publicKey.export({ format: 'jwk' }).x!,
    expiresInSeconds,
  })
  return { key, privateKey }
}

describe('SCRAM-SHA-256', () => {
  it('lets a thing in by its key, which is not sent, and proves the hub to it', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.open()
    const client = scram('sensor', thing.key)
    const connack = await prove(peer, client)
    expect(connack.reasonCode).toBe(0)
    expect(client.scram.accepts(text(dataOf(connack)))).toBe(true)
    expect(await peer.publish('telemetry/a', 'in')).toBe(0)
  })

  it('serves MQTT.js', async () => {
    const site = await startSite()
    const { key } = await site.thing('sensor')
    const { method, first, answer } = scram('sensor', key)
    const client = await site.stock(
      { name: 'sensor', key: '' },
      { properties: { authenticationMethod: method, authenticationData: Buffer.from(first!) } },
      (packet, reply) => {
        const authenticationData = Buffer.from(answer(packet.properties!.authenticationData as Buffer))
        reply(undefined, {
          cmd: 'auth',
          reasonCode: 0x18,
          properties: { authenticationMethod: method, authenticationData },
        })
      },
    )
    await client.publishAsync('telemetry/a', 'x', { qos: 1 })
  })

  it('refuses the wrong key and whoever is unknown alike, and slows down who guesses', async () => {
    const site = await startSite()
    await site.startBystander()
    const { key } = await site.thing('sensor')
    for (let i = 0; i < 10; i++) {
      const peer = await site.open()
      expect(await prove(peer, scram(i < 9 ? 'nobody' : 'sensor', 'guess'))).toMatchObject({ reasonCode: 0x86 })
      expect(await peer.closed()).toEqual([])
    }
    // Nine guesses at one and one at the other: neither has had ten.
    expect((await prove(await site.open(), scram('nobody', 'guess'))).reasonCode).toBe(0x86)
    expect((await prove(await site.open(), scram('sensor', key))).reasonCode).toBe(0)
    const late = await site.open()
    late.sendConnect({
      properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: bytes(scram('nobody', '').first!) },
    })
    expect((await late.take('connack')).reasonCode).toBe(0x97)
    await site.expectUndisturbed()
  })
})

describe('THINGMESH-ED25519', () => {
  it('lets a thing in by the private key of a public one, and cuts it when that is revoked', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { key, privateKey } = await register(site, 'sensor')
    const peer = await site.open()
    const connack = await prove(peer, ed25519('sensor', privateKey))
    expect(connack).toMatchObject({ reasonCode: 0, properties: { authenticationMethod: 'THINGMESH-ED25519' } })
    expect(connack.properties).not.toHaveProperty('authenticationData')
    expect(await peer.publish('telemetry/a', 'in')).toBe(0)
    const byPassword = await site.connect(thing)
    await site.hub.control.keys.revoke('sensor', key.id)
    expect(await peer.closeReason()).toBe(0x87)
    expect(await byPassword.publish('telemetry/a', 'still')).toBe(0)
    expect((await prove(await site.open(), ed25519('sensor', privateKey))).reasonCode).toBe(0x86)
  })

  it('is a session like any other: it is the thing, however it proves itself', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const { privateKey } = await register(site, 'sensor')
    const properties = { sessionExpiryInterval: 60 }
    const before = await site.connect(thing, { clientId: 'prover', cleanStart: false, properties })
    await before.subscribe('telemetry/#')
    const peer = await site.open()
    const connack = await prove(peer, ed25519('sensor', privateKey), {
      cleanStart: false,
      properties: { authenticationMethod: 'THINGMESH-ED25519', sessionExpiryInterval: 60 },
    })
    expect(connack.sessionPresent).toBe(true)
    expect(await before.closeReason()).toBe(0x8e)
  })

  it('refuses the key of another, and a public key as password', async () => {
    const site = await startSite()
    await site.thing('sensor')
    await site.thing('other')
    const { key } = await register(site, 'sensor')
    const other = await register(site, 'other')
    expect((await prove(await site.open(), ed25519('sensor', other.privateKey))).reasonCode).toBe(0x86)
    for (const password of [key.publicKey!, `tmk_${key.id}_${key.publicKey}`]) {
      const peer = await site.open()
      expect((await peer.connect({ username: 'sensor', password })).reasonCode).toBe(0x86)
    }
  })

  it('outlives the key that it came with, once it has proved itself with the next one', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const [secret] = await site.hub.control.keys.list('sensor')
    await site.hub.control.keys.revoke(thing.name, secret!.id)
    const old = await register(site, 'sensor')
    const next = await register(site, 'sensor')
    const peers = [await site.open(), await site.open()]
    await prove(peers[0]!, ed25519('sensor', old.privateKey))
    const client = ed25519('sensor', old.privateKey)
    peers[1]!.sendConnect({
      clientId: 'other',
      username: 'sensor',
      properties: { authenticationMethod: client.method },
    })
    const challenge = dataOf(await peers[1]!.take('auth'))
    // Signed for another client id than it is.
    peers[1]!.send(auth(client, 0x18, client.answer(challenge)))
    expect((await peers[1]!.take('connack')).reasonCode).toBe(0x86)
    await proveAnew(peers[0]!, ed25519('sensor', next.privateKey))
    expect((await peers[0]!.take('auth')).reasonCode).toBe(0)
    await site.hub.control.keys.revoke('sensor', old.key.id)
    expect(await peers[0]!.publish('telemetry/a', 'still')).toBe(0)
    await site.hub.control.keys.revoke('sensor', next.key.id)
    expect(await peers[0]!.closeReason()).toBe(0x87)
  })
})

it('nothing of a secret is in what the hub reports, whatever is said', async () => {
  const site = await startSite()
  const { key } = await site.thing('sensor')
  const said: string[] = []
  const clients = [scram('sensor', key), { ...scram('sensor', key), answer: () => bytes(`c=biws,r=${key},p=${key}`) }]
  for (const client of clients) {
    const peer = await site.open()
    const connack = await prove(peer, client)
    said.push(JSON.stringify(connack), ...site.faults)
  }
  expect(said.join()).not.toContain(key.slice(-43))
  expect(site.faults).toEqual([])
})
