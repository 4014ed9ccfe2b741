import { type AcknowledgementPacket, checkAuthMethod, checkReasonCode } from './decode-acknowledgement.ts'
import { encodeProperties, hasProperties } from './encode-properties.ts'
import { malformed } from './faults.ts'
import { FirstByte } from './fixed-header.ts'
import type { AuthPacket, DisconnectPacket, ProtocolLevel } from './packets.ts'
import { ReasonCode } from './reason-codes.ts'
import { checkPacketId, Writer } from './writer.ts'

/** PUBACK, PUBREC, PUBREL and PUBCOMP, as short as MQTT 5, section 3.4.2, lets them be. */
export function encodeAcknowledgement(packet: AcknowledgementPacket, level: ProtocolLevel): Uint8Array {
  if (level !== 5 || (packet.reasonCode === ReasonCode.success && packet.properties === undefined)) {
    return encodeBareAcknowledgement(packet)
  }
  const writer = new Writer()
  writer.packetId(packet.packetId)
  encodeReason(writer, packet)
  return writer.packet(FirstByte[packet.type])
}

/** One is sent for every message of QoS 1, three for QoS 2, and nearly all look like this. */
function encodeBareAcknowledgement(packet: AcknowledgementPacket): Uint8Array {
  const { packetId } = packet
  checkPacketId(packetId)
  const bytes = new Uint8Array(4)
  bytes[0] = FirstByte[packet.type]
  bytes[1] = 2
  bytes[2] = packetId >> 8
  bytes[3] = packetId
  return bytes
}

/** Before MQTT 5 a DISCONNECT says nothing but that. */
export function encodeDisconnect(packet: DisconnectPacket, level: ProtocolLevel): Uint8Array {
  const writer = new Writer()
  if (level === 5) encodeReason(writer, packet)
  return writer.packet(FirstByte.disconnect)
}

export function encodeAuth(packet: AuthPacket, level: ProtocolLevel): Uint8Array {
  if (level !== 5) throw malformed(`auth with protocol level ${level}`, { level })
  const { reasonCode, properties } = packet
  checkAuthMethod(reasonCode, hasProperties(properties) ? properties : undefined)
  const writer = new Writer()
  encodeReason(writer, packet)
  return writer.packet(FirstByte.auth)
}

function encodeReason(writer: Writer, packet: AcknowledgementPacket | DisconnectPacket | AuthPacket): void {
  const { type, reasonCode, properties } = packet
  checkReasonCode(type, reasonCode)
  if (hasProperties(properties)) {
    writer.byte(reasonCode)
    encodeProperties(writer, properties, type)
  } else if (reasonCode !== ReasonCode.success) {
    writer.byte(reasonCode)
  }
}
