import { Code } from '@thingmesh/core/coap'
import mqtt from 'mqtt'
import { expect, it, onTestFinished, vi } from 'vitest'
import { coapListener } from '../../src/listeners/coap/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { TestPeer, textOf } from '../listeners/coap/peer.ts'
import { textOf as messageText, startHub } from '../support/hub.ts'

const path = '/c/telemetry/a'

async function startDoors() {
  const doors = { mqtt: mqttListener({ port: 0 }), coap: coapListener({ port: 0 }) }
  const test = await startHub({ listeners: Object.values(doors) })
  const secret = await test.thing('sensor')
  const coap = await TestPeer.open(doors.coap.address!.port, [`auth=${secret}`])
  onTestFinished(() => coap.close())
  const options = { username: 'sensor', password: secret, protocolVersion: 5, reconnectPeriod: 0 } as const
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${doors.mqtt.address!.port}`, options, false)
  onTestFinished(() => device.endAsync(true))
  return { ...test, coap, device, memory: await test.connect(secret) }
}

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
