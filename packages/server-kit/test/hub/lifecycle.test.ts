import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ThingmeshError } from '@thingmesh/core'
import { expect, it, onTestFinished } from 'vitest'
import type { Listener } from '../../src/contracts/index.ts'
import { createHub } from '../../src/hub.ts'
import { memoryListener } from '../../src/listeners/memory/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { memoryStore } from '../../src/store/memory/index.ts'
import { sqliteStore } from '../../src/store/sqlite/index.ts'
import { bytes, startHub, textOf } from '../support/hub.ts'

function scratchFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'thingmesh-hub-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return join(directory, 'hub.db')
}

it('gives the first admin token once, and keeps registry and log over a restart', async () => {
  const path = scratchFile()
  const door = memoryListener()
  const first = await createHub({ store: sqliteStore({ path }), listeners: [door] })
  await first.start()
  const token = first.adminToken
  expect(token).toMatch(/^tmt_/)
  await first.control.channels.create({ name: 'telemetry' })
  const app = await door.connect({ credential: { kind: 'token', token: token! } })
  const { id } = await app.publish('telemetry/a', bytes('1'))
  await first.stop()
  expect(statSync(path).mode & 0o777).toBe(0o600)

  const again = memoryListener()
  await using second = await createHub({ store: sqliteStore({ path }), listeners: [again] })
  await second.start()
  expect(second.adminToken).toBeUndefined()
  const back = await again.connect({ credential: { kind: 'token', token: token! } })
  const { messages } = await back.read({ filter: 'telemetry/#' })
  expect(messages.map(textOf)).toEqual(['1'])
  const next = await back.publish('telemetry/a', bytes('2'))
  const [origin, epoch, sequence] = id!.split('.')
  const [nextOrigin, nextEpoch, nextSequence] = next.id!.split('.')
  expect([nextOrigin, nextEpoch === epoch]).toEqual([origin, false])
  expect(Number(nextSequence)).toBeGreaterThan(Number(sequence))
})

it('starts and stops once, whoever asks how often', async () => {
  let starts = 0
  let stops = 0
  const door: Listener = {
    protocol: 'counted',
    start: async () => void starts++,
    stop: async () => void stops++,
  }
  const hub = await createHub({ store: memoryStore(), listeners: [door] })
  await Promise.all([hub.start(), hub.start(), hub.stop(), hub.stop(), hub.start()])
  expect([starts, stops]).toEqual([2, 1])
  await hub.stop()
  expect([starts, stops]).toEqual([2, 2])
})

it('stops what it had started when a part fails to start', async () => {
  const events: string[] = []
  const good: Listener = {
    protocol: 'good',
    start: async () => void events.push('started'),
    stop: async () => void events.push('stopped'),
  }
  const bad: Listener = {
    protocol: 'bad',
    start: () => Promise.reject(new ThingmeshError('conflict', 'port 1 is taken')),
    stop: async () => undefined,
  }
  const hub = await createHub({ store: memoryStore(), listeners: [good, bad] })
  await expect(hub.start()).rejects.toMatchObject({ code: 'conflict' })
  expect(events).toEqual(['started', 'stopped'])
})

it('says which port is taken', async () => {
  const mqtt = mqttListener({ port: 0 })
  await startHub({ listeners: [mqtt] })
  const { port } = mqtt.address!
  const other = await createHub({ store: memoryStore(), listeners: [mqttListener({ port })] })
  await expect(other.start()).rejects.toMatchObject({ code: 'conflict', message: `port ${port} on 127.0.0.1 is taken` })
})

it('ends every session when it stops, and lets nobody in after', async () => {
  const { hub, thing, connect } = await startHub()
  const secret = await thing('sensor')
  const app = await connect(secret)
  await hub.stop()
  await expect(app.publish('telemetry/a', bytes('1'))).rejects.toMatchObject({ code: 'canceled' })
  await expect(connect(secret)).rejects.toMatchObject({ code: 'unavailable' })
})

it('takes no limit that is none', async () => {
  const store = memoryStore()
  for (const limits of [
    { topicLevelMax: 1 },
    { topicBytesMax: true },
    { topicControlCharacters: 1 },
    { windowMax: -1 },
  ]) {
    await expect(createHub({ store, limits: limits as object }), JSON.stringify(limits)).rejects.toThrow(TypeError)
  }
  await createHub({ store, limits: { topicControlCharacters: true, topicBytesMax: 65_535 } })
})
