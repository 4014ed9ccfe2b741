import { type DecodeSettings, decodeProperties } from './decode-properties.ts'
import { protocolError } from './faults.ts'
import type { ProtocolLevel, PublishPacket, QoS } from './packets.ts'
import { packetIdZero, pastTheEnd, type Reader } from './reader.ts'
import type { TopicCache } from './topic-cache.ts'

/**
 * The hot path: reads the bytes itself instead of through the reader, and makes two objects, the packet and the view of
 * its payload. `first` is a valid first byte of PUBLISH.
 */
export function decodePublish(
  first: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  level: ProtocolLevel,
  topics: TopicCache,
  reader: Reader,
  settings: DecodeSettings,
): PublishPacket {
  if (end - start < 2) throw pastTheEnd(2, end - start)
  const topicLength = (bytes[start]! << 8) | bytes[start + 1]!
  const topicStart = start + 2
  let position = topicStart + topicLength
  if (position > end) throw pastTheEnd(topicLength, end - topicStart)
  const topic = topicLength === 0 ? '' : topics.read(bytes, topicStart, position)

  const qos = ((first >> 1) & 3) as QoS
  let packetId = 0
  if (qos !== 0) {
    if (end - position < 2) throw pastTheEnd(2, end - position)
    packetId = (bytes[position]! << 8) | bytes[position + 1]!
    if (packetId === 0) throw packetIdZero()
    position += 2
  }

  let properties: PublishPacket['properties']
  if (level === 5) {
    if (position < end && bytes[position] === 0) {
      position += 1
    } else {
      properties = decodeProperties(reader.reset(bytes, position, end), 'publish', settings)
      position = reader.position
      // MQTT-3.3.4-6: only a server says which subscriptions matched.
      if (settings.role === 'server' && properties?.subscriptionIdentifiers !== undefined) {
        throw protocolError('subscription identifier in a publish of a client')
      }
    }
  }
  // MQTT 5, section 3.3.2.1: only an alias stands for a topic; before, there is always one (MQTT-4.7.3-1).
  if (topicLength === 0 && properties?.topicAlias === undefined) throw protocolError('topic is empty')

  return {
    type: 'publish',
    topic,
    payload: new Uint8Array(bytes.buffer, bytes.byteOffset + position, end - position),
    qos,
    retain: (first & 1) !== 0,
    dup: (first & 8) !== 0,
    packetId,
    properties,
  }
}
