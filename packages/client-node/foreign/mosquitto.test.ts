import { connect } from '@thingmesh/client-node'
import { mqttJsTransport } from '@thingmesh/client-node/mqttjs'
import { type Client, openClient } from '@thingmesh/core'
import { describe, expect, onTestFinished } from 'vitest'
import { itWith } from '../../server-kit/foreign/support/peers.ts'
import { startProxy } from '../test/support/proxy.ts'
import { quick, reached, take } from '../test/support/site.ts'
import { run, startMosquitto } from './support/mosquitto.ts'

const peers = ['mosquitto', 'mosquitto_passwd']
const who = { thing: 'sensor', key: 'secret' }
const options = { ...quick, ...who, timeoutMs: 4_000 }

const ways: Readonly<Record<string, (port: number, key?: string) => Promise<Client>>> = {
  'our own session, MQTT 5': (port, key = 'secret') => connect(`mqtt://127.0.0.1:${port}`, { ...options, key }),
  'MQTT.js, MQTT 5': (port, key = 'secret') =>
    openClient(mqttJsTransport(`mqtt://127.0.0.1:${port}`, { ...options, key }), quick),
  'MQTT.js, MQTT 3.1.1': (port, key = 'secret') =>
    openClient(mqttJsTransport(`mqtt://127.0.0.1:${port}`, { ...options, key, protocolVersion: 4 }), quick),
}

describe.each(Object.keys(ways))('a client at Mosquitto by %s', way => {
  const open = async (port: number): Promise<Client> => {
    const client = await ways[way]!(port)
    onTestFinished(() => client.close())
    return client
  }
  const isPlain = way.endsWith('3.1.1')

  itWith(peers)('publishes, subscribes, and has the last value first', async () => {
    const { port } = await startMosquitto()
    const client = await open(port)
    const telemetry = client.channel('telemetry')
    await telemetry.publish('kept', { subtopic: 'room1', retain: true })
    const messages = telemetry.subscribe()
    await messages.confirmed
    for (let n = 0; n < 50; n++) await telemetry.publish(`${n}`, { subtopic: 'room1' })
    const payloads = await take(messages, 51)
    const texts = payloads.map(payload => (payload instanceof Uint8Array ? Buffer.from(payload).toString() : payload))
    expect(texts).toEqual(['kept', ...Array.from({ length: 50 }, (_, n) => `${n}`)])
    // Without a content type nobody knows that they are text.
    expect(typeof payloads[0]).toBe(isPlain ? 'object' : 'string')
  })

  itWith(peers)('goes on after its network was away, with what came meanwhile', async () => {
    const { port } = await startMosquitto()
    const network = await startProxy(() => port)
    onTestFinished(() => network[Symbol.asyncDispose]())
    const reader = await open(network.port)
    const gaps: string[] = []
    reader.on('gapOpened', ({ filter }) => gaps.push(filter))
    const messages = reader.channel('telemetry').subscribe()
    await messages.confirmed
    const writer = (await open(port)).channel('telemetry')
    await writer.publish(Uint8Array.of(1))
    network.admit(false)
    network.cut()
    await reached(reader, 'offline')
    for (const n of [2, 3, 4]) await writer.publish(Uint8Array.of(n))
    network.admit(true)
    const seen: number[] = []
    for await (const { payload } of messages) {
      if (payload instanceof Uint8Array && seen.push(payload[0]!) && payload[0] === 4) break
    }
    expect([...new Set(seen)]).toEqual([1, 2, 3, 4])
    expect(gaps).toEqual([])
  })

  itWith(peers)('comes back to a broker that was restarted, and brings what it had to send', async () => {
    const broker = await startMosquitto()
    const client = await open(broker.port)
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe()
    await messages.confirmed
    await broker.stop()
    await reached(client, 'offline')
    const receipts = [1, 2, 3].map(n => telemetry.publish(Uint8Array.of(n)))
    await broker.start()
    await Promise.all(receipts)
    // It subscribes before it sends.
    expect(await take(messages, 3)).toEqual([1, 2, 3].map(n => Uint8Array.of(n)))
  })

  itWith(peers)('goes on with its session over a restart of the broker that keeps it, without a gap', async () => {
    const broker = await startMosquitto({ isPersistent: true })
    const network = await startProxy(() => broker.port)
    onTestFinished(() => network[Symbol.asyncDispose]())
    const reader = await open(network.port)
    const gaps: string[] = []
    reader.on('gapOpened', ({ filter }) => gaps.push(filter))
    const messages = reader.channel('telemetry').subscribe()
    await messages.confirmed
    // Mosquitto writes down a session only if its last CONNECT said Clean Start 0: see below. The first one of ours says 1.
    network.cut()
    await reached(reader, 'offline')
    await reached(reader, 'connected')
    network.admit(false)
    network.cut()
    await reached(reader, 'offline')
    const writer = (await open(broker.port)).channel('telemetry')
    for (const n of [1, 2]) await writer.publish(Uint8Array.of(n))
    await broker.stop()
    await broker.start()
    for (const n of [3, 4]) await writer.publish(Uint8Array.of(n))
    network.admit(true)
    expect(await take(messages, 4)).toEqual([1, 2, 3, 4].map(n => Uint8Array.of(n)))
    expect(gaps).toEqual([])
  })

  itWith(peers)('is refused with a wrong password, and what it may not publish, and lives on', async () => {
    const { port } = await startMosquitto()
    // Mosquitto says to a wrong password what others say to a missing right.
    const refused = { retryable: false, outcome: 'rejected' }
    await expect(ways[way]!(port, 'wrong')).rejects.toMatchObject(refused)
    const client = await open(port)
    if (!isPlain) {
      const publishing = client.channel('secrets').publish('x')
      await expect(publishing).rejects.toMatchObject({ code: 'permission-denied' })
    }
    const telemetry = client.channel('telemetry')
    const messages = telemetry.subscribe({ pattern: 'a' })
    await messages.confirmed
    await telemetry.publish(Uint8Array.of(1), { subtopic: 'a' })
    expect(await take(messages, 1)).toEqual([Uint8Array.of(1)])
  })
})

