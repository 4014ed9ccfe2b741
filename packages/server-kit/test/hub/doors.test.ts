import { type Admin, connectHttp, createAdmin } from '@thingmesh/core'
import mqtt, { type MqttClient } from 'mqtt'
import { expect, it, onTestFinished, vi } from 'vitest'
import { httpListener } from '../../src/listeners/http/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { gatedStore } from '../support/gated-store.ts'
import { bytes, startHub } from '../support/hub.ts'

async function startDoors() {
  const mqttDoor = mqttListener({ port: 0 })
  const httpDoor = httpListener({ port: 0 })
  const test = await startHub({ listeners: [mqttDoor, httpDoor] })
  const url = `http://127.0.0.1:${httpDoor.address!.port}`
  return {
    ...test,
    url,
    admin: createAdmin(url, { token: test.hub.adminToken! }) satisfies Admin,
    async mqtt(username: string, password: string, protocolVersion: 4 | 5 = 5): Promise<MqttClient> {
      const options = { username, password, protocolVersion, reconnectPeriod: 0 }
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttDoor.address!.port}`, options, false)
      onTestFinished(() => client.endAsync(true))
      return client
    },
  }
}

it('what is published again under its key, by whatever door, is the message that it was', async () => {
  const { thing, connect, url, mqtt } = await startDoors()
  const secret = await thing('sensor')
  const memory = await connect(secret)
  const device = await mqtt('sensor', secret)
  const http = connectHttp(url, { key: secret })
  const { id } = await http.publish('telemetry/a', 'one', { key: 'k' })
  expect(await http.publish('telemetry/a', 'one', { key: 'k' })).toEqual({ id })
  expect(await memory.publish('telemetry/a', bytes('one'), { key: 'k' })).toEqual({ id })
  const userProperties = { 'idempotency-key': 'k' }
  await device.publishAsync('telemetry/a', 'one', { qos: 1, properties: { userProperties } })
  await device.publishAsync('telemetry/a', 'one', { qos: 2, properties: { userProperties } })

  const results = await http.publishBatch('telemetry', [
    { subtopic: 'a', payload: 'one', key: 'k' },
    { subtopic: 'a', payload: { two: 2 }, headers: [['site', 'roof']] },
    { subtopic: '+', payload: 'no topic' },
    { payload: Uint8Array.of(0, 255), key: 'l' },
    { payload: Uint8Array.of(0, 255), key: 'l' },
  ])
  expect(results.map(({ error }) => error?.code)).toEqual([
    undefined,
    undefined,
    'invalid-argument',
    undefined,
    undefined,
  ])
  expect(results[0]).toEqual({ id })
  expect(results[4]).toEqual(results[3])
  const { messages } = await http.read('telemetry')
  expect(messages.map(({ id }) => id)).toEqual([id, results[1]!.id, results[3]!.id])
  expect(messages.map(({ payload }) => payload)).toEqual(['one', { two: 2 }, Uint8Array.of(0, 255)])
  expect(messages[1]!.properties).toEqual({ headers: [['site', 'roof']] })
})

it('a right that is taken away is gone on every door at once', async () => {
  const { hub, thing, connect, url, mqtt, admin } = await startDoors()
  const secret = await thing('sensor')
  const http = connectHttp(url, { key: secret })
  const device = await mqtt('sensor', secret)
  const memory = await connect(secret)
  const publishAll = () =>
    Promise.allSettled([
      http.publish('telemetry/a', 'x'),
      device.publishAsync('telemetry/a', 'x', { qos: 1 }),
      memory.publish('telemetry/a', bytes('x')),
    ])
  expect((await publishAll()).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  for await (const grant of admin.grants.list({ thing: 'sensor' })) await admin.grants.remove(grant.id)
  const refused = await publishAll()
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(refused[0]).toMatchObject({ reason: { code: 'permission-denied' } })
  expect(refused[1]).toMatchObject({ reason: { code: 0x87 } })
  expect(refused[2]).toMatchObject({ reason: { code: 'permission-denied' } })

  const cut = new Promise(resolve => device.once('disconnect', ({ reasonCode }) => resolve(reasonCode)))
  await hub.control.things.update('sensor', { enabled: false })
  expect(await cut).toBe(0x87)
  await expect(http.publish('telemetry/a', 'x')).rejects.toMatchObject({ code: 'unauthenticated' })
  await expect(memory.publish('telemetry/a', bytes('x'))).rejects.toMatchObject({ code: 'canceled' })
})

it('a reader that waits is answered when something comes, whatever door it comes by', async () => {
  const { thing, connect, url } = await startDoors()
  const secret = await thing('sensor')
  const writer = await connect(secret)
  const http = connectHttp(url, { key: secret })
  const { messages: none, next } = await http.read('telemetry/#')
  expect(none).toEqual([])
  for (const delivery of ['at-least-once', 'at-most-once'] as const) {
    const { next: after } = await http.read('telemetry/#')
    const waiting = http.read('telemetry/#', { after: after ?? next, waitSeconds: 20 })
    await http.read('telemetry/#')
    await writer.publish('telemetry/a', bytes(delivery), { delivery })
    expect((await waiting).messages.map(({ payload }) => payload)).toEqual([delivery])
  }
})

it('a reader that waits is refused when there is nothing left for it to wait for', async () => {
  const { hub, thing, url, admin, counter } = await startDoors()
  const secret = await thing('sensor')
  await hub.control.channels.create({ name: 'aside' })
  await hub.control.grants.create({ thing: 'sensor', channel: 'aside', actions: ['read', 'publish'] })
  const http = connectHttp(url, { key: secret })
  const operator = connectHttp(url, { token: hub.adminToken! })
  const { next: after } = await http.read('telemetry/#')
  const waiting = [
    http.read('telemetry/#', { after, waitSeconds: 20 }),
    operator.read('telemetry/#', { after, waitSeconds: 20 }),
  ]
  const elsewhere = http.read('aside/#', { after, waitSeconds: 20 })
  // A round trip later they wait.
  await http.read('telemetry/#')
  const from = performance.now()
  for await (const grant of admin.grants.list({ thing: 'sensor', channel: 'telemetry' }))
    await admin.grants.remove(grant.id)
  await expect(waiting[0]).rejects.toMatchObject({ code: 'permission-denied', details: { status: 403 } })
  // Who may read all there is, until there is nothing.
  await admin.channels.remove('telemetry')
  await expect(waiting[1]).rejects.toMatchObject({ code: 'not-found', details: { status: 404 } })
  expect(performance.now() - from).toBeLessThan(2_000)
  expect(counter('thingmesh_subscriptions_revoked_total', { at: 'reading' })).toBe(2)
  await http.publish('aside/a', 'goes on')
  expect((await elsewhere).messages.map(({ payload }) => payload)).toEqual(['goes on'])
})

it('a batch of many is one commit', async () => {
  const store = gatedStore()
  const httpDoor = httpListener({ port: 0 })
  const { thing } = await startHub({ store, listeners: [httpDoor] })
  const secret = await thing('sensor')
  const http = connectHttp(`http://127.0.0.1:${httpDoor.address!.port}`, { key: secret })
  store.hold()
  const publishing = http.publishBatch(
    'telemetry/a',
    Array.from({ length: 1000 }, (_, i) => ({ payload: i })),
  )
  await vi.waitFor(() => expect(store.held).toBe(1))
  store.release()
  const results = await publishing
  expect(new Set(results.map(({ id }) => id)).size).toBe(1000)
  expect([store.appends(), store.appended()]).toEqual([1, 1000])
})
