import { encodePacket, type Packet, PacketParser, type ProtocolLevel } from '../../bindings/mqtt/index.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import { same } from '../expect.ts'
import { toWire, type Vector } from './vector.ts'

const topic = 'telemetry/room1'
const payload = encodeUtf8('{"t":1}')
const properties = { messageExpiryInterval: 60, contentType: 'application/json' }
const publish = { type: 'publish', topic, payload, dup: false, retain: false, properties: undefined } as const
const who = { clientId: 'c1', cleanStart: true, keepAliveSeconds: 60, username: 'sensor-1' } as const
const forbidden = 'no right to publish to this topic'
const password = encodeUtf8('golden-key')

/** From a device. */
const up = (name: string, wire: string, packet: Packet, level: ProtocolLevel = 5) =>
  vector(name, wire, packet, level, 'server')
/** From a hub. */
const down = (name: string, wire: string, packet: Packet, level: ProtocolLevel = 5) =>
  vector(name, wire, packet, level, 'client')

export const mqttVectors: readonly Vector[] = [
  up('mqtt/who', "10 25 00 04 'MQTT' 05 c2 00 3c 00 00 02 'c1' 00 08 'sensor-1' 00 0a 'golden-key'", {
    type: 'connect',
    level: 5,
    ...who,
    password,
  }),
  up(
    'mqtt/who-3.1.1',
    "10 24 00 04 'MQTT' 04 c2 00 3c 00 02 'c1' 00 08 'sensor-1' 00 0a 'golden-key'",
    { type: 'connect', level: 4, ...who, password },
    4,
  ),
  down('mqtt/welcome-3.1.1', '20 02 00 00', { type: 'connack', sessionPresent: false, reasonCode: 0 }, 4),
  down('mqtt/unauthenticated-3.1.1', '20 02 00 04', { type: 'connack', sessionPresent: false, reasonCode: 4 }, 4),
  up('mqtt/publish-at-most-once', `30 19 00 0f '${topic}' 00 '{"t":1}'`, { ...publish, qos: 0, packetId: 0 }),
  up(
    'mqtt/publish-at-least-once',
    `32 33 00 0f '${topic}' 00 01 18 02 00 00 00 3c 03 00 10 'application/json' '{"t":1}'`,
    { ...publish, qos: 1, packetId: 1, properties },
  ),
  up('mqtt/publish-exactly-once', `34 1b 00 0f '${topic}' 00 02 00 '{"t":1}'`, { ...publish, qos: 2, packetId: 2 }),
  down('mqtt/ack-at-least-once', '40 02 00 01', { type: 'puback', packetId: 1, reasonCode: 0 }),
  down('mqtt/ack-exactly-once', '50 02 00 02', { type: 'pubrec', packetId: 2, reasonCode: 0 }),
  up('mqtt/last-value-set', `33 1b 00 0f '${topic}' 00 03 00 '{"t":1}'`, {
    ...publish,
    qos: 1,
    packetId: 3,
    retain: true,
  }),
  up('mqtt/last-value-clear', `33 14 00 0f '${topic}' 00 04 00`, {
    ...publish,
    payload: new Uint8Array(0),
    qos: 1,
    packetId: 4,
    retain: true,
  }),
  up('mqtt/subscribe', "82 11 00 05 00 00 0b 'telemetry/#' 01", {
    type: 'subscribe',
    packetId: 5,
    subscriptions: [{ filter: 'telemetry/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
  }),
  up('mqtt/subscribe-shared', "82 1a 00 06 00 00 14 '$share/g/telemetry/#' 01", {
    type: 'subscribe',
    packetId: 6,
    subscriptions: [
      { filter: '$share/g/telemetry/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ],
  }),
  up(
    'mqtt/subscribe-3.1.1',
    "82 10 00 05 00 0b 'telemetry/#' 01",
    {
      type: 'subscribe',
      packetId: 5,
      subscriptions: [{ filter: 'telemetry/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    },
    4,
  ),
  down('mqtt/subscribed-3.1.1', '90 03 00 05 01', { type: 'suback', packetId: 5, reasonCodes: [1] }, 4),
  down('mqtt/subscribed', '90 04 00 05 00 01', { type: 'suback', packetId: 5, reasonCodes: [1] }),
  down('mqtt/message', `32 33 00 0f '${topic}' 00 01 18 02 00 00 00 3c 03 00 10 'application/json' '{"t":1}'`, {
    ...publish,
    qos: 1,
    packetId: 1,
    properties,
  }),
  down('mqtt/message-3.1.1', `32 1a 00 0f '${topic}' 00 01 '{"t":1}'`, { ...publish, qos: 1, packetId: 1 }, 4),
  down('mqtt/last-value', `33 1b 00 0f '${topic}' 00 01 00 '{"t":1}'`, {
    ...publish,
    qos: 1,
    packetId: 1,
    retain: true,
  }),
  up('mqtt/publish-forbidden', `32 14 00 08 'secret/a' 00 07 00 '{"t":1}'`, {
    ...publish,
    topic: 'secret/a',
    qos: 1,
    packetId: 7,
  }),
  down('mqtt/refused', `40 43 00 07 87 3f 1f 00 21 '${forbidden}' 26 00 05 'error' 00 11 'permission-denied'`, {
    type: 'puback',
    packetId: 7,
    reasonCode: 0x87,
    properties: { reasonString: forbidden, userProperties: [['error', 'permission-denied']] },
  }),
]

function vector(name: string, wire: string, packet: Packet, level: ProtocolLevel, role: 'server' | 'client'): Vector {
  return {
    name,
    wire,
    run() {
      same(encodePacket(packet, level), toWire(wire))
      const found: Packet[] = []
      new PacketParser({ role, level, maximumPacketSize: 1_000 }).push(toWire(wire), one => void found.push(one))
      same(found, [packet])
    },
  }
}
