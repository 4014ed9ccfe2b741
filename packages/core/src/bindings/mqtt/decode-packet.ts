import { decodeAcknowledgement, decodeAuth, decodeDisconnect } from './decode-acknowledgement.ts'
import { decodeConnack, decodeConnect } from './decode-connect.ts'
import type { DecodeSettings } from './decode-properties.ts'
import { decodeSuback, decodeSubscribe, decodeUnsuback, decodeUnsubscribe } from './decode-subscribe.ts'
import type { PacketType } from './packet-type.ts'
import type { Packet, ProtocolLevel } from './packets.ts'
import type { Reader } from './reader.ts'

export type PacketTypeButPublish = Exclude<PacketType, 'publish'>

/** Decodes what is left in the reader, all of it, as a packet of this type. PUBLISH has a way of its own. */
export function decodePacket(
  type: PacketTypeButPublish,
  reader: Reader,
  level: ProtocolLevel,
  settings: DecodeSettings,
): Packet {
  const packet = decodeFields(type, reader, level, settings)
  reader.finish()
  return packet
}

function decodeFields(
  type: PacketTypeButPublish,
  reader: Reader,
  level: ProtocolLevel,
  settings: DecodeSettings,
): Packet {
  switch (type) {
    case 'connect':
      return decodeConnect(reader, level, settings)
    case 'connack':
      return decodeConnack(reader, level, settings)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return decodeAcknowledgement(type, reader, level, settings)
    case 'subscribe':
      return decodeSubscribe(reader, level, settings)
    case 'suback':
      return decodeSuback(reader, level, settings)
    case 'unsubscribe':
      return decodeUnsubscribe(reader, level, settings)
    case 'unsuback':
      return decodeUnsuback(reader, level, settings)
    case 'pingreq':
    case 'pingresp':
      return { type }
    case 'disconnect':
      return decodeDisconnect(reader, level, settings)
    case 'auth':
      return decodeAuth(reader, settings)
  }
}
