import fc from 'fast-check'
import type { Packet, PacketType, Properties, ProtocolLevel } from '../../../src/bindings/mqtt/index.ts'

/*
 * Every packet that MQTT allows, at every level. The lists of properties and reason codes are written out here a second
 * time, from the specification, so that a slip in the codec's own tables does not go unseen.
 */

/** Well-formed text without U+0000, which MQTT-1.5.4-2 forbids. */
export const text = fc
  .oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 12 }))
  .map(value => value.replaceAll('\0', '\u{feff}'))

export const topic = text.map(value => value.replaceAll(/[+#]/g, '/')).map(value => (value === '' ? 'a/b' : value))
export const filter = fc.oneof(topic, fc.constantFrom('#', '+/x/#', '$share/group/a/+'))
export const bytes = fc.uint8Array({ maxLength: 40 })

const uint16 = fc.integer({ min: 0, max: 0xffff })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const packetId = fc.integer({ min: 1, max: 0xffff })
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2)
const bit = fc.constantFrom<0 | 1>(0, 1)
const identifier = fc.integer({ min: 1, max: 268_435_455 })

const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 })
const reason = { reasonString: text, userProperties }
const authentication = { authenticationMethod: text, authenticationData: bytes }
const message = {
  payloadFormatIndicator: bit,
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
}
const handshake = {
  sessionExpiryInterval: uint32,
  receiveMaximum: fc.integer({ min: 1, max: 0xffff }),
  maximumPacketSize: fc.integer({ min: 1, max: 0xffff_ffff }),
  topicAliasMaximum: uint16,
  userProperties,
  ...authentication,
}

const models = {
  connect: { ...handshake, requestProblemInformation: fc.boolean(), requestResponseInformation: fc.boolean() },
  will: { ...message, willDelayInterval: uint32 },
  connack: {
    ...handshake,
    assignedClientIdentifier: text,
    serverKeepAlive: uint16,
    responseInformation: text,
    serverReference: text,
    reasonString: text,
    maximumQoS: bit,
    retainAvailable: fc.boolean(),
    wildcardSubscriptionAvailable: fc.boolean(),
    subscriptionIdentifiersAvailable: fc.boolean(),
    sharedSubscriptionAvailable: fc.boolean(),
  },
  publish: {
    ...message,
    topicAlias: fc.integer({ min: 1, max: 0xffff }),
  },
  publishToClient: {
    ...message,
    topicAlias: fc.integer({ min: 1, max: 0xffff }),
    subscriptionIdentifiers: fc.array(identifier, { minLength: 1, maxLength: 4 }),
  },
  subscribe: { subscriptionIdentifiers: fc.tuple(identifier), userProperties },
  unsubscribe: { userProperties },
  acknowledgement: reason,
  disconnect: { ...reason, serverReference: text },
  disconnectOfClient: { ...reason, sessionExpiryInterval: uint32 },
  auth: { ...reason, ...authentication },
}

/** Some of an owner's properties; undefined where there are none, as the parser gives them. */
function properties(owner: keyof typeof models, level: ProtocolLevel): fc.Arbitrary<Properties | undefined> {
  if (level !== 5) return fc.constant(undefined)
  const record = fc.record(models[owner] as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] })
  return record.map(value => {
    const found = value as Properties
    if (found.authenticationMethod === undefined) delete found.authenticationData
    return Object.keys(found).length === 0 ? undefined : found
  })
}

const received = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
const codes = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
    0x9c, 0x9d, 0x9f,
  ],
  puback: received,
  pubrec: received,
  pubrel: [0x00, 0x92],
  pubcomp: [0x00, 0x92],
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
    0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
}

function will(level: ProtocolLevel) {
  return fc.record({ topic, payload: bytes, qos, retain: fc.boolean(), properties: properties('will', level) })
}

function connect(level: ProtocolLevel): fc.Arbitrary<Packet> {
  return fc
    .record({
      type: fc.constant('connect' as const),
      level: fc.constant(level),
      clientId: text.map(value => value || 'c'),
      cleanStart: fc.boolean(),
      keepAliveSeconds: uint16,
      username: fc.option(text, { nil: undefined }),
      password: fc.option(bytes, { nil: undefined }),
      will: fc.option(will(level), { nil: undefined }),
      properties: properties('connect', level),
    })
    .map(packet => (level !== 5 && packet.username === undefined ? { ...packet, password: undefined } : packet))
}

function connack(level: ProtocolLevel): fc.Arbitrary<Packet> {
  return fc
    .record({
      type: fc.constant('connack' as const),
      sessionPresent: level === 3 ? fc.constant(false) : fc.boolean(),
      reasonCode: fc.constantFrom(...(level === 5 ? codes.connack : [0, 1, 2, 3, 4, 5])),
      properties: properties('connack', level),
    })
    .map(packet => (packet.reasonCode === 0 ? packet : { ...packet, sessionPresent: false }))
}

