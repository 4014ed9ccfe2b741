import { createHmac, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createHub } from '@thingmesh/server-kit'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { mqttListener } from '@thingmesh/server-kit/mqtt'
import { connect, type MqttClient } from 'mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { hmacAuthenticator } from '../embed/challenge.ts'

const authenticationMethod = 'EXAMPLE-HMAC-SHA-256'

async function startPlant(secret: Uint8Array): Promise<number> {
  const mqtt = mqttListener({ port: 0 })
  const authenticate = [hmacAuthenticator(device => (device === 'press-1' ? secret : undefined))]
  const hub = await createHub({ store: memoryStore(), listeners: [mqtt], authenticate })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' })
  return mqtt.address!.port
}

/** A stock client that knows the method. */
async function connectAs(username: string, secret: Uint8Array, port: number): Promise<MqttClient> {
  const properties = { authenticationMethod }
  const client = connect({ host: '127.0.0.1', port, protocolVersion: 5, reconnectPeriod: 0, username, properties })
  client.handleAuth = (packet, answer) => {
    const nonce = packet.properties?.authenticationData
    const authenticationData = createHmac('sha256', secret)
      .update(nonce as Buffer)
      .digest()
    answer(undefined, { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod, authenticationData } })
  }
  onTestFinished(() => void client.end(true))
  await new Promise((resolve, reject) => client.once('connect', resolve).on('error', reject))
  return client
}

it('lets in who knows the secret, and nobody else', async () => {
  const secret = randomBytes(32)
  const port = await startPlant(secret)
  const press = await connectAs('press-1', secret, port)
  await press.publishAsync('telemetry/press', '1', { qos: 1 })
  await expect(connectAs('press-1', randomBytes(32), port)).rejects.toMatchObject({ code: 0x86 })
  await expect(connectAs('press-2', secret, port)).rejects.toMatchObject({ code: 0x86 })
})

it('stands in the guide as it is', async () => {
  const guide = await readFile(new URL('../../docs/EMBEDDING.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('../embed/challenge.ts', import.meta.url), 'utf8')
  expect(guide).toContain(source)
})
