import type { Presence, PresenceConnection, PresenceUpdate, PrincipalKind } from '../model/index.ts'
import { isRecord, readTime, unexpected } from './wire-resources.ts'

/** Throws `unavailable` for what no hub would say. */
export function readPresence(answer: unknown): Presence {
  if (!isRecord(answer)) throw unexpected('body')
  const { principal, kind, connections, lastSeenAt, lastProtocol } = answer
  if (typeof principal !== 'string') throw unexpected('principal')
  if (typeof kind !== 'string') throw unexpected('kind')
  if (!Array.isArray(connections)) throw unexpected('connections')
  return {
    principal,
    kind: kind as PrincipalKind,
    connections: connections.map(readConnection),
    ...(lastSeenAt === undefined ? {} : { lastSeenAtMs: readTime('lastSeenAt', lastSeenAt) }),
    ...(typeof lastProtocol === 'string' ? { lastProtocol } : {}),
  }
}

export function readPresenceUpdate(data: unknown): PresenceUpdate {
  if (!isRecord(data) || !Array.isArray(data.items) || !Array.isArray(data.gone)) throw unexpected('update')
  return { reset: data.reset === true, items: data.items.map(readPresence), gone: data.gone.map(String) }
}

function readConnection(value: unknown): PresenceConnection {
  if (!isRecord(value) || typeof value.protocol !== 'string') throw unexpected('connections')
  const { protocol, clientId, connectedAt } = value
  return {
    protocol,
    clientId: typeof clientId === 'string' ? clientId : '',
    connectedAtMs: readTime('connectedAt', connectedAt),
  }
}
