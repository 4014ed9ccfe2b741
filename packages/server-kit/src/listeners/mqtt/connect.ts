import { randomBytes } from 'node:crypto'
import { type Principal, ThingmeshError } from '@thingmesh/core'
import { type ConnectPacket, type Properties, receiveMaximumProperty } from '@thingmesh/core/mqtt'
import type { Credential, Dialect, Hello, Peer, Session, Will } from '../../contracts/index.ts'
import type { Authentication } from './authentication.ts'
import { toDraft } from './mapping.ts'
import type { MqttLimits } from './options.ts'
import { readerOf } from './topic-reader.ts'

/** "Never expires" in MQTT 5 (section 3.1.2.11.2), and what a session without Clean Session is before it. The hub bounds it. */
const neverExpires = 0xffffffff

/** With an id for every session, also one whose peer left it to the hub. */
export type ConnectHello = Hello & { readonly clientId: string }

/** What a CONNECT packet asks of the hub. Throws `invalid-argument` for a client id that may not be empty. */
export function toHello(
  packet: ConnectPacket,
  peer: Peer,
  {
    authentication,
    dialects,
  }: { readonly authentication: Authentication | undefined; readonly dialects: readonly Dialect[] },
): ConnectHello {
  const { level, cleanStart, properties, will } = packet
  return {
    protocol: 'mqtt',
    // With a method, a password proves nothing (MQTT 5, section 4.12).
    credential: authentication?.begin(properties?.authenticationData) ?? toCredential(packet, peer),
    peer,
    clientId: toClientId(packet),
    cleanStart,
    expiresInSeconds: level === 5 ? (properties?.sessionExpiryInterval ?? 0) : cleanStart ? 0 : neverExpires,
    windowMax: properties?.receiveMaximum,
    will: will === undefined ? undefined : principal => toWill(will, principal, dialects),
  }
}

/** What CONNACK tells: whatever is not as the peer asked for it, and the limits (MQTT 5, section 3.2.2.3). */
export function grantedProperties(
  packet: ConnectPacket,
  hello: ConnectHello,
  session: Session,
  keepAliveSeconds: number,
  receiveMaximum: number,
  limits: MqttLimits,
): Properties | undefined {
  if (packet.level !== 5) return undefined
  const asked = packet.properties?.sessionExpiryInterval ?? 0
  return {
    ...(session.expiresInSeconds !== asked && { sessionExpiryInterval: session.expiresInSeconds }),
    receiveMaximum,
    topicAliasMaximum: limits.topicAliasMaximum,
    maximumPacketSize: limits.packetBytesMax,
    ...(packet.clientId === '' && { assignedClientIdentifier: hello.clientId }),
    sharedSubscriptionAvailable: true,
    ...(keepAliveSeconds !== packet.keepAliveSeconds && { serverKeepAlive: keepAliveSeconds }),
  }
}

/**
 * What the peer may have un-acknowledged. A request that is none of ours is somebody else's property of the same name. Who asks says things again
 * under their keys, so it has no more than the hub remembers, where it remembers any.
 */
export function receiveMaximumFor({ properties }: ConnectPacket, limits: MqttLimits, keysMax: number): number {
  const { receiveMaximum, receiveMaximumOnRequest } = limits
  const asked = properties?.userProperties?.find(([name]) => name === receiveMaximumProperty)?.[1]
  if (asked === undefined || !/^[1-9]\d{0,4}$/.test(asked)) return receiveMaximum
  return Math.min(
    Math.max(receiveMaximum, Math.min(Number(asked), receiveMaximumOnRequest)),
    keysMax || Number.POSITIVE_INFINITY,
  )
}

/** A password is what the peer chose to show, and it counts. A user name alone must not contradict the certificate. */
function toCredential({ username, password }: ConnectPacket, { certificate }: Peer): Credential {
  if (password !== undefined) {
    return { kind: 'key', identity: username, secret: Buffer.from(password).toString('utf8') }
  }
  return certificate === undefined ? { kind: 'anonymous' } : { kind: 'certificate', certificate, identity: username }
}

function toClientId({ clientId, level, cleanStart }: ConnectPacket): string {
  if (clientId !== '') return clientId
  // Only a session that ends with its connection may be nameless before MQTT 5 (3.1.1, section 3.1.3.1).
  if (level !== 5 && !cleanStart)
    throw new ThingmeshError('invalid-argument', 'an empty client id without clean session')
  return `auto-${randomBytes(12).toString('hex')}`
}

function toWill(will: NonNullable<ConnectPacket['will']>, principal: Principal, dialects: readonly Dialect[]): Will {
  const draft = toDraft(will, will.topic, readerOf(dialects, principal))
  return { draft, delaySeconds: will.properties?.willDelayInterval }
}
