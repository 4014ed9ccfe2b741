import { malformed, protocolError } from './faults.ts'
import type { PacketType } from './packet-type.ts'
import type { ProtocolLevel } from './packets.ts'
import { variableIntegerBytesMax } from './variable-integer.ts'

/** Type and flags in one byte, then the remaining length (MQTT 5, section 2.1). */
export const fixedHeaderBytesMax = 1 + variableIntegerBytesMax

/** Who reads: `server` refuses what only a server sends, `client` what only a client sends. */
export type Role = 'server' | 'client'

/** First bytes of packets, with the flags that the specification demands. PUBLISH adds its own. */
export const FirstByte = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
} as const satisfies Record<PacketType, number>

// By the upper four bits; nothing is 0 (MQTT 5, table 2-1).
const types: readonly (PacketType | undefined)[] = [undefined, ...(Object.keys(FirstByte) as PacketType[])]

const sentByServersOnly: ReadonlySet<PacketType> = new Set<PacketType>(['connack', 'suback', 'unsuback', 'pingresp'])
const sentByClientsOnly: ReadonlySet<PacketType> = new Set<PacketType>([
  'connect',
  'subscribe',
  'unsubscribe',
  'pingreq',
])
const repeatable: ReadonlySet<PacketType> = new Set<PacketType>(['pubrel', 'subscribe', 'unsubscribe'])

const dupFlag = 0x08

/** The packet type of a first byte, once its flags, its direction and its protocol level are found to be right. */
export function parsePacketType(first: number, role: Role, level: ProtocolLevel): PacketType {
  const type = types[first >> 4]
  if (type === 'publish') {
    checkPublishFlags(first)
    return type
  }
  if (type === undefined || (type === 'auth' && level !== 5)) {
    throw malformed(`packet type ${first >> 4} is reserved`)
  }
  // MQTT 3.1, sections 3.6, 3.8 and 3.10, sets DUP where these three are sent again; later versions do not.
  const flags = level === 3 && repeatable.has(type) ? first & ~dupFlag : first
  if (flags !== FirstByte[type]) throw malformed(`flags ${first & 0x0f} in ${type}`)
  const wrong = role === 'server' ? sentByServersOnly : sentByClientsOnly
  if (wrong.has(type)) throw protocolError(`${type} sent to a ${role}`)
  if (role === 'client' && type === 'disconnect' && level !== 5) throw protocolError('disconnect sent to a client')
  return type
}

function checkPublishFlags(first: number): void {
  const qos = (first >> 1) & 3
  if (qos === 3) throw malformed('publish with QoS 3') // MQTT-3.3.1-4
  if (qos === 0 && (first & dupFlag) !== 0) throw malformed('publish with DUP and QoS 0') // MQTT-3.3.1-2
}

const emptyPackets: ReadonlySet<PacketType> = new Set<PacketType>(['pingreq', 'pingresp'])
const twoBytePackets: ReadonlySet<PacketType> = new Set<PacketType>([
  'connack',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'unsuback',
])

/** Refuses a remaining length that no packet of this type can have, before a byte of it is kept. */
export function checkFixedSize(type: PacketType, level: ProtocolLevel, remaining: number): void {
  if (emptyPackets.has(type) || (level !== 5 && type === 'disconnect')) {
    if (remaining !== 0) throw malformed(`${type} of ${remaining} bytes, it has none`, { found: remaining, limit: 0 })
  } else if (level !== 5 && twoBytePackets.has(type) && remaining !== 2) {
    throw malformed(`${type} of ${remaining} bytes, it has 2`, { found: remaining, limit: 2 })
  }
}
