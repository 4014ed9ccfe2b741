import type { Socket } from 'node:net'
import type { Counter, Meter, Peer } from '../../contracts/index.ts'
import { toPeer } from './peer.ts'

const refusals = [
  'connections',
  'connections-per-address',
  'pipelining',
  'header-bytes',
  'headers',
  'request-timeout',
  'malformed',
] as const
export type Refusal = (typeof refusals)[number]

export function refusalCounters(meter: Meter): Readonly<Record<Refusal, Counter>> {
  const name = 'thingmesh_http_refused_total'
  const entries = refusals.map(limit => [limit, meter.counter(name, 'Refused before a route saw it.', { limit })])
  return Object.fromEntries(entries) as Record<Refusal, Counter>
}

/** What is known of an open connection. */
export interface Connection {
  readonly peer: Peer
  /** Requests that are not answered yet. */
  requests: number
  /** The socket's bytes written when the last answer was complete. */
  written: number
}

export interface ConnectionsOptions {
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
}

/** The open connections, bounded in all and by address. */
export interface Connections {
  readonly size: number
  /** Takes the socket, or destroys it and says why. */
  admit(socket: Socket): Refusal | undefined
  of(socket: Socket): Connection | undefined
}

export function trackConnections(options: ConnectionsOptions): Connections {
  const connections = new Map<Socket, Connection>()
  const byAddress = new Map<string, number>()

  function refuse(socket: Socket, reason: Refusal): Refusal {
    socket.destroy()
    return reason
  }

  return {
    get size() {
      return connections.size
    },
    of: socket => connections.get(socket),
    admit(socket) {
      if (connections.size >= options.connectionsMax) return refuse(socket, 'connections')
      const peer = toPeer(socket.remoteAddress, socket.remotePort)
      const there = byAddress.get(peer.address) ?? 0
      if (there >= options.connectionsPerAddressMax) return refuse(socket, 'connections-per-address')
      byAddress.set(peer.address, there + 1)
      connections.set(socket, { peer, requests: 0, written: 0 })
      socket.once('close', () => {
        connections.delete(socket)
        const left = (byAddress.get(peer.address) ?? 1) - 1
        if (left === 0) byAddress.delete(peer.address)
        else byAddress.set(peer.address, left)
      })
      return undefined
    },
  }
}
