import type { PacketType } from './packet-type.ts'
import { ReasonCode } from './reason-codes.ts'

/** Every property of MQTT 5 (section 2.2.2.2). Intervals and keep-alive are seconds, packet size is bytes. */
export interface Properties {
  /** 1 declares the payload to be UTF-8. */
  payloadFormatIndicator?: 0 | 1 | undefined
  messageExpiryInterval?: number | undefined
  contentType?: string | undefined
  responseTopic?: string | undefined
  correlationData?: Uint8Array | undefined
  /** 1–268,435,455 each. SUBSCRIBE carries one at most, PUBLISH to a client as many as matched. */
  subscriptionIdentifiers?: number[] | undefined
  sessionExpiryInterval?: number | undefined
  assignedClientIdentifier?: string | undefined
  serverKeepAlive?: number | undefined
  authenticationMethod?: string | undefined
  authenticationData?: Uint8Array | undefined
  requestProblemInformation?: boolean | undefined
  willDelayInterval?: number | undefined
  requestResponseInformation?: boolean | undefined
  responseInformation?: string | undefined
  serverReference?: string | undefined
  reasonString?: string | undefined
  receiveMaximum?: number | undefined
  topicAliasMaximum?: number | undefined
  topicAlias?: number | undefined
  maximumQoS?: 0 | 1 | undefined
  retainAvailable?: boolean | undefined
  /** Order kept, names may repeat. */
  userProperties?: [name: string, value: string][] | undefined
  maximumPacketSize?: number | undefined
  wildcardSubscriptionAvailable?: boolean | undefined
  subscriptionIdentifiersAvailable?: boolean | undefined
  sharedSubscriptionAvailable?: boolean | undefined
}

export type PropertyName = keyof Properties

/** Where a property may stand: in a packet, or in the will of a CONNECT. */
export type PropertyOwner = Exclude<PacketType, 'pingreq' | 'pingresp'> | 'will'

export type PropertyType = 'boolean' | 'byte' | 'uint16' | 'uint32' | 'varint' | 'string' | 'binary' | 'pair'

export interface PropertyDescriptor {
  readonly id: number
  readonly name: PropertyName
  readonly type: PropertyType
  readonly owners: readonly PropertyOwner[]
  /** Bounds of a number, where they are narrower than its type's; outside them it is a protocol error. */
  readonly min: number
  readonly max: number
  /** What a number outside the bounds is answered with. */
  readonly reasonCode: number
}

const acknowledgements = ['connack', 'puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback'] as const
const message = ['publish', 'will'] as const
const handshake = ['connect', 'connack'] as const
const authentication = ['connect', 'connack', 'auth'] as const
const all: readonly PropertyOwner[] = [
  ...acknowledgements,
  ...message,
  'connect',
  'subscribe',
  'unsubscribe',
  'disconnect',
  'auth',
]

const numberMax: Readonly<Record<PropertyType, number>> = {
  boolean: 1,
  byte: 0xff,
  uint16: 0xffff,
  uint32: 0xffff_ffff,
  varint: 0x0fff_ffff,
  string: 0,
  binary: 0,
  pair: 0,
}

/** MQTT 5, table 2-4, with the bounds from the sections on the single packets. */
export const propertyTable: readonly PropertyDescriptor[] = [
  property(0x01, 'payloadFormatIndicator', 'byte', message, { max: 1 }),
  property(0x02, 'messageExpiryInterval', 'uint32', message),
  property(0x03, 'contentType', 'string', message),
  property(0x08, 'responseTopic', 'string', message),
  property(0x09, 'correlationData', 'binary', message),
  property(0x0b, 'subscriptionIdentifiers', 'varint', ['publish', 'subscribe'], { min: 1 }),
  property(0x11, 'sessionExpiryInterval', 'uint32', [...handshake, 'disconnect']),
  property(0x12, 'assignedClientIdentifier', 'string', ['connack']),
  property(0x13, 'serverKeepAlive', 'uint16', ['connack']),
  property(0x15, 'authenticationMethod', 'string', authentication),
  property(0x16, 'authenticationData', 'binary', authentication),
  property(0x17, 'requestProblemInformation', 'boolean', ['connect']),
  property(0x18, 'willDelayInterval', 'uint32', ['will']),
  property(0x19, 'requestResponseInformation', 'boolean', ['connect']),
  property(0x1a, 'responseInformation', 'string', ['connack']),
  property(0x1c, 'serverReference', 'string', ['connack', 'disconnect']),
  property(0x1f, 'reasonString', 'string', [...acknowledgements, 'disconnect', 'auth']),
  property(0x21, 'receiveMaximum', 'uint16', handshake, { min: 1 }),
  property(0x22, 'topicAliasMaximum', 'uint16', handshake),
  property(0x23, 'topicAlias', 'uint16', ['publish'], { min: 1, reasonCode: ReasonCode.topicAliasInvalid }),
  property(0x24, 'maximumQoS', 'byte', ['connack'], { max: 1 }),
  property(0x25, 'retainAvailable', 'boolean', ['connack']),
  property(0x26, 'userProperties', 'pair', all),
  property(0x27, 'maximumPacketSize', 'uint32', handshake, { min: 1 }),
  property(0x28, 'wildcardSubscriptionAvailable', 'boolean', ['connack']),
  property(0x29, 'subscriptionIdentifiersAvailable', 'boolean', ['connack']),
  property(0x2a, 'sharedSubscriptionAvailable', 'boolean', ['connack']),
]

function property(
  id: number,
  name: PropertyName,
  type: PropertyType,
  owners: readonly PropertyOwner[],
  bounds: { min?: number; max?: number; reasonCode?: number } = {},
): PropertyDescriptor {
  const { min = 0, max = numberMax[type], reasonCode = ReasonCode.protocolError } = bounds
  return { id, name, type, owners, min, max, reasonCode }
}

const byId: readonly (PropertyDescriptor | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  propertyTable.find(entry => entry.id === id),
)
const byName: ReadonlyMap<string, PropertyDescriptor> = new Map(propertyTable.map(entry => [entry.name, entry]))

export function propertyById(id: number): PropertyDescriptor | undefined {
  return byId[id]
}

export function propertyByName(name: string): PropertyDescriptor | undefined {
  return byName.get(name)
}