/*
 * MQTT 5 has a session last as long as its Session Expiry Interval says, whether or not it began with Clean Start (section 3.1.2.4).
 * Mosquitto 2.0.11 keeps to that while it runs. At its own end it leaves out of `mosquitto.db` whose CONNECT said Clean Start 1, so
 * that what comes with Clean Start 0 after the restart finds no session: its own client neither, as this shows.
 */
describe('a session that began with Clean Start, over a restart of Mosquitto', () => {
  itWith([...peers, 'mosquitto_sub', 'mosquitto_pub'])(
    'comes back to our client if it comes back to Mosquitto’s own, and our client tells of the gap if not',
    async () => {
      const broker = await startMosquitto({ isPersistent: true })
      const stock = (name: string, ...more: readonly string[]): Promise<readonly string[]> => {
        const session = ['-V', 'mqttv5', '-x', '300', '-i', name, '-q', '1', '-t', 'telemetry/#', '-E']
        return run('mosquitto_sub', ['-p', `${broker.port}`, '-u', 'sensor', '-P', 'secret', ...session, ...more])
      }
      await stock('clean')
      await stock('kept', '-c')
      const client = await connect(`mqtt://127.0.0.1:${broker.port}`, options)
      onTestFinished(() => client.close())
      const gaps: string[] = []
      client.on('gapOpened', ({ filter }) => gaps.push(filter))
      const telemetry = client.channel('telemetry')
      await telemetry.subscribe().confirmed
      await broker.stop()
      await reached(client, 'offline')
      await broker.start()
      await reached(client, 'connected')
      await telemetry.publish('after')
      expect(await stock('kept', '-c')).toEqual(['after'])
      const isKept = (await stock('clean', '-c')).length > 0
      expect(gaps).toEqual(isKept ? [] : ['telemetry/#'])
    },
  )
})
