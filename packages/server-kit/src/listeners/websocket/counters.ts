import type { Counter, Meter } from '../../contracts/index.ts'

const limits = [
  'path',
  'origin',
  'subprotocol',
  'handshake',
  'room',
  'unproven-bytes',
  'message-bytes',
  'text',
  'malformed',
] as const
export type WebSocketRefusal = (typeof limits)[number]

export type WebSocketCounters = Readonly<Record<WebSocketRefusal, Counter>>

export function webSocketCounters(meter: Meter): WebSocketCounters {
  const name = 'thingmesh_websocket_refused_total'
  const entries = limits.map(limit => [limit, meter.counter(name, 'WebSockets refused or ended.', { limit })])
  return Object.fromEntries(entries) as WebSocketCounters
}
