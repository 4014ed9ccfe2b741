import { type Client, type ConnectOptions, connect } from '@thingmesh/client-node'
import { createHub } from '@thingmesh/server-kit'
import { coapListener } from '@thingmesh/server-kit/coap'
import { memoryListener } from '@thingmesh/server-kit/memory'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LossyNetwork } from '../../server-kit/test/support/lossy-network.ts'
import { quick, reached, takeTo } from './support/site.ts'

const losses = { dropped: 0.2, duplicated: 0.2, delayed: 0.2, delayMsMax: 30 }
/** Of both ends, so that a test does not take as long as a real network. Some connections break by it, too. */
const ackTimeoutMs = 60
const timeoutMs = 1_500

interface LossySite {
  readonly network: LossyNetwork
  /** In the hub's process. */
  readonly local: Client
  /** Over the network. */
  open(options?: ConnectOptions): Promise<Client>
  /** What was published to `telemetry/<subtopic>`, in the order of the log. */
  stored(subtopic: string): Promise<unknown[]>
}

async function startSite(seed: number): Promise<LossySite> {
  const coap = coapListener({ port: 0, ackTimeoutMs, retransmitMax: 12 })
  const memory = memoryListener()
  const hub = await createHub({ store: memoryStore(), listeners: [coap, memory] })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'sensor' })
  await hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  const network = await LossyNetwork.open(coap.address!.port, losses, seed)
  const local = await connect('memory:', { listener: memory, key: key.secret })
  onTestFinished(() => local.close())
  return {
    network,
    local,
    async open(options) {
      const patience = { ackTimeoutMs, timeoutMs, checkMs: 300 }
      const all = { ...quick, ...patience, key: key.secret, ...options }
      const client = await connect(`coap://127.0.0.1:${network.port}`, all)
      onTestFinished(() => client.close())
      return client
    },
    async stored(subtopic) {
      const payloads: unknown[] = []
      const messages = local.channel('telemetry').history({ pattern: subtopic, pageSize: 1_000 })
      for await (const { payload } of messages) payloads.push(payload)
      return payloads
    },
  }
}

const count = 20
const numbers = Array.from({ length: count }, (_, i) => i)
/** One value in four goes in blocks. */
const payloadOf = (i: number): string => `${i}`.padStart(i % 4 === 3 ? 1_500 : 1, '.')

describe('a client over coap and a network that loses, repeats and reorders a fifth', () => {
  it('has stored once, and in order, what it was told is stored', async () => {
    const { open, network, stored } = await startSite(1)
    const subtopics = Array.from({ length: 6 }, (_, w) => `writer${w}`)
    await Promise.all(
      subtopics.map(async subtopic => {
        const telemetry = (await open()).channel('telemetry')
        for (const i of numbers) await telemetry.publish(payloadOf(i), { subtopic })
      }),
    )
    expect(network.dropped).toBeGreaterThan(50)
    for (const subtopic of subtopics) expect(await stored(subtopic)).toEqual(numbers.map(payloadOf))
  })

  it('hears an address in order up to its last value, and of a gap where it was not all', async () => {
    const { open, local } = await startSite(7)
    const client = await open()
    const gaps: string[] = []
    client.on('gapOpened', ({ filter }) => gaps.push(filter))
    const messages = client.channel('telemetry').subscribe({ pattern: 'room1' })
    await messages.confirmed
    for (const i of numbers) await local.channel('telemetry').publish(payloadOf(i), { subtopic: 'room1', retain: true })
    const heard = await takeTo(messages, payloadOf(count - 1))
    const inOrder = numbers.map(payloadOf).filter(value => heard.includes(value))
    expect(heard).toEqual(inOrder)
    if (heard.length < count) await expect.poll(() => gaps).toContain('telemetry/room1')
  })

  it('says that it is offline when nothing passes any more, holds what it publishes, and goes on', async () => {
    const { open, network, stored } = await startSite(11)
    const client = await open()
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe({ pattern: 'room1' })
    await messages.confirmed
    await telemetry.publish('before', { subtopic: 'room1' })
    network.change({ ...losses, dropped: 1 })
    let isStored = false
    const publishing = telemetry.publish('meanwhile', { subtopic: 'room1' }).then(() => {
      isStored = true
    })
    await reached(client, 'offline')
    expect(client.currentStatus).toMatchObject({ reason: { code: 'timeout' } })
    expect(isStored).toBe(false)
    network.change(losses)
    await publishing
    await reached(client, 'connected')
    expect(await stored('room1')).toEqual(['before', 'meanwhile'])
    await telemetry.publish('after', { subtopic: 'room1' })
    expect((await takeTo(messages, 'after')).at(-1)).toBe('after')
  })
})
