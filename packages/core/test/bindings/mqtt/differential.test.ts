import fc from 'fast-check'
import { generate, type Packet as PeerPacket, parser as peerParser } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { encodePacket, type Packet, type Properties, type ProtocolLevel } from '../../../src/bindings/mqtt/index.ts'
import { levels, packetsTo } from './arbitraries.ts'
import { holds } from './holds.ts'
import { parseAll, parser } from './parsing.ts'

/*
 * Our codec against `mqtt-packet`. Both sides are brought to the peer's words; what the peer cannot say is normalised
 * away and named where it happens.
 */

type Fields = Record<string, unknown>

function toPeerProperties(properties: Properties | undefined): Fields | undefined {
  if (properties === undefined) return undefined
  const { userProperties, subscriptionIdentifiers, payloadFormatIndicator, ...same } = properties
  const fields: Fields = { ...same }
  for (const name of ['correlationData', 'authenticationData']) {
    if (fields[name] !== undefined) fields[name] = Buffer.from(fields[name] as Uint8Array)
  }
  if (payloadFormatIndicator !== undefined) fields.payloadFormatIndicator = payloadFormatIndicator === 1
  if (subscriptionIdentifiers !== undefined) {
    fields.subscriptionIdentifier =
      subscriptionIdentifiers.length === 1 ? subscriptionIdentifiers[0] : subscriptionIdentifiers
  }
  if (userProperties !== undefined) {
    const grouped: Record<string, string | string[]> = Object.create(null)
    for (const [name, value] of userProperties) {
      const known = grouped[name]
      grouped[name] = known === undefined ? value : [known, value].flat()
    }
    fields.userProperties = grouped
  }
  return fields
}

function toPeer(packet: Packet, level: ProtocolLevel): Fields {
  const properties = 'properties' in packet ? toPeerProperties(packet.properties) : undefined
  const common: Fields = { cmd: packet.type, ...(properties === undefined ? {} : { properties }) }
  switch (packet.type) {
    case 'connect': {
      const { will } = packet
      const willProperties = toPeerProperties(will?.properties)
      return {
        ...common,
        protocolId: level === 3 ? 'MQIsdp' : 'MQTT',
        protocolVersion: level,
        clean: packet.cleanStart,
        clientId: packet.clientId,
        keepalive: packet.keepAliveSeconds,
        ...(packet.username === undefined ? {} : { username: packet.username }),
        ...(packet.password === undefined ? {} : { password: Buffer.from(packet.password) }),
        ...(will === undefined
          ? {}
          : {
              will: {
                topic: will.topic,
                payload: Buffer.from(will.payload),
                qos: will.qos,
                retain: will.retain,
                ...(willProperties === undefined ? {} : { properties: willProperties }),
              },
            }),
      }
    }
    case 'connack': {
      const { sessionPresent, reasonCode } = packet
      return { ...common, sessionPresent, ...(level === 5 ? { reasonCode } : { returnCode: reasonCode }) }
    }
    case 'publish': {
      const { topic, qos, retain, dup, packetId } = packet
      const id = qos === 0 ? {} : { messageId: packetId }
      return { ...common, topic, payload: Buffer.from(packet.payload), qos, retain, dup, ...id }
    }
    case 'subscribe':
      return {
        ...common,
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map(entry => ({
          topic: entry.filter,
          qos: entry.qos,
          ...(level === 5 ? { nl: entry.noLocal, rap: entry.retainAsPublished, rh: entry.retainHandling } : {}),
        })),
      }
    case 'unsubscribe':
      return { ...common, messageId: packet.packetId, unsubscriptions: packet.filters }
    case 'suback':
      return { ...common, messageId: packet.packetId, granted: packet.reasonCodes }
    case 'unsuback':
      return { ...common, messageId: packet.packetId, ...(level === 5 ? { granted: packet.reasonCodes } : {}) }
    case 'pingreq':
    case 'pingresp':
      return common
    case 'disconnect':
    case 'auth':
      return { ...common, ...(level === 5 ? { reasonCode: packet.reasonCode } : {}) }
    default:
      return {
        ...common,
        messageId: packet.packetId,
        ...(level === 5 ? { reasonCode: packet.reasonCode } : {}),
      }
  }
}

/** What the peer parsed, without the fields that it gives to every packet, whatever its type. */
function parsedByPeer(bytes: Uint8Array, level: ProtocolLevel): Fields[] {
  const packets: Fields[] = []
  const target = peerParser({ protocolVersion: level })
  target.on('packet', packet => packets.push(plain(packet)))
  target.on('error', error => {
    throw error
  })
  target.parse(Buffer.from(bytes))
  return packets
}

function plain(packet: PeerPacket): Fields {
  const { length: _length, ...fields } = packet as unknown as Fields
  for (const [name, value] of Object.entries(fields)) {
    const meaningless = packet.cmd !== 'publish' && ['qos', 'retain', 'dup', 'topic', 'payload'].includes(name)
    if (meaningless || value === null || value === undefined || (name === 'messageId' && value === -1)) {
      delete fields[name]
    }
  }
  return fields
}

/** The peer loses the order of user properties between names, and a value that comes after an empty one. */
function withoutPeerLosses(packet: Packet): Packet {
  const mend = (properties: Properties | undefined) => {
    if (properties?.userProperties === undefined) return properties
    const filled = properties.userProperties.map(([name, value]): [string, string] => [name, value || 'v'])
    const names = [...new Set(filled.map(([name]) => name))]
    // Integer-like names come first in an object.
    const order = Object.keys(Object.fromEntries(names.map(name => [`${name}`, 0])))
    const sorted = order.flatMap(name => filled.filter(pair => pair[0] === name))
    return { ...properties, userProperties: sorted }
  }
  if (packet.type === 'connect' && packet.will !== undefined) {
    const will = { ...packet.will, properties: mend(packet.will.properties) }
    return { ...packet, will, properties: mend(packet.properties) }
  }
  if ('properties' in packet) return { ...packet, properties: mend(packet.properties) } as Packet
  return packet
}

/** The peer cannot read an AUTH of length 0, which MQTT 5, section 3.15.2.1, allows. */
function isBareAuth(packet: Packet): boolean {
  return packet.type === 'auth' && packet.properties === undefined
}

/** The peer does not write a password without a user name, which MQTT 5, section 3.1.2.9, allows. */
function isPasswordAlone(packet: Packet): boolean {
  return packet.type === 'connect' && packet.username === undefined && packet.password !== undefined
}

describe.each(levels)('mqtt-packet at level %i', level => {
  describe.each(['server', 'client'] as const)('to a %s', role => {
    it.each(packetsTo(role, level))('%s: it reads what we write', (_type, arbitrary) => {
      holds(
        fc.property(arbitrary.map(withoutPeerLosses), packet => {
          fc.pre(!isBareAuth(packet))
          expect(parsedByPeer(encodePacket(packet, level), level)).toEqual([toPeer(packet, level)])
        }),
      )
    })

    it.each(packetsTo(role, level))('%s: we read what it writes', (_type, arbitrary) => {
      holds(
        fc.property(arbitrary.map(withoutPeerLosses), packet => {
          fc.pre(!isPasswordAlone(packet))
          const bytes = generate(toPeer(packet, level) as unknown as PeerPacket, { protocolVersion: level })
          expect(parseAll(parser(role, level), bytes)).toEqual([packet])
        }),
      )
    })
  })
})
