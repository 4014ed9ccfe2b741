import { readFile } from 'node:fs/promises'
import { connect } from '@thingmesh/client-node'
import { createHub } from '@thingmesh/server-kit'
import { coapListener } from '@thingmesh/server-kit/coap'
import { httpListener } from '@thingmesh/server-kit/http'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { mqttListener } from '@thingmesh/server-kit/mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { sessionAuthenticator } from '../embed/sessions.ts'

async function startShop() {
  const [mqtt, http, coap] = [mqttListener({ port: 0 }), httpListener({ port: 0 }), coapListener({ port: 0 })]
  const authenticate = [sessionAuthenticator(async token => (token === 'shop_1' ? 'ada' : undefined))]
  const hub = await createHub({ store: memoryStore(), listeners: [mqtt, http, coap], authenticate })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'sensor-1' })
  await hub.control.grants.create({ thing: 'sensor-1', channel: 'telemetry', actions: ['publish'] })
  return {
    urls: {
      mqtt: `mqtt://127.0.0.1:${mqtt.address!.port}`,
      http: `http://127.0.0.1:${http.address!.port}`,
      coap: `coap://127.0.0.1:${coap.address!.port}`,
    },
    key: key.secret,
    adminToken: hub.adminToken!,
  }
}

/** As the password, `Bearer`, and `?auth=`. */
async function publishAs(secret: string, urls: { mqtt: string; http: string; coap: string }): Promise<void> {
  const ways = [
    { url: urls.mqtt, options: { key: secret } },
    { url: urls.http, options: { token: secret } },
    { url: urls.coap, options: { key: secret } },
  ]
  for (const { url, options } of ways) {
    await using client = await connect(url, options)
    await client.channel('telemetry').publish({ t: 21.5 }, { subtopic: 'room1' })
  }
}

it('lets in a session over MQTT, HTTP and CoAP, and none that is over', async () => {
  const { urls } = await startShop()
  await publishAs('shop_1', urls)
  await expect(publishAs('shop_2', urls)).rejects.toMatchObject({ code: 'unauthenticated' })
})

it("leaves a thing's key and an operator's token to the hub, wherever the secret stands", async () => {
  const { urls, key, adminToken } = await startShop()
  await publishAs(key, urls)
  await publishAs(adminToken, urls)
})

it('stands in the guide as it is', async () => {
  const guide = await readFile(new URL('../../docs/EMBEDDING.md', import.meta.url), 'utf8')
  expect(guide).toContain(await readFile(new URL('../embed/sessions.ts', import.meta.url), 'utf8'))
})
