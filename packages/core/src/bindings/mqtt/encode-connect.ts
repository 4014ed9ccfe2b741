import { ConnectFlag, checkConnackCode } from './decode-connect.ts'
import { encodeProperties } from './encode-properties.ts'
import { malformed } from './faults.ts'
import { FirstByte } from './fixed-header.ts'
import type { ConnackPacket, ConnectPacket, ProtocolLevel, Will } from './packets.ts'
import { checkTopicName } from './topic-name.ts'
import { checkInteger, Writer } from './writer.ts'

export function encodeConnect(packet: ConnectPacket): Uint8Array {
  const { level, will, username, password } = packet
  if (level !== 5 && password !== undefined && username === undefined) throw malformed('password without a user name')
  const writer = new Writer()
  writer.string(level === 3 ? 'MQIsdp' : 'MQTT', 'protocol name')
  writer.byte(level)
  writer.byte(connectFlags(packet))
  writer.uint16(packet.keepAliveSeconds, 'keep-alive')
  if (level === 5) encodeProperties(writer, packet.properties, 'connect')
  writer.string(packet.clientId, 'client id')
  if (will !== undefined) encodeWill(writer, will, level)
  if (username !== undefined) writer.string(username, 'user name')
  if (password !== undefined) writer.binary(password, 'password')
  return writer.packet(FirstByte.connect)
}

function connectFlags(packet: ConnectPacket): number {
  const { will } = packet
  let flags = packet.cleanStart ? ConnectFlag.cleanStart : 0
  if (packet.username !== undefined) flags |= ConnectFlag.username
  if (packet.password !== undefined) flags |= ConnectFlag.password
  if (will !== undefined) {
    checkInteger(will.qos, 2, 'QoS of the will')
    flags |= ConnectFlag.will | (will.qos << 3) | (will.retain ? ConnectFlag.willRetain : 0)
  }
  return flags
}

function encodeWill(writer: Writer, will: Will, level: ProtocolLevel): void {
  checkTopicName(will.topic, 'will topic')
  if (level === 5) encodeProperties(writer, will.properties, 'will')
  writer.string(will.topic, 'will topic')
  writer.binary(will.payload, 'will payload')
}

export function encodeConnack(packet: ConnackPacket, level: ProtocolLevel): Uint8Array {
  const sessionPresent = packet.sessionPresent && level !== 3
  checkConnackCode(packet.reasonCode, level, sessionPresent)
  const writer = new Writer()
  writer.byte(sessionPresent ? 1 : 0)
  writer.byte(packet.reasonCode)
  if (level === 5) encodeProperties(writer, packet.properties, 'connack')
  return writer.packet(FirstByte.connack)
}
