import { describe, expect, it } from 'vitest'
import { encodePacket, type Packet, type ProtocolLevel, ReasonCode } from '../../../src/bindings/mqtt/index.ts'
import { refusalOf } from './parsing.ts'

const empty = new Uint8Array(0)
const connect = { type: 'connect', level: 5, clientId: 'c', cleanStart: true, keepAliveSeconds: 0 } as const
const publish = {
  type: 'publish',
  topic: 'a',
  payload: empty,
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
  properties: undefined,
} as const
const subscription = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
const long = 'x'.repeat(65_536)

/** What a caller can ask for that no reader would take; the types let some of it through only by force. */
const rows: readonly (readonly [string, ProtocolLevel, keyof typeof ReasonCode, unknown])[] = [
  ['an empty topic', 4, 'protocolError', { ...publish, topic: '' }],
  ['an empty topic without alias', 5, 'protocolError', { ...publish, topic: '', properties: { contentType: 'a' } }],
  ['a topic alias before MQTT 5', 4, 'protocolError', { ...publish, topic: '', properties: { topicAlias: 1 } }],
  ['a wildcard in a topic', 4, 'topicNameInvalid', { ...publish, topic: 'a/+' }],
  ['U+0000 in a topic', 4, 'malformedPacket', { ...publish, topic: 'a\0' }],
  ['half a surrogate pair in a topic', 4, 'malformedPacket', { ...publish, topic: '\ud800' }],
  ['a topic that is too long', 4, 'malformedPacket', { ...publish, topic: long }],
  ['packet id 0', 4, 'malformedPacket', { ...publish, qos: 1 }],
  ['packet id 65536', 4, 'malformedPacket', { ...publish, qos: 1, packetId: 65_536 }],
  ['packet id 1.5', 5, 'malformedPacket', { type: 'puback', packetId: 1.5, reasonCode: 0 }],
  ['QoS 3', 4, 'malformedPacket', { ...publish, qos: 3, packetId: 1 }],
  ['DUP with QoS 0', 4, 'malformedPacket', { ...publish, dup: true }],
  ['topic alias 0', 5, 'topicAliasInvalid', { ...publish, properties: { topicAlias: 0 } }],
  ['a property of another packet', 5, 'malformedPacket', { ...publish, properties: { receiveMaximum: 1 } }],
  ['a property out of range', 5, 'protocolError', { ...publish, properties: { messageExpiryInterval: 2 ** 32 } }],
  ['a response topic with a wildcard', 5, 'topicNameInvalid', { ...publish, properties: { responseTopic: '#' } }],
  [
    'a user property that is too long',
    5,
    'malformedPacket',
    { ...publish, properties: { userProperties: [['k', long]] } },
  ],
  [
    'correlation data that is too long',
    5,
    'malformedPacket',
    { ...publish, properties: { correlationData: new Uint8Array(65_536) } },
  ],
  ['a client id that is too long', 5, 'malformedPacket', { ...connect, clientId: long }],
  ['a keep-alive that is too long', 5, 'malformedPacket', { ...connect, keepAliveSeconds: 65_536 }],
  ['a password alone', 4, 'malformedPacket', { ...connect, level: 4, password: empty }],
  [
    'a will with a wildcard',
    5,
    'topicNameInvalid',
    { ...connect, will: { topic: '#', payload: empty, qos: 0, retain: false } },
  ],
  [
    'a will with QoS 3',
    5,
    'malformedPacket',
    { ...connect, will: { topic: 'a', payload: empty, qos: 3, retain: false } },
  ],
  ['authentication data alone', 5, 'protocolError', { ...connect, properties: { authenticationData: empty } }],
  ['a code that 3.1.1 does not have', 4, 'protocolError', { type: 'connack', sessionPresent: false, reasonCode: 0x87 }],
  ['a refusal with a session', 5, 'protocolError', { type: 'connack', sessionPresent: true, reasonCode: 0x87 }],
  ['a code of another packet', 5, 'protocolError', { type: 'pubrel', packetId: 1, reasonCode: 0x10 }],
  ['no filter', 4, 'protocolError', { type: 'subscribe', packetId: 1, subscriptions: [] }],
  ['an empty filter', 4, 'protocolError', { type: 'unsubscribe', packetId: 1, filters: [''] }],
  ['no filter to leave', 4, 'protocolError', { type: 'unsubscribe', packetId: 1, filters: [] }],
  [
    'two subscription identifiers',
    5,
    'malformedPacket',
    { type: 'subscribe', packetId: 1, subscriptions: [subscription], properties: { subscriptionIdentifiers: [1, 2] } },
  ],
  [
    'retain handling 3',
    5,
    'malformedPacket',
    { type: 'subscribe', packetId: 1, subscriptions: [{ ...subscription, retainHandling: 3 }] },
  ],
  [
    'no local on a shared subscription',
    5,
    'protocolError',
    { type: 'subscribe', packetId: 1, subscriptions: [{ ...subscription, filter: '$share/g/a', noLocal: true }] },
  ],
  ['a suback without code', 5, 'malformedPacket', { type: 'suback', packetId: 1, reasonCodes: [] }],
  ['an unsuback without code', 5, 'malformedPacket', { type: 'unsuback', packetId: 1, reasonCodes: [] }],
  ['auth before MQTT 5', 4, 'malformedPacket', { type: 'auth', reasonCode: 0 }],
  ['auth without method', 5, 'protocolError', { type: 'auth', reasonCode: 0x18 }],
]

describe('encodePacket refuses', () => {
  it.each(rows)('%s at level %i', (_name, level, reason, packet) => {
    const error = refusalOf(() => encodePacket(packet as Packet, level))
    expect(error.code).toBe('invalid-argument')
    expect(error.details.reasonCode).toBe(ReasonCode[reason])
  })

  it('a packet that no length can say', () => {
    const error = refusalOf(() => encodePacket({ ...publish, payload: new Uint8Array(268_435_456) }, 4))
    expect(error.code).toBe('too-large')
    expect(error.details).toMatchObject({ limit: 268_435_455, reasonCode: 0x95 })
  })

  it('a property that MQTT does not have, as the caller’s mistake', () => {
    const properties = { colour: 'red' } as object
    expect(() => encodePacket({ ...publish, properties }, 5)).toThrow(TypeError)
  })
})
