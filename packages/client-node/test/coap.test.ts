import { connect } from '@thingmesh/client-node'
import { createHub, type Hub } from '@thingmesh/server-kit'
import { coapListener } from '@thingmesh/server-kit/coap'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startDatagramProxy } from './support/datagram-proxy.ts'
import type { BrokenNetwork } from './support/proxy.ts'
import { quick, reached, take, takeTo } from './support/site.ts'

interface CoapSite {
  readonly network: BrokenNetwork
  readonly key: string
  hub(): Hub
  restart(): Promise<void>
  open(options?: Parameters<typeof connect>[1]): ReturnType<typeof connect>
}

async function startSite(): Promise<CoapSite> {
  const store = memoryStore()
  let hub: Hub
  let port = 0
  const start = async (): Promise<void> => {
    const coap = coapListener({ port: 0 })
    hub = await createHub({ store, listeners: [coap], onFault: () => undefined })
    await hub.start()
    port = coap.address?.port ?? 0
  }
  await start()
  onTestFinished(() => hub.stop())
  const network = await startDatagramProxy(() => port)
  onTestFinished(() => network[Symbol.asyncDispose]())
  await hub!.control.channels.create({ name: 'telemetry' })
  const { key } = await hub!.control.things.create({ name: 'sensor' })
  await hub!.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  return {
    network,
    key: key.secret,
    hub: () => hub,
    async restart() {
      await hub.stop()
      await start()
    },
    async open(options) {
      const url = `coap://127.0.0.1:${network.port}`
      const client = await connect(url, { ...quick, key: key.secret, checkMs: 200, timeoutMs: 4_000, ...options })
      onTestFinished(() => client.close())
      return client
    },
  }
}

describe('a client over coap', () => {
  it('publishes, hears, and has the last value of an address', async () => {
    const { open } = await startSite()
    const client = await open({ thing: 'sensor' })
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe({ pattern: 'room1/#' })
    await messages.confirmed
    await telemetry.publish({ t: 22 }, { subtopic: 'room1/a', retain: true })
    await telemetry.publish('warm', { subtopic: 'room1', properties: { expiresInSeconds: 60 } })
    expect(await take(messages, 2)).toEqual([{ t: 22 }, 'warm'])
    const [value] = await telemetry.latest({ pattern: 'room1/a' })
    expect(value).toMatchObject({ topic: 'telemetry/room1/a', payload: { t: 22 }, retain: true })
    expect(await telemetry.latest({ pattern: 'room1' })).toEqual([])
    await expect(telemetry.latest()).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-sent' })
    await expect(telemetry.history().next()).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-sent' })
  })

  it('publishes at most once, also what goes in blocks', async () => {
    const { open } = await startSite()
    const client = await open()
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe()
    await messages.confirmed
    const payloads = ['small', 'large'.repeat(300)]
    for (const payload of payloads) await telemetry.publish(payload, { delivery: 'at-most-once' })
    const heard: unknown[] = []
    for await (const { payload, delivery } of messages) if (heard.push([payload, delivery]) === 2) break
    expect(heard).toEqual(payloads.map(payload => [payload, 'at-most-once']))
  })

  it('begins an observation of one address with its last value', async () => {
    const { open } = await startSite()
    const client = await open()
    const telemetry = client.channel('telemetry')
    await telemetry.publish(21, { subtopic: 'room1', retain: true })
    const messages = telemetry.subscribe({ pattern: 'room1' })
    await messages.confirmed
    await telemetry.publish(22, { subtopic: 'room1' })
    const seen: unknown[] = []
    for await (const { payload, retain } of messages) if (seen.push([payload, retain]) === 2) break
    expect(seen).toEqual([
      [21, true],
      [22, false],
    ])
  })

  it('says that there may be a gap after a restart of the hub, and hears on', async () => {
    const site = await startSite()
    const client = await site.open()
    const gaps: string[] = []
    client.on('gapOpened', ({ filter }) => gaps.push(filter))
    const messages = client.channel('telemetry').subscribe()
    await messages.confirmed
    await client.channel('telemetry').publish('before')
    expect(await take(messages, 1)).toEqual(['before'])
    await site.restart()
    await reached(client, 'offline')
    await reached(client, 'connected')
    expect(gaps).toEqual(['telemetry/#'])
    await client.channel('telemetry').publish('after')
    expect(await take(messages, 1)).toEqual(['after'])
  })

  it('renews its observations without repeating anything, or the last value', async () => {
    const site = await startSite()
    const client = await site.open({ checkMs: 20 })
    const telemetry = client.channel('telemetry')
    await telemetry.publish('kept', { subtopic: 'room1', retain: true })
    const one = telemetry.subscribe({ pattern: 'room1' })
    const all = telemetry.subscribe()
    await Promise.all([one.confirmed, all.confirmed])
    const texts: string[] = []
    // A dozen renewals, and whatever falls between them.
    for (const until = performance.now() + 300; performance.now() < until; ) {
      texts.push(`${texts.length}`)
      await telemetry.publish(`${texts.length - 1}`, { subtopic: 'room1' })
    }
    const last = texts.at(-1)
    expect(await takeTo(one, last)).toEqual(['kept', ...texts])
    expect(await takeTo(all, last)).toEqual(['kept', ...texts])
    expect(client.currentStatus).toEqual({ state: 'connected' })
  })

  it('sets aside what CoAP has no place for', async () => {
    const { open } = await startSite()
    const client = await open()
    const telemetry = client.channel('telemetry')
    const refused = { code: 'unsupported', outcome: 'not-sent' }
    await expect(telemetry.publish('x', { contentType: 'application/x-own' })).rejects.toMatchObject(refused)
    await expect(telemetry.publish('x', { properties: { replyTo: 'a' } })).rejects.toMatchObject(refused)
    expect(client.outbox.stats()).toMatchObject({ count: 0, setAside: 2 })
  })

  it('tells who observes one more than the hub has room for', async () => {
    const { open } = await startSite()
    const client = await open()
    const channel = client.channel('telemetry')
    const all = Array.from({ length: 16 }, (_, n) => channel.subscribe({ pattern: `${n}` }))
    await Promise.all(all.map(({ confirmed }) => confirmed))
    await expect(channel.subscribe().confirmed).rejects.toMatchObject({
      code: 'rate-limited',
      message: '16 observers, the limit is 16',
    })
    await channel.publish('heard', { subtopic: '15' })
    expect(await take(all[15]!, 1)).toEqual(['heard'])
    expect(client.currentStatus).toEqual({ state: 'connected' })
  })

  it('takes a key', async () => {
    await expect(connect('coap://127.0.0.1')).rejects.toThrow(TypeError)
  })
})
