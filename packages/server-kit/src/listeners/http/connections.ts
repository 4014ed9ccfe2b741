import type { Socket } from 'node:net'
import {
  type Counter,
  handshakeFailures,
  type Meter,
  type Peer,
  type PeerCertificate,
  type Places,
} from '../../contracts/index.ts'
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

/** The open connections, bounded in all and by address. */
export interface Connections {
  readonly size: number
  /** Counts the socket until it is closed, or destroys it and says why. */
  admit(socket: Socket): Refusal | undefined
  /** Requests come on this one: the socket that was admitted, or its TLS. */
  open(socket: Socket, certificate?: PeerCertificate): void
  of(socket: Socket): Connection | undefined
  /** Destroys those on which nothing was asked yet, which Node does not count as idle: a browser opens some in advance. */
  cutUnused(): void
}

export function trackConnections(places: Places): Connections {
  const connections = new Map<Socket, Connection>()

  return {
    get size() {
      return places.taken
    },
    of: socket => connections.get(socket),
    admit(socket) {
      const place = places.take(toPeer(socket.remoteAddress, socket.remotePort).address)
      if (typeof place === 'string') {
        socket.destroy()
        return place
      }
      socket.once('close', place)
      return undefined
    },
    open(socket, certificate) {
      const peer = toPeer(socket.remoteAddress, socket.remotePort, certificate)
      connections.set(socket, { peer, requests: 0, written: 0 })
      socket.once('close', () => connections.delete(socket))
    },
    cutUnused() {
      for (const [socket, { requests, written }] of connections) if (requests === 0 && written === 0) socket.destroy()
    },
  }
}