function publish(level: ProtocolLevel, owner: 'publish' | 'publishToClient'): fc.Arbitrary<Packet> {
  return fc
    .record({
      type: fc.constant('publish' as const),
      topic,
      payload: fc.uint8Array({ maxLength: 200 }),
      qos,
      retain: fc.boolean(),
      dup: fc.boolean(),
      packetId,
      properties: properties(owner, level),
    })
    .chain(packet => {
      const sent = packet.qos === 0 ? { ...packet, dup: false, packetId: 0 } : packet
      // With an alias the topic may stay out.
      if (sent.properties?.topicAlias === undefined) return fc.constant(sent)
      return fc.boolean().map(named => (named ? sent : { ...sent, topic: '' }))
    })
}

function acknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', level: ProtocolLevel): fc.Arbitrary<Packet> {
  return fc.record({
    type: fc.constant(type),
    packetId,
    reasonCode: level === 5 ? fc.constantFrom(...codes[type]) : fc.constant(0),
    properties: properties('acknowledgement', level),
  })
}

function subscribe(level: ProtocolLevel): fc.Arbitrary<Packet> {
  const newest = level === 5
  const subscription = fc
    .record({
      filter,
      qos,
      noLocal: newest ? fc.boolean() : fc.constant(false),
      retainAsPublished: newest ? fc.boolean() : fc.constant(false),
      retainHandling: newest ? qos : fc.constant(0 as const),
    })
    .map(entry => (entry.filter.startsWith('$share/') ? { ...entry, noLocal: false } : entry))
  return fc.record({
    type: fc.constant('subscribe' as const),
    packetId,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 5 }),
    properties: properties('subscribe', level),
  })
}

function suback(level: ProtocolLevel): fc.Arbitrary<Packet> {
  return fc.record({
    type: fc.constant('suback' as const),
    packetId,
    reasonCodes: fc.array(fc.constantFrom(...(level === 5 ? codes.suback : [0, 1, 2, 0x80])), { minLength: 1 }),
    properties: properties('acknowledgement', level),
  })
}

function unsubscribe(level: ProtocolLevel): fc.Arbitrary<Packet> {
  return fc.record({
    type: fc.constant('unsubscribe' as const),
    packetId,
    filters: fc.array(filter, { minLength: 1, maxLength: 5 }),
    properties: properties('unsubscribe', level),
  })
}

function unsuback(level: ProtocolLevel): fc.Arbitrary<Packet> {
  const unsubackCodes: fc.Arbitrary<number[]> =
    level === 5 ? fc.array(fc.constantFrom(...codes.unsuback), { minLength: 1 }) : fc.constant([])
  return fc.record({
    type: fc.constant('unsuback' as const),
    packetId,
    reasonCodes: unsubackCodes,
    properties: properties('acknowledgement', level),
  })
}

function disconnect(level: ProtocolLevel, owner: 'disconnect' | 'disconnectOfClient'): fc.Arbitrary<Packet> {
  return fc.record({
    type: fc.constant('disconnect' as const),
    reasonCode: level === 5 ? fc.constantFrom(...codes.disconnect) : fc.constant(0),
    properties: properties(owner, level),
  })
}

const auth: fc.Arbitrary<Packet> = fc
  .record({ type: fc.constant('auth' as const), reasonCode: fc.constantFrom(0x00, 0x18, 0x19), method: text })
  .chain(({ type, reasonCode, method }) =>
    properties('auth', 5).map(found => {
      if (found === undefined && reasonCode === 0) return { type, reasonCode, properties: undefined }
      return { type, reasonCode, properties: { ...found, authenticationMethod: method } }
    }),
  )

export const levels: readonly ProtocolLevel[] = [3, 4, 5]

/** What a peer may send to a server, or to a client, by packet type. */
export function packetsTo(role: 'server' | 'client', level: ProtocolLevel): [PacketType, fc.Arbitrary<Packet>][] {
  const acknowledgements = (['puback', 'pubrec', 'pubrel', 'pubcomp'] as const).map(
    (type): [PacketType, fc.Arbitrary<Packet>] => [type, acknowledgement(type, level)],
  )
  const both: [PacketType, fc.Arbitrary<Packet>][] =
    level === 5 ? [...acknowledgements, ['auth', auth]] : acknowledgements
  if (role === 'server') {
    return [
      ['connect', connect(level)],
      ['publish', publish(level, 'publish')],
      ['subscribe', subscribe(level)],
      ['unsubscribe', unsubscribe(level)],
      ['pingreq', fc.constant({ type: 'pingreq' })],
      ['disconnect', disconnect(level, 'disconnectOfClient')],
      ...both,
    ]
  }
  const toClient: [PacketType, fc.Arbitrary<Packet>][] = [
    ['connack', connack(level)],
    ['publish', publish(level, 'publishToClient')],
    ['suback', suback(level)],
    ['unsuback', unsuback(level)],
    ['pingresp', fc.constant({ type: 'pingresp' })],
    ...both,
  ]
  return level === 5 ? [...toClient, ['disconnect', disconnect(5, 'disconnect')]] : toClient
}

/** Any packet to this role but CONNECT, which comes once. */
export function anyPacketTo(role: 'server' | 'client', level: ProtocolLevel): fc.Arbitrary<Packet> {
  return fc.oneof(...packetsTo(role, level).flatMap(([type, packet]) => (type === 'connect' ? [] : [packet])))
}
