import { tmpdir } from 'node:os'
import { createHub } from '@thingmesh/server-kit'
import { memoryListener } from '@thingmesh/server-kit/memory'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { mqttListener } from '@thingmesh/server-kit/mqtt'
import { expect, it } from 'vitest'
import { startExample } from './child.ts'
import { codeLines } from './code-lines.ts'

it('publishes from eight lines, and ends when the hub has it all', async () => {
  const mqtt = mqttListener({ port: 0 })
  const door = memoryListener()
  await using hub = await createHub({ store: memoryStore(), listeners: [mqtt, door] })
  await hub.start()
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'sensor-1' })
  await hub.control.grants.create({ thing: 'sensor-1', channel: 'telemetry', actions: ['publish', 'read'] })

  const env = { HUB_URL: `mqtt://127.0.0.1:${mqtt.address?.port}`, KEY: key.secret }
  await using child = startExample('device/device.ts', [], { cwd: tmpdir(), env })
  await child.lineWith(/^done$/)
  expect(await child.exited()).toEqual({ code: 0, signal: null })

  await using reader = await door.connect({ credential: { kind: 'key', secret: key.secret } })
  const { messages } = await reader.read({ filter: 'telemetry/#' })
  const payloads = messages.map(({ topic, payload }) => [topic, JSON.parse(new TextDecoder().decode(payload)).n])
  expect(payloads).toEqual([0, 1, 2].map(n => ['telemetry/sensor-1', n]))
  expect(await codeLines('device/device.ts')).toBeLessThanOrEqual(8)
})
