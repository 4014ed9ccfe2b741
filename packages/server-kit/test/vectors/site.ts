import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Principal } from '@thingmesh/core'
import { toWire, vectors } from '@thingmesh/core/testing'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { coapListener, coapOverWebSocket, coapTcpListener } from '../../src/listeners/coap/index.ts'
import { httpListener } from '../../src/listeners/http/index.ts'
import { mqttListener } from '../../src/listeners/mqtt/index.ts'
import { webSockets } from '../../src/listeners/websocket/index.ts'
import { startHub } from '../support/hub.ts'

/** The bytes of a vector, as hexadecimal: that is what a failure shows. */
export function wireOf(name: string): string {
  const vector = vectors.find(one => one.name === name)
  if (vector === undefined) throw new TypeError(`there is no vector ${name}`)
  return hexOf(toWire(vector.wire))
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex')

/** A line to a door: what is sent, and what comes back, in hexadecimal. */
export interface Line {
  send(hex: string): void
  /** So many bytes; of datagrams and WebSocket messages, one. */
  next(bytes?: number): Promise<string>
}

/** Every door, and a thing whose key is the one in the vectors. */
export async function startSite() {
  const doors = {
    mqtt: mqttListener({ port: 0 }),
    // Vectors ask at once, and once: nobody proves an address in them.
    coap: coapListener({ port: 0, addressProof: 'none', piggybackMs: 20_000 }),
    coapTcp: coapTcpListener({ port: 0 }),
    http: httpListener({ port: 0, upgrade: webSockets({ routes: [coapOverWebSocket()] }) }),
  }
  let sensor: Principal | undefined
  const test = await startHub({
    listeners: Object.values(doors),
    authenticate: [
      async credential => {
        if (credential.kind !== 'key' || credential.secret !== 'golden-key') return undefined
        return sensor
      },
    ],
  })
  await test.hub.control.channels.create({ name: 'secret' })
  const reader = await test.connect(await test.thing('sensor-1'))
  const { id, domain } = await test.hub.control.things.get('sensor-1')
  sensor = { id: `thing:${id}`, kind: 'thing', domain }
  return {
    reader,
    publisher: sensor.id,
    mqtt: () => openStream(doors.mqtt.address!.port),
    coap: () => openDatagrams(doors.coap.address!.port),
    'coap-tcp': () => openStream(doors.coapTcp.address!.port),
    'coap-websocket': () => openWebSocket(doors.http.address!.port),
    http: () => openStream(doors.http.address!.port),
  }
}

async function openStream(port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return {
    send: hex => void socket.write(bytesOf(hex)),
    async next(bytes = 1) {
      for (;;) {
        const chunk = socket.read(bytes) as Buffer | null
        if (chunk !== null) return hexOf(chunk)
        await once(socket, 'readable')
      }
    },
  }
}

/** From a port of its own: message ids and tokens of vectors are the same. */
async function openDatagrams(port: number): Promise<Line> {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  const inbox = queue()
  socket.on('message', datagram => inbox.push(hexOf(datagram)))
  return { send: hex => socket.send(bytesOf(hex), port, '127.0.0.1'), next: () => inbox.next() }
}

async function openWebSocket(port: number): Promise<Line> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/.well-known/coap`, 'coap')
  onTestFinished(() => webSocket.terminate())
  const inbox = queue()
  webSocket.on('message', data => inbox.push(hexOf(data as Buffer)))
  await once(webSocket, 'open')
  return { send: hex => webSocket.send(bytesOf(hex)), next: () => inbox.next() }
}

function queue() {
  const items: string[] = []
  let wake: (() => void) | undefined
  return {
    push(item: string): void {
      items.push(item)
      wake?.()
    },
    async next(): Promise<string> {
      while (items.length === 0) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      return items.shift()!
    },
  }
}
