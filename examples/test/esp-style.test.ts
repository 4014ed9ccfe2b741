import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { createHub } from '@thingmesh/server-kit'
import { coapListener } from '@thingmesh/server-kit/coap'
import { memoryListener } from '@thingmesh/server-kit/memory'
import { memoryStore } from '@thingmesh/server-kit/memory-store'
import { expect, it, onTestFinished } from 'vitest'
import { startExample } from './child.ts'
import { codeLines } from './code-lines.ts'

/** A hub, and what it has of the sensor. */
async function startHub() {
  const coap = coapListener({ port: 0 })
  const door = memoryListener()
  const hub = await createHub({ store: memoryStore(), listeners: [coap, door] })
  await hub.start()
  onTestFinished(() => hub.stop())
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'esp' })
  await hub.control.grants.create({ thing: 'esp', channel: 'telemetry', actions: ['publish', 'read'] })
  return {
    port: coap.address!.port,
    key: key.secret,
    async stored() {
      await using reader = await door.connect({ credential: { kind: 'key', secret: key.secret } })
      const { messages } = await reader.read({ filter: 'telemetry/#' })
      return messages.map(({ topic, contentType, payload }) => [topic, contentType, new TextDecoder().decode(payload)])
    },
  }
}

/** A network that loses the datagrams that are named, counted in either direction. */
async function startLossyNetwork(port: number, lost: { readonly up: number[]; readonly down: number[] }) {
  const [front, behind] = [createSocket('udp4'), createSocket('udp4')]
  let device: RemoteInfo | undefined
  let [up, down] = [0, 0]
  front.on('message', (datagram, from) => {
    device = from
    if (!lost.up.includes(up++)) behind.send(datagram, port, '127.0.0.1')
  })
  behind.on('message', datagram => {
    if (!lost.down.includes(down++)) front.send(datagram, device!.port, '127.0.0.1')
  })
  for (const socket of [front, behind]) {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    onTestFinished(() => void socket.close())
  }
  return { port: front.address().port, sent: () => up }
}

const start = (port: number, env: NodeJS.ProcessEnv) =>
  startExample('esp-style/sensor.ts', [], { cwd: tmpdir(), env: { HUB_PORT: String(port), ...env } })

const wanted = [0, 1, 2].map(n => ['telemetry/esp', 'application/json', `{"n":${n}}`])

it('publishes in forty lines without a library, once each, over a network that loses requests and answers', async () => {
  const hub = await startHub()
  const network = await startLossyNetwork(hub.port, { up: [0, 2], down: [0] })
  await using child = start(network.port, { KEY: hub.key, ACK_TIMEOUT_MS: '100' })
  await child.lineWith(/^stored$/)
  expect(await child.exited()).toEqual({ code: 0, signal: null })
  expect(await hub.stored()).toEqual(wanted)
  // Three readings; the first was lost on the way, its answer on the way back, and then the one after it.
  expect(network.sent()).toBeGreaterThanOrEqual(6)
  expect(await codeLines('esp-style/sensor.ts')).toBeLessThanOrEqual(40)
  expect(await readFile(new URL('../esp-style/sensor.ts', import.meta.url), 'utf8')).not.toContain('@thingmesh')
})

it('takes an answer that comes after the acknowledgement, and acknowledges it', async () => {
  const hub = createSocket('udp4')
  onTestFinished(() => void hub.close())
  const seen: string[] = []
  hub.on('message', (datagram, { port }) => {
    const id = datagram.subarray(2, 4)
    seen.push(datagram[0] === 0x44 ? 'request' : `${datagram.toString('hex')}`)
    if (datagram[0] !== 0x44) return
    hub.send(Buffer.from([0x60, 0, ...id]), port)
    hub.send(Buffer.from([0x44, 0x44, 0xab, seen.length, ...datagram.subarray(4, 8)]), port)
  })
  hub.bind(0, '127.0.0.1')
  await once(hub, 'listening')
  await using child = start(hub.address().port, {})
  expect(await child.exited()).toEqual({ code: 0, signal: null })
  expect(seen).toEqual(['request', '6000ab01', 'request', '6000ab03', 'request', '6000ab05'])
})

it('says what the hub says of a key that it does not know', async () => {
  const hub = await startHub()
  await using child = start(hub.port, { KEY: 'not-a-key' })
  expect(await child.exited()).toEqual({ code: 1, signal: null })
  expect(child.err()).toContain('the hub says 4.01')
  expect(await hub.stored()).toEqual([])
})

it('gives up on a hub that is not there', async () => {
  const network = await startLossyNetwork(0, { up: Array.from({ length: 9 }, (_, n) => n), down: [] })
  await using child = start(network.port, { ACK_TIMEOUT_MS: '10' })
  expect(await child.exited()).toEqual({ code: 1, signal: null })
  expect(child.err()).toContain('the hub does not answer')
  expect(network.sent()).toBe(5)
})
