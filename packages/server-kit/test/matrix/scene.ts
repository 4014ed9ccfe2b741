import { createHub, type Hub } from '@thingmesh/server-kit'
import { coapListener, coapOverWebSocket, coapTcpListener } from '@thingmesh/server-kit/coap'
import { httpListener } from '@thingmesh/server-kit/http'
import { type MemoryConnection, memoryListener } from '@thingmesh/server-kit/memory'
import { mqttListener, mqttOverWebSocket } from '@thingmesh/server-kit/mqtt'
import { messageFrames, webSockets } from '@thingmesh/server-kit/websocket'
import { type GatedStore, gatedStore } from '../support/gated-store.ts'
import type { Client, Door, Who } from './door.ts'
import { coapTcpDoor, coapUdpDoor, coapWebSocketDoor } from './doors/coap.ts'
import { httpDoor } from './doors/http.ts'
import { memoryDoor } from './doors/memory.ts'
import { mqttDoor } from './doors/mqtt.ts'
import { cborFramesDoor, jsonFramesDoor, plainFramesDoor } from './doors/websocket.ts'

export const doorNames = [
  'MQTT 3.1.1',
  'MQTT 5',
  'MQTT over WebSocket',
  'CoAP over UDP',
  'CoAP over TCP',
  'CoAP over WebSocket',
  'HTTP',
  'WebSocket, plain',
  'WebSocket, JSON',
  'WebSocket, CBOR',
  'within the process',
] as const
export type DoorName = (typeof doorNames)[number]

/** What shows a listener that it listens: the last value that is there before. */
export const ready = 'ready'

/** One hub with every door. */
export interface Scene {
  readonly hub: Hub
  readonly store: GatedStore
  readonly httpPort: number
  readonly faults: readonly string[]
  readonly operator: MemoryConnection
  door(name: DoorName): Door
  /** A thing that may do everything on these channels, or on the part of them that the pattern matches. */
  thing(name: string, channels: readonly string[], pattern?: string): Promise<Who & { readonly id: string }>
  open(door: Door, who: Who): Promise<Client>
  close(): Promise<void>
}

export async function openScene(): Promise<Scene> {
  const store = gatedStore()
  const memory = memoryListener()
  const routes = [mqttOverWebSocket(), messageFrames(), coapOverWebSocket()]
  const doors = {
    mqtt: mqttListener({ port: 0 }),
    http: httpListener({ port: 0, upgrade: webSockets({ routes }) }),
    // However busy the machine is, a publish is answered once.
    coap: coapListener({ port: 0, ackTimeoutMs: 20_000 }),
    coapTcp: coapTcpListener({ port: 0 }),
  }
  const faults: string[] = []
  const onFault = (error: Error, { part }: { readonly part: string }) => void faults.push(`${part}: ${error.message}`)
  const hub = await createHub({ store, listeners: [memory, ...Object.values(doors)], onFault })
  await hub.start()
  const thing = async (name: string, channels: readonly string[], pattern = '#') => {
    const { id, key } = await hub.control.things.create({ name })
    for (const channel of channels) {
      await hub.control.grants.create({ thing: name, channel, pattern, actions: ['publish', 'subscribe', 'read'] })
    }
    return { id, thing: name, key: key.secret }
  }
  for (const name of ['telemetry', 'aside']) await hub.control.channels.create({ name })
  const operator = await memory.connect({
    credential: { kind: 'key', secret: (await thing('operator', ['telemetry', 'aside'])).key },
  })
  for (const channel of ['telemetry', 'aside']) await operator.publish(`${channel}/ready`, ready, { retain: true })
  const [mqtt, http, coap, coapTcp] = [doors.mqtt, doors.http, doors.coap, doors.coapTcp].map(
    ({ address }) => address!.port,
  ) as [number, number, number, number]
  const all = [
    mqttDoor('MQTT 3.1.1', `mqtt://127.0.0.1:${mqtt}`, 4),
    mqttDoor('MQTT 5', `mqtt://127.0.0.1:${mqtt}`, 5),
    mqttDoor('MQTT over WebSocket', `ws://127.0.0.1:${http}/mqtt`, 5),
    coapUdpDoor(coap),
    coapTcpDoor(coapTcp),
    coapWebSocketDoor(http),
    httpDoor(http),
    plainFramesDoor(http),
    jsonFramesDoor(http),
    cborFramesDoor(http),
    memoryDoor(memory),
  ]
  const clients: Client[] = []
  return {
    hub,
    store,
    httpPort: http,
    faults,
    operator,
    door: name => all.find(door => door.name === name)!,
    thing,
    async open(door, who) {
      const client = await door.open(who)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) await client.close()
      await hub.stop()
    },
  }
}
