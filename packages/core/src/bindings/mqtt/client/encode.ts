import type {
  ConnectPacket,
  DisconnectPacket,
  PingreqPacket,
  PubackPacket,
  PublishPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from '../packets.ts'
import { checkTopic } from './faults.ts'
import { FieldWriter } from './fields.ts'
import { writeProperties } from './properties.ts'

/** With what is published as it comes from others, and without their retain flags. */
type SubscribeToHub = Omit<SubscribePacket, 'subscriptions'> & {
  readonly subscriptions: readonly Pick<SubscriptionRequest, 'filter' | 'qos' | 'retainHandling'>[]
}

/** What a client of ours says: no wills, and no QoS 2. */
export type ToHub =
  | Omit<ConnectPacket, 'level' | 'will'>
  | PublishPacket
  | Pick<PubackPacket, 'type' | 'packetId'>
  | SubscribeToHub
  | UnsubscribePacket
  | PingreqPacket
  | DisconnectPacket

/** The bytes of an MQTT 5 packet. Throws `invalid-argument` for what it has no bytes for. */
export function encodeToHub(packet: ToHub, writer = new FieldWriter()): Uint8Array {
  // So that nearly all packets need no second buffer.
  writer.begin(256 + (packet.type === 'publish' ? packet.payload.length : 0))
  switch (packet.type) {
    case 'connect': {
      const { clientId, cleanStart, keepAliveSeconds, username, password } = packet
      writer.string('MQTT')
      writer.uint(5, 1)
      writer.uint((cleanStart ? 0x02 : 0) | (password ? 0x40 : 0) | (username === undefined ? 0 : 0x80), 1)
      writer.uint(keepAliveSeconds, 2)
      writeProperties(writer, packet.properties)
      writer.string(clientId)
      if (username !== undefined) writer.string(username)
      if (password !== undefined) writer.binary(password)
      return writer.packet(0x10)
    }
    case 'publish': {
      const { topic, qos, dup, retain } = packet
      checkTopic(topic)
      writer.string(topic)
      if (qos > 0) writer.uint(packet.packetId, 2)
      writeProperties(writer, packet.properties)
      writer.raw(packet.payload)
      return writer.packet(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0))
    }
    case 'puback':
      writer.uint(packet.packetId, 2)
      return writer.packet(0x40)
    case 'subscribe':
      writer.uint(packet.packetId, 2)
      writeProperties(writer, packet.properties)
      for (const { filter, qos, retainHandling } of packet.subscriptions) {
        writer.string(filter)
        writer.uint(qos | (retainHandling << 4), 1)
      }
      return writer.packet(0x82)
    case 'unsubscribe':
      writer.uint(packet.packetId, 2)
      writeProperties(writer, packet.properties)
      for (const filter of packet.filters) writer.string(filter)
      return writer.packet(0xa2)
    case 'pingreq':
      return writer.packet(0xc0)
    case 'disconnect':
      writer.uint(packet.reasonCode, 1)
      writeProperties(writer, packet.properties)
      return writer.packet(0xe0)
  }
}
