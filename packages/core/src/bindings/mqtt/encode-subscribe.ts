import { checkReasonCode } from './decode-acknowledgement.ts'
import { checkFilter, checkSubackCode, checkSubscription, noFilter } from './decode-subscribe.ts'
import { encodeProperties } from './encode-properties.ts'
import { malformed } from './faults.ts'
import { FirstByte } from './fixed-header.ts'
import type {
  ProtocolLevel,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubackPacket,
  UnsubscribePacket,
} from './packets.ts'
import { ReasonCode } from './reason-codes.ts'
import { checkInteger, Writer } from './writer.ts'

export function encodeSubscribe(packet: SubscribePacket, level: ProtocolLevel): Uint8Array {
  if (packet.subscriptions.length === 0) throw noFilter('subscribe')
  const writer = new Writer()
  writer.packetId(packet.packetId)
  if (level === 5) encodeProperties(writer, packet.properties, 'subscribe')
  for (const subscription of packet.subscriptions) {
    checkFilter(subscription.filter)
    writer.string(subscription.filter, 'topic filter')
    writer.byte(subscriptionOptions(subscription, level))
  }
  return writer.packet(FirstByte.subscribe)
}

function subscriptionOptions(subscription: SubscriptionRequest, level: ProtocolLevel): number {
  const { qos, noLocal, retainAsPublished, retainHandling } = subscription
  checkInteger(qos, 2, 'QoS of a subscription')
  if (level !== 5) return qos
  checkInteger(retainHandling, 2, 'retain handling')
  checkSubscription(subscription)
  return qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4)
}

export function encodeSuback(packet: SubackPacket, level: ProtocolLevel): Uint8Array {
  const writer = new Writer()
  writer.packetId(packet.packetId)
  if (level === 5) encodeProperties(writer, packet.properties, 'suback')
  checkNotEmpty(packet.reasonCodes)
  for (const code of packet.reasonCodes) {
    const sent = level !== 5 && code > ReasonCode.unspecifiedError ? ReasonCode.unspecifiedError : code
    checkSubackCode(sent, level)
    writer.byte(sent)
  }
  return writer.packet(FirstByte.suback)
}

export function encodeUnsubscribe(packet: UnsubscribePacket, level: ProtocolLevel): Uint8Array {
  if (packet.filters.length === 0) throw noFilter('unsubscribe')
  const writer = new Writer()
  writer.packetId(packet.packetId)
  if (level === 5) encodeProperties(writer, packet.properties, 'unsubscribe')
  for (const filter of packet.filters) {
    checkFilter(filter)
    writer.string(filter, 'topic filter')
  }
  return writer.packet(FirstByte.unsubscribe)
}

/** Before MQTT 5 an UNSUBACK is its packet id. */
export function encodeUnsuback(packet: UnsubackPacket, level: ProtocolLevel): Uint8Array {
  const writer = new Writer()
  writer.packetId(packet.packetId)
  if (level === 5) {
    encodeProperties(writer, packet.properties, 'unsuback')
    checkNotEmpty(packet.reasonCodes)
    for (const code of packet.reasonCodes) {
      checkReasonCode('unsuback', code)
      writer.byte(code)
    }
  }
  return writer.packet(FirstByte.unsuback)
}

function checkNotEmpty(codes: readonly number[]): void {
  if (codes.length === 0) throw malformed('no reason code')
}
