import { connectHttp } from '@thingmesh/core'
import { Code, OptionNumber, uintOption } from '@thingmesh/core/coap'
import mqtt from 'mqtt'
import { expect, it, onTestFinished, vi } from 'vitest'
import { coapListener } from '../../src/listeners/coap/index.ts'
import { httpListener } from '../../src/listeners/http/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { observe, TestPeer, textOf, uintOf } from '../listeners/coap/peer.ts'
import { bytes, textOf as messageText, startHub, take } from '../support/hub.ts'

const path = '/c/telemetry/a'
const json = uintOption(OptionNumber.contentFormat, 50)

async function startDoors() {
  const doors = { mqtt: mqttListener({ port: 0 }), http: httpListener({ port: 0 }), coap: coapListener({ port: 0 }) }
  const test = await startHub({ listeners: Object.values(doors) })
  const secret = await test.thing('sensor')
  const coap = await TestPeer.open(doors.coap.address!.port, [`auth=${secret}`])
  onTestFinished(() => coap.close())
  const options = { username: 'sensor', password: secret, protocolVersion: 5, reconnectPeriod: 0 } as const
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${doors.mqtt.address!.port}`, options, false)
  onTestFinished(() => device.endAsync(true))
  const http = connectHttp(`http://127.0.0.1:${doors.http.address!.port}`, { key: secret })
  return { ...test, coap, device, http, memory: await test.connect(secret) }
}

it('what any door publishes, a CoAP observer is told: payload, format, expiry', async () => {
  const { coap, device, http, memory } = await startDoors()
  const token = Uint8Array.of(1)
  await coap.ask({ path, token, options: [observe(0)] })
  const contentType = 'application/json'
  await device.publishAsync('telemetry/a', '"mqtt"', { qos: 1, properties: { contentType, messageExpiryInterval: 60 } })
  await http.publish('telemetry/a', '"http"', { contentType, expiresInSeconds: 60 })
  await memory.publish('telemetry/a', bytes('"memory"'), { contentType, properties: { expiresInSeconds: 60 } })
  await coap.ask({ code: Code.post, path, payload: '"coap"', options: [json, uintOption(OptionNumber.maxAge, 60)] })
  for (const text of ['"mqtt"', '"http"', '"memory"', '"coap"']) {
    const told = await coap.notification(token)
    expect([textOf(told), uintOf(told, OptionNumber.contentFormat)]).toEqual([text, 50])
    expect(uintOf(told, OptionNumber.maxAge)).toBeGreaterThan(50)
  }
})

it('what CoAP publishes arrives as the same message on every door, and is in the log before the answer', async () => {
  const { coap, device, http, memory } = await startDoors()
  await memory.subscribe('telemetry/#')
  const received: string[] = []
  device.on('message', (topic, payload, { qos, properties }) => {
    received.push(`${topic} ${payload} ${qos} ${properties?.contentType} ${properties?.messageExpiryInterval}`)
  })
  await device.subscribeAsync('telemetry/#', { qos: 1 })
  const options = [json, uintOption(OptionNumber.maxAge, 60)]
  expect(await coap.codeOf({ code: Code.post, path, payload: '{"t":1}', options })).toBe('2.04')
  const { messages } = await http.read('telemetry/a')
  expect(messages).toMatchObject([{ payload: { t: 1 }, contentType: 'application/json', protocol: 'coap' }])
  const [message] = await take(memory, 1)
  expect(message).toMatchObject({
    topic: 'telemetry/a',
    delivery: 'at-least-once',
    properties: { expiresInSeconds: 60 },
  })
  expect(messageText(message!)).toBe('{"t":1}')
  expect(messages[0]!.publisher).toBe(message!.publisher)
  await vi.waitFor(() => expect(received).toEqual(['telemetry/a {"t":1} 1 application/json 60']))
})

it('a last value is one, whichever door sets, reads or clears it', async () => {
  const { coap, device, memory } = await startDoors()
  await device.publishAsync('telemetry/a', 'mqtt', { qos: 1, retain: true })
  expect(textOf(await coap.ask({ path }))).toBe('mqtt')
  await coap.ask({ code: Code.put, path, payload: 'coap' })
  expect((await memory.latest('telemetry/a')).map(messageText)).toEqual(['coap'])
  const retained: string[] = []
  device.on('message', (_topic, payload, { retain }) => retained.push(`${payload} ${retain}`))
  await device.subscribeAsync('telemetry/#', { qos: 1 })
  await vi.waitFor(() => expect(retained).toEqual(['coap true']))
  await coap.ask({ code: Code.delete, path })
  expect(await memory.latest('telemetry/a')).toEqual([])
})
