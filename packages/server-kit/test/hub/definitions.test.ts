import { once } from 'node:events'
import { connectHttp } from '@thingmesh/core'
import { Code, OptionNumber, uintOption } from '@thingmesh/core/coap'
import { defineChannel, number, string } from '@thingmesh/core/schema'
import mqtt, { type IClientOptions } from 'mqtt'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createHub, type HubOptions } from '../../src/hub.ts'
import { coapListener } from '../../src/listeners/coap/index.ts'
import { httpListener } from '../../src/listeners/http/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { messageFrames, webSockets } from '../../src/listeners/websocket/index.ts'
import { memoryStore } from '../../src/store/memory/index.ts'
import { TestPeer } from '../listeners/coap/peer.ts'
import { dialFrames, json } from '../listeners/websocket/frames/fixture.ts'
import { bytes, startHub } from '../support/hub.ts'

const Telemetry = defineChannel({ name: 'telemetry', fields: { celsius: number({ max: 85 }) } })
const text = 'the value does not fit at celsius: expected a number, found text'
const misfit = '{"celsius":"hot"}'

async function startDoors(options: Partial<HubOptions> = {}) {
  const upgrade = webSockets({ routes: [messageFrames()] })
  const doors = {
    mqtt: mqttListener({ port: 0 }),
    http: httpListener({ port: 0, upgrade }),
    coap: coapListener({ port: 0 }),
  }
  const test = await startHub({ listeners: Object.values(doors), definitions: [Telemetry], ...options })
  const secret = await test.thing('sensor')
  const http = connectHttp(`http://127.0.0.1:${doors.http.address!.port}`, { key: secret })
  return {
    ...test,
    secret,
    http,
    memory: await test.connect(secret),
    refused: () => test.counter('thingmesh_refused_total', { limit: 'definition' }),
    stored: async () => (await http.read('telemetry')).messages.map(({ payload }) => payload),
    async device(protocolVersion: 4 | 5, more: Pick<IClientOptions, 'will'> = {}) {
      const options = { username: 'sensor', password: secret, protocolVersion, reconnectPeriod: 0, ...more }
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${doors.mqtt.address!.port}`, options, false)
      onTestFinished(() => client.endAsync(true))
      return client
    },
    async coap() {
      const peer = await TestPeer.open(doors.coap.address!.port, [`auth=${secret}`])
      onTestFinished(() => peer.close())
      return peer
    },
    /** The status, and what the body says. */
    async request(method: 'GET' | 'POST' | 'DELETE', query: string, body?: string) {
      const address = `http://127.0.0.1:${doors.http.address!.port}/channels/telemetry/messages/a?${query}`
      const headers = { authorization: `Thing ${secret}`, 'content-type': 'application/json' }
      const response = await fetch(address, { method, headers, ...(body !== undefined && { body }) })
      return { status: response.status, text: await response.text() }
    },
    webSocket: () => dialFrames(doors.http.address!.port, 'telemetry/messages', { key: secret, ...json }),
  }
}

it('what does not fit the definition of its channel is refused on every door, and is in no log', async () => {
  const site = await startDoors()
  const { memory, http } = site
  const error = { code: 'invalid-argument', message: text, details: { path: 'celsius', channel: 'telemetry' } }
  await expect(memory.publish('telemetry/a', bytes(misfit))).rejects.toMatchObject(error)
  await expect(http.publish('telemetry/a', { celsius: 'hot' })).rejects.toMatchObject(error)
  const [fits, refused] = await http.publishBatch('telemetry', [
    { payload: { celsius: 1 } },
    { payload: { celsius: 'hot' } },
  ])
  expect([fits?.error, refused?.error]).toMatchObject([undefined, { code: 'invalid-argument', message: text }])

  const device = await site.device(5)
  for (const qos of [1, 2] as const) {
    await expect(device.publishAsync('telemetry/a', misfit, { qos })).rejects.toMatchObject({ code: 0x99 })
  }
  const coap = await site.coap()
  const options = [uintOption(OptionNumber.contentFormat, 50)]
  const asked = { code: Code.post, path: '/c/telemetry/a', options }
  expect(await coap.codeOf({ ...asked, payload: misfit })).toBe('4.00')
  const peer = site.webSocket()
  await once(peer.webSocket, 'open')
  peer.say({ type: 'publish', id: 1, payload: { celsius: 'hot' } })
  expect(await peer.fields()).toMatchObject({ type: 'error', id: 1, code: 'invalid-argument', message: text })

  expect(site.refused()).toBe(7)
  expect(await coap.codeOf({ ...asked, payload: '{"celsius":2}' })).toBe('2.04')
  await device.publishAsync('telemetry/a', '{"celsius":3}', { qos: 1 })
  expect(await site.stored()).toEqual([{ celsius: 1 }, { celsius: 2 }, '{"celsius":3}'])
})

