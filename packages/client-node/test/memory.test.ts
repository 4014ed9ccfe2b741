import { connect } from '@thingmesh/client-node'
import { createHub } from '@thingmesh/server-kit'
import { memoryListener } from '@thingmesh/server-kit/memory'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { expect, it } from 'vitest'
import { reached, take } from './support/site.ts'

it('connects to a hub in its own process, and waits for it where it is not started', async () => {
  const memory = memoryListener()
  const store = memoryStore()
  const first = await createHub({ store, listeners: [memory] })
  await first.start()
  await first.control.channels.create({ name: 'telemetry' })
  const { key } = await first.control.things.create({ name: 'app' })
  await first.control.grants.create({ thing: 'app', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  await using client = await connect('memory:', {
    listener: memory,
    thing: 'app',
    key: key.secret,
    backoff: { firstMs: 1, maxMs: 10 },
  })
  const telemetry = client.channel('telemetry')
  const messages = telemetry.subscribe()
  await messages.confirmed
  const { id } = await telemetry.publish({ t: 21 })
  expect(id).toMatch(/\.1$/)
  await first.stop()
  await reached(client, 'offline')
  const later = telemetry.publish({ t: 22 })
  const second = await createHub({ store, listeners: [memory] })
  await second.start()
  await later
  expect(await take(messages, 2)).toEqual([{ t: 21 }, { t: 22 }])
  const history: unknown[] = []
  for await (const { payload } of telemetry.history({ pageSize: 1 })) history.push(payload)
  expect(history).toEqual([{ t: 21 }, { t: 22 }])
  for await (const { payload } of telemetry.history({ last: 1 })) history.push(payload)
  expect(history.slice(2)).toEqual([{ t: 22 }])
  await client.close()
  await second.stop()
})

it('says what is missing', async () => {
  await expect(connect('memory:', { key: 'k' })).rejects.toThrow(/listener/)
  expect(() => memoryListener().transport({})).toThrow(/exactly one of key, token and credential/)
})
