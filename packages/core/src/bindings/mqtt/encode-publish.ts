import { measureProperties, writeProperties } from './encode-properties.ts'
import { malformed, protocolError } from './faults.ts'
import { FirstByte } from './fixed-header.ts'
import type { ProtocolLevel, PublishPacket } from './packets.ts'
import type { Allocate } from './slab.ts'
import { checkTopicName } from './topic-name.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'
import { variableIntegerSize, writeVariableInteger } from './variable-integer.ts'
import { checkInteger, checkLength, checkPacketId, checkRemainingLength } from './writer.ts'

export interface EncodedPublish {
  readonly bytes: Uint8Array
  /** Where the two bytes of the packet id stand; -1 with QoS 0. */
  readonly packetIdOffset: number
}

/**
 * Bytes of a PUBLISH, and where its packet id stands, so that one encoding serves many receivers. Properties are left
 * out before MQTT 5. `allocate` says where the bytes come from: see `slabAllocator`.
 */
export function encodePublish(packet: PublishPacket, level: ProtocolLevel, allocate?: Allocate): EncodedPublish {
  const { topic, payload, qos, packetId } = packet
  const topicLength = measureTopic(packet, level)
  const properties = level === 5 ? packet.properties : undefined
  const propertiesLength = properties === undefined ? 0 : measureProperties(properties, 'publish')
  const propertiesSize = level === 5 ? variableIntegerSize(propertiesLength) + propertiesLength : 0
  const remaining = 2 + topicLength + (qos === 0 ? 0 : 2) + propertiesSize + payload.length
  checkRemainingLength(remaining)

  const size = 1 + variableIntegerSize(remaining) + remaining
  const bytes = allocate === undefined ? new Uint8Array(size) : allocate(size)
  bytes[0] = firstByte(packet)
  let at = writeVariableInteger(remaining, bytes, 1)
  bytes[at++] = topicLength >> 8
  bytes[at++] = topicLength
  at = writeUtf8(topic, bytes, at)
  let packetIdOffset = -1
  if (qos !== 0) {
    checkPacketId(packetId)
    packetIdOffset = at
    bytes[at++] = packetId >> 8
    bytes[at++] = packetId
  }
  if (properties !== undefined) at = writeProperties(properties, propertiesLength, bytes, at)
  else if (level === 5) bytes[at++] = 0
  copy(payload, bytes, at)
  return { bytes, packetIdOffset }
}

function firstByte(packet: PublishPacket): number {
  const { qos, dup, retain } = packet
  checkInteger(qos, 2, 'QoS')
  if (dup && qos === 0) throw malformed('publish with DUP and QoS 0') // MQTT-3.3.1-2
  return FirstByte.publish | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 1 : 0)
}

/** How many bytes a topic takes that may be published to. */
function measureTopic(packet: PublishPacket, level: ProtocolLevel): number {
  const { topic } = packet
  if (topic.length === 0) {
    if (level === 5 && packet.properties?.topicAlias !== undefined) return 0
    throw protocolError('topic is empty')
  }
  checkTopicName(topic, 'topic')
  const length = utf8Length(topic)
  if (length < 0) throw malformed('topic holds U+0000 or an unpaired surrogate')
  return checkLength(length, 'topic')
}

// Up to this a loop beats the call into the engine, measured on V8.
const copiedByLoopMax = 32

function copy(source: Uint8Array, target: Uint8Array, at: number): void {
  const length = source.length
  if (length > copiedByLoopMax) {
    target.set(source, at)
    return
  }
  for (let i = 0; i < length; i++) target[at + i] = source[i]!
}
