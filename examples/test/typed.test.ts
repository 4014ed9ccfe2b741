import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { createHub } from '@thingmesh/server-kit'
import { httpListener } from '@thingmesh/server-kit/http'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { mqttListener } from '@thingmesh/server-kit/mqtt'
import { connectAsync } from 'mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { startExample } from './child.ts'

it('a device publishes, a dashboard reads it typed, and is told of what does not fit', async () => {
  const http = httpListener({ port: 0 })
  const mqtt = mqttListener({ port: 0 })
  const hub = await createHub({ store: memoryStore(), listeners: [http, mqtt] })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'sensor-1' })
  await hub.control.grants.create({ thing: 'sensor-1', channel: 'telemetry', actions: ['publish'] })
  const mqttUrl = `mqtt://127.0.0.1:${mqtt.address!.port}`
  const cwd = tmpdir()

  const HUB_URL = `http://127.0.0.1:${http.address!.port}`
  const env = { HUB_URL, THINGMESH_TOKEN: hub.adminToken }
  await using dashboard = startExample('typed/dashboard.ts', [], { cwd, env })
  await dashboard.lineWith(/^watching$/)

  // Somebody else's program, which has no definition and does not say what it sends.
  const stock = await connectAsync(mqttUrl, { username: 'sensor-1', password: key.secret, reconnectPeriod: 0 })
  await stock.publishAsync('telemetry/room2', '{"temperature":"21.5","open":true}', { qos: 1 })
  await stock.publishAsync('telemetry/room3', '{"temperature":4,"open":true,"rssi":-60}', { qos: 1 })
  await stock.endAsync()

  await using device = startExample('typed/device.ts', [], { cwd, env: { HUB_URL: mqttUrl, KEY: key.secret } })
  await device.lineWith(/^stored$/)
  expect(await device.exited()).toEqual({ code: 0, signal: null })

  await dashboard.lineWith(/room1/)
  expect(dashboard.out().trim().split('\n')).toEqual([
    'watching',
    'telemetry/room2: the value does not fit at temperature: expected a number, found text',
    'telemetry/room3: 4.0 °C, open',
    'telemetry/room1: 21.5 °C, closed',
  ])
})

it.each(['telemetry.ts', 'device.ts', 'dashboard.ts'])('%s stands in the guide as it is', async file => {
  const guide = await readFile(new URL('../../docs/CHANNELS.md', import.meta.url), 'utf8')
  expect(guide).toContain(await readFile(new URL(`../typed/${file}`, import.meta.url), 'utf8'))
})
