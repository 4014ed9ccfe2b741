import { expect, onTestFinished } from 'vitest'
import type { Listener } from '../../../src/contracts/index.ts'
import { createHub } from '../../../src/index.ts'
import { type CoapOverWebSocketOptions, coapOverWebSocket, coapTcpListener } from '../../../src/listeners/coap/index.ts'
import { httpListener } from '../../../src/listeners/http/index.ts'
import { type MemoryConnection, memoryListener } from '../../../src/listeners/memory/index.ts'
import { webSockets } from '../../../src/listeners/websocket/index.ts'
import { memoryStore } from '../../../src/store/memory/index.ts'
import { dialTcp, dialWebSocket, openReliable, type ReliablePeer, type WebSocketPeer } from './reliable-peer.ts'

/** What carries the messages. */
export interface Transport<Peer extends ReliablePeer> {
  door(options: CoapOverWebSocketOptions): Listener
  dial(port: number, key: string): Promise<Peer>
}

export const tcp: Transport<ReliablePeer> = {
  door: options => coapTcpListener({ port: 0, ...options }),
  dial: dialTcp,
}
export const webSocket: Transport<WebSocketPeer> = {
  door: options => httpListener({ port: 0, upgrade: webSockets({ routes: [coapOverWebSocket(options)] }) }),
  dial: dialWebSocket,
}
export const transports: readonly (readonly [string, Transport<ReliablePeer>])[] = [
  ['TCP', tcp],
  ['WebSocket', webSocket],
]

export interface Site<Peer extends ReliablePeer> {
  readonly hub: Awaited<ReturnType<typeof createHub>>
  readonly port: number
  readonly writer: MemoryConnection
  /** Connected, and nothing said. */
  open(): Promise<Peer>
  /** Connected, with settings exchanged. */
  peer(): Promise<Peer>
  counter(name: string, limit?: string): number
}

export async function startOver<Peer extends ReliablePeer>(
  transport: Transport<Peer>,
  options: CoapOverWebSocketOptions = {},
): Promise<Site<Peer>> {
  const memory = memoryListener()
  const door = transport.door(options)
  const faults: unknown[] = []
  const hub = await createHub({ store: memoryStore(), listeners: [memory, door], onFault: error => faults.push(error) })
  await hub.start()
  onTestFinished(async () => {
    await hub.stop()
    expect(faults).toEqual([])
  })
  await hub.control.channels.create({ name: 'telemetry' })
  const { key } = await hub.control.things.create({ name: 'sensor' })
  await hub.control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish', 'subscribe', 'read'] })
  const writer = await memory.connect({ credential: { kind: 'key', secret: key.secret } })
  const { port } = door.address!
  const open = async () => {
    const peer = await transport.dial(port, key.secret)
    onTestFinished(() => peer.carrier.destroy())
    return peer
  }
  return {
    hub,
    port,
    writer,
    open,
    peer: () => openReliable(open()),
    counter(name, limit) {
      const samples = hub.meter.collect().find(one => one.name === `thingmesh_${name}`)?.samples ?? []
      return samples
        .filter(({ labels }) => limit === undefined || labels.limit === limit)
        .reduce((sum, { value }) => sum + value, 0)
    },
  }
}