it('what is stored under a key is stored, whatever is said under it again', async () => {
  const { memory, stored, refused } = await startDoors()
  await memory.publish('telemetry/a', bytes('{"celsius":1}'), { key: 'k' })
  await memory.publish('telemetry/a', bytes(misfit), { key: 'k' })
  expect(await stored()).toHaveLength(1)
  expect(refused()).toBe(0)
})

it('what is no definition keeps a hub from being made', async () => {
  for (const wrong of [{}, { name: 'telemetry' }, 5]) {
    const definitions = [wrong as typeof Telemetry]
    await expect(createHub({ store: memoryStore(), definitions })).rejects.toThrow(TypeError)
  }
})

it('before MQTT 5, which has no word for it, the connection ends', async () => {
  const { device, refused } = await startDoors()
  const client = await device(4)
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()))
  client.publish('telemetry/a', misfit, { qos: 1 }, () => undefined)
  await closed
  expect(refused()).toBe(1)
})

it('a payload that cannot be read is refused, a last value may be cleared, and other channels are free', async () => {
  const { hub, memory, http, refused, stored } = await startDoors()
  const contentType = 'application/json'
  await http.publish('telemetry/a', { celsius: 1 }, { retain: true })
  await memory.publish('telemetry/a', bytes(''), { retain: true })
  for (const [payload, type] of [
    ['', contentType],
    ['{"celsius":', contentType],
    ['a=b', 'text/csv'],
  ] as const) {
    await expect(memory.publish('telemetry/a', bytes(payload), { contentType: type })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
  }
  expect(refused()).toBe(3)
  expect(await stored()).toHaveLength(2)
  await hub.control.channels.create({ name: 'free' })
  await hub.control.grants.create({ thing: 'sensor', channel: 'free', actions: ['publish'] })
  await memory.publish('free/a', bytes(misfit))
})

const broken = {
  '~standard': {
    version: 1,
    vendor: 'mine',
    validate: (value: unknown) => {
      throw new Error(`what is ${JSON.stringify(value)}?`)
    },
  },
} as const

it('a schema that throws of its own is told of once a minute, whoever sends, and refuses with `internal` on every door', async () => {
  const onFault = vi.fn<NonNullable<HubOptions['onFault']>>()
  const site = await startDoors({ definitions: [defineChannel({ name: 'telemetry', schema: broken })], onFault })
  const { memory, http } = site
  const error = { code: 'internal', message: "the channel's definition cannot check payloads" }
  for (let n = 0; n < 3; n++) {
    await expect(memory.publish('telemetry/a', bytes('"secret"'))).rejects.toMatchObject(error)
  }
  await expect(http.publish('telemetry/a', 'x')).rejects.toMatchObject({ code: 'internal' })
  expect((await site.request('POST', 'qos=0', '1')).status).toBe(500)
  const device = await site.device(5)
  for (const qos of [1, 2] as const) {
    await expect(device.publishAsync('telemetry/a', '1', { qos })).rejects.toMatchObject({ code: 0x80 })
  }
  const coap = await site.coap()
  expect(await coap.codeOf({ code: Code.post, path: '/c/telemetry/a', payload: '1' })).toBe('5.00')
  const peer = site.webSocket()
  await once(peer.webSocket, 'open')
  peer.say({ type: 'publish', id: 1, payload: 1 })
  expect(await peer.fields()).toMatchObject({ type: 'error', id: 1, code: 'internal' })

  expect(site.counter('thingmesh_refused_total', { limit: 'definition-fault' })).toBe(9)
  expect(site.refused()).toBe(0)
  expect(await site.stored()).toEqual([])
  expect(onFault).toHaveBeenCalledOnce()
  const cause = expect.objectContaining({ message: 'what is "secret"?' })
  expect(onFault).toHaveBeenCalledWith(expect.objectContaining({ ...error, cause }), { part: 'definitions' })
  const nowMs = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs + 60_000)
  onTestFinished(() => {
    vi.restoreAllMocks()
  })
  for (let n = 0; n < 3; n++) await expect(memory.publish('telemetry/a', bytes('1'))).rejects.toMatchObject(error)
  expect(onFault).toHaveBeenCalledTimes(2)
})

