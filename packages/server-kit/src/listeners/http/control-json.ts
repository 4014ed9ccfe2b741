import type {
  Channel,
  Domain,
  Grant,
  Key,
  NewKey,
  NewToken,
  Presence,
  PresenceUpdate,
  Principal,
  Thing,
  Token,
} from '@thingmesh/core'

// Member by member, never a spread: whatever else an object of the registry comes to hold does not get out.

function toIso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function toExpiry(expiresAtMs: number | undefined): { expiresAt?: string } {
  return expiresAtMs === undefined ? {} : { expiresAt: toIso(expiresAtMs) }
}

function toEntityJson(entity: Thing | Channel | Grant | Key | Token) {
  const { id, domain, createdAtMs, updatedAtMs } = entity
  return { id, domain, createdAt: toIso(createdAtMs), updatedAt: toIso(updatedAtMs) }
}

function toDescribedJson({ metadata, tags, enabled }: Thing | Channel) {
  return { metadata, tags, enabled }
}

export function toThingJson(thing: Thing) {
  return { ...toEntityJson(thing), name: thing.name, ...toDescribedJson(thing) }
}

export function toNewThingJson(thing: Thing & { readonly key: NewKey }) {
  return { ...toThingJson(thing), key: toNewKeyJson(thing.key) }
}

export function toChannelJson(channel: Channel) {
  const { maxAgeSeconds, bytesMax } = channel.retention
  return {
    ...toEntityJson(channel),
    name: channel.name,
    record: channel.record,
    retention: { maxAgeSeconds, bytesMax },
    ...toDescribedJson(channel),
  }
}

export function toGrantJson(grant: Grant) {
  const { thing, channel, actions, pattern } = grant
  return { ...toEntityJson(grant), thing, channel, actions, pattern }
}

export function toKeyJson(key: Key) {
  const { thing, kind, publicKey, expiresAtMs } = key
  return { ...toEntityJson(key), thing, kind, ...(publicKey !== undefined && { publicKey }), ...toExpiry(expiresAtMs) }
}

export function toNewKeyJson(key: NewKey) {
  return { ...toKeyJson(key), secret: key.secret }
}

export function toTokenJson(token: Token) {
  return { ...toEntityJson(token), name: token.name, scope: token.scope, ...toExpiry(token.expiresAtMs) }
}

export function toNewTokenJson(token: NewToken) {
  return { ...toTokenJson(token), secret: token.secret }
}

export function toDomainJson({ id, name, createdAtMs, updatedAtMs }: Domain) {
  return { id, name, createdAt: toIso(createdAtMs), updatedAt: toIso(updatedAtMs) }
}

export function toNewDomainJson(domain: Domain & { readonly token: NewToken }) {
  return { ...toDomainJson(domain), token: toNewTokenJson(domain.token) }
}

export function toPresenceJson({ principal, kind, connections, lastSeenAtMs, lastProtocol }: Presence) {
  return {
    principal,
    kind,
    connections: connections.map(({ protocol, clientId, connectedAtMs }) => ({
      protocol,
      ...(clientId !== '' && { clientId }),
      connectedAt: toIso(connectedAtMs),
    })),
    ...(lastSeenAtMs !== undefined && { lastSeenAt: toIso(lastSeenAtMs) }),
    lastProtocol,
  }
}

export function toPresenceUpdateJson({ reset, items, gone }: PresenceUpdate) {
  return { reset, items: items.map(toPresenceJson), gone }
}

/** Without the credential's id: whoever asks holds the credential, and nobody else needs it. */
export function toPrincipalJson({ id, kind, domain, control, grants, expiresAtMs }: Principal) {
  return { id, kind, domain, control, grants, ...toExpiry(expiresAtMs) }
}
