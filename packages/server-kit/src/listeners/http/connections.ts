import type { Socket } from 'node:net'
import { type Counter, handshakeFailures, type Meter, type Peer, type PeerCertificate } from '../../contracts/index.ts'
import { toPeer } from './peer.ts'

const refusals = [
  'connections',
  'connections-per-address',
  'pipelining',
  'header-bytes',
  'headers',
  'request-timeout',
  'malformed',
  ...handshakeFailures,
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
  /** Counts the socket until it is closed, or destroys it and says why. */
  admit(socket: Socket): Refusal | undefined
  /** Requests come on this one: the socket that was admitted, or its TLS. */
  open(socket: Socket, certificate?: PeerCertificate): void
  of(socket: Socket): Connection | undefined
}

export function trackConnections(options: ConnectionsOptions): Connections {
  const connections = new Map<Socket, Connection>()
  const byAddress = new Map<string, number>()
  let size = 0

  function refuse(socket: Socket, reason: Refusal): Refusal {
    socket.destroy()
    return reason
  }

  return {
    get size() {
      return size
    },
    of: socket => connections.get(socket),
    admit(socket) {
      if (size >= options.connectionsMax) return refuse(socket, 'connections')
      const { address } = toPeer(socket.remoteAddress, socket.remotePort)
      const there = byAddress.get(address) ?? 0
      if (there >= options.connectionsPerAddressMax) return refuse(socket, 'connections-per-address')
      byAddress.set(address, there + 1)
      size++
      socket.once('close', () => {
        size--
        const left = (byAddress.get(address) ?? 1) - 1
        if (left === 0) byAddress.delete(address)
        else byAddress.set(address, left)
      })
      return undefined
    },
    open(socket, certificate) {
      const peer = toPeer(socket.remoteAddress, socket.remotePort, certificate)
      connections.set(socket, { peer, requests: 0, written: 0 })
      socket.once('close', () => connections.delete(socket))
    },
  }
}