it('a will is held to it when it is published', async () => {
  const { device, stored, refused, counter } = await startDoors()
  const will = { topic: 'telemetry/will', qos: 1, retain: false } as const
  for (const payload of [misfit, '{"celsius":1}']) {
    const client = await device(5, { will: { ...will, payload: Buffer.from(payload) } })
    client.stream.destroy()
  }
  await vi.waitFor(async () => {
    expect(await stored()).toEqual(['{"celsius":1}'])
    expect(counter('thingmesh_messages_dropped_total', { reason: 'will-refused' })).toBe(1)
  })
  expect(refused()).toBe(1)
})

it('what is sent at most once is held to it too', async () => {
  const site = await startDoors()
  const device = await site.device(5)
  await device.publishAsync('telemetry/a', '{"celsius":1}', { qos: 0 })
  const ended = new Promise(resolve => device.once('disconnect', resolve))
  device.publish('telemetry/a', misfit, { qos: 0 })
  expect(await ended).toMatchObject({ reasonCode: 0x99 })
  const coap = await site.coap()
  const options = [uintOption(OptionNumber.contentFormat, 50)]
  const asked = { type: 'non-confirmable', code: Code.post, path: '/c/telemetry/a', options } as const
  expect(await coap.codeOf({ ...asked, payload: '{"celsius":2}' })).toBe('2.04')
  expect(await coap.codeOf({ ...asked, payload: misfit })).toBe('4.00')
  expect((await site.request('POST', 'qos=0', '{"celsius":3}')).status).toBe(202)
  expect((await site.request('POST', 'qos=0', misfit)).status).toBe(400)
  expect(site.refused()).toBe(3)
  await vi.waitFor(async () => expect(await site.stored()).toEqual(['{"celsius":1}', { celsius: 2 }, { celsius: 3 }]))
})

it('a last value may be cleared on every door', async () => {
  const site = await startDoors()
  const device = await site.device(5)
  const coap = await site.coap()
  const clear: readonly (() => Promise<unknown>)[] = [
    () => device.publishAsync('telemetry/a', '', { qos: 1, retain: true }),
    () => device.publishAsync('telemetry/a', '', { qos: 2, retain: true }),
    async () => expect((await site.request('DELETE', 'retained=true')).status).toBe(204),
    async () => expect(await coap.codeOf({ code: Code.delete, path: '/c/telemetry/a' })).toBe('2.02'),
    async () => expect(await coap.codeOf({ code: Code.put, path: '/c/telemetry/a' })).toBe('2.04'),
  ]
  for (const clearIt of clear) {
    await device.publishAsync('telemetry/a', '{"celsius":1}', { qos: 1, retain: true })
    expect((await site.request('GET', 'retained=true')).text).toContain('celsius')
    await clearIt()
    expect((await site.request('GET', 'retained=true')).text).not.toContain('celsius')
  }
  // Not kept, it is a value that does not fit.
  await expect(device.publishAsync('telemetry/a', '', { qos: 1 })).rejects.toMatchObject({ code: 0x99 })
  expect(site.refused()).toBe(1)
})

it('one definition for each channel', async () => {
  const other = defineChannel({ name: 'telemetry', schema: string() })
  await expect(createHub({ store: memoryStore(), definitions: [Telemetry, other] })).rejects.toThrow(TypeError)
})
