import { ThingmeshError } from '../../errors/index.ts'
import { checkReasonCode } from './decode-acknowledgement.ts'
import { type DecodeSettings, decodeProperties } from './decode-properties.ts'
import { malformed, protocolError } from './faults.ts'
import type {
  ProtocolLevel,
  QoS,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubackPacket,
  UnsubscribePacket,
} from './packets.ts'
import type { Reader } from './reader.ts'
import { ReasonCode } from './reason-codes.ts'

/** Bits of the subscription options (MQTT 5, section 3.8.3.1). Before MQTT 5 there is only the QoS. */
export const SubscriptionOption = {
  qos: 0x03,
  noLocal: 0x04,
  retainAsPublished: 0x08,
  retainHandling: 0x30,
  reserved: 0xc0,
} as const

export const sharedPrefix = '$share/'

export function decodeSubscribe(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): SubscribePacket {
  const packetId = reader.packetId()
  const properties = level === 5 ? decodeProperties(reader, 'subscribe', settings) : undefined
  const subscriptions: SubscriptionRequest[] = []
  while (reader.remaining > 0) {
    checkFilterCount(subscriptions.length, settings)
    subscriptions.push(decodeSubscription(reader, level))
  }
  if (subscriptions.length === 0) throw noFilter('subscribe') // MQTT-3.8.3-2
  return { type: 'subscribe', packetId, subscriptions, properties }
}

function decodeSubscription(reader: Reader, level: ProtocolLevel): SubscriptionRequest {
  const filter = decodeFilter(reader)
  const options = reader.byte()
  const reserved = level === 5 ? SubscriptionOption.reserved : ~SubscriptionOption.qos
  if ((options & reserved) !== 0) throw malformed(`subscription options ${options}`) // MQTT-3.8.3-5
  const subscription: SubscriptionRequest = {
    filter,
    qos: (options & SubscriptionOption.qos) as QoS,
    noLocal: (options & SubscriptionOption.noLocal) !== 0,
    retainAsPublished: (options & SubscriptionOption.retainAsPublished) !== 0,
    retainHandling: ((options & SubscriptionOption.retainHandling) >> 4) as 0 | 1 | 2,
  }
  checkSubscription(subscription)
  return subscription
}

/** MQTT 5, section 3.8.3.1. */
export function checkSubscription(subscription: SubscriptionRequest): void {
  const { filter, qos, noLocal, retainHandling } = subscription
  if (qos > 2) throw protocolError(`subscription with QoS ${qos}`)
  if (retainHandling > 2) throw protocolError(`subscription with retain handling ${retainHandling}`)
  if (noLocal && filter.startsWith(sharedPrefix)) throw protocolError('no local on a shared subscription') // MQTT-3.8.3-4
}

export function decodeUnsubscribe(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): UnsubscribePacket {
  const packetId = reader.packetId()
  const properties = level === 5 ? decodeProperties(reader, 'unsubscribe', settings) : undefined
  const filters: string[] = []
  while (reader.remaining > 0) {
    checkFilterCount(filters.length, settings)
    filters.push(decodeFilter(reader))
  }
  if (filters.length === 0) throw noFilter('unsubscribe') // MQTT-3.10.3-2
  return { type: 'unsubscribe', packetId, filters, properties }
}

function decodeFilter(reader: Reader): string {
  const filter = reader.string()
  checkFilter(filter)
  return filter
}

export function checkFilter(filter: string): void {
  if (filter.length === 0) throw protocolError('topic filter is empty') // MQTT-4.7.3-1
}

export function noFilter(type: 'subscribe' | 'unsubscribe'): ThingmeshError {
  return protocolError(`${type} without a topic filter`)
}

function checkFilterCount(count: number, settings: DecodeSettings): void {
  const limit = settings.filtersPerSubscribeMax
  if (count < limit) return
  const details = { limit, reasonCode: ReasonCode.quotaExceeded }
  throw new ThingmeshError('too-large', `too many topic filters in one packet, the limit is ${limit}`, { details })
}

export function decodeSuback(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): SubackPacket {
  const packetId = reader.packetId()
  const properties = level === 5 ? decodeProperties(reader, 'suback', settings) : undefined
  const reasonCodes = decodeReasonCodes(reader)
  for (const code of reasonCodes) checkSubackCode(code, level)
  return { type: 'suback', packetId, reasonCodes, properties }
}

/** Before MQTT 5 there are the three grants and one failure (MQTT 3.1.1, MQTT-3.9.3-2). */
export function checkSubackCode(code: number, level: ProtocolLevel): void {
  if (level === 5) checkReasonCode('suback', code)
  else if (code > 2 && code !== ReasonCode.unspecifiedError) throw protocolError(`suback with return code ${code}`)
}

export function decodeUnsuback(reader: Reader, level: ProtocolLevel, settings: DecodeSettings): UnsubackPacket {
  const packetId = reader.packetId()
  if (level !== 5) return { type: 'unsuback', packetId, reasonCodes: [], properties: undefined }
  const properties = decodeProperties(reader, 'unsuback', settings)
  const reasonCodes = decodeReasonCodes(reader)
  for (const code of reasonCodes) checkReasonCode('unsuback', code)
  return { type: 'unsuback', packetId, reasonCodes, properties }
}

function decodeReasonCodes(reader: Reader): number[] {
  if (reader.remaining === 0) throw malformed('no reason code')
  const codes: number[] = []
  while (reader.remaining > 0) codes.push(reader.byte())
  return codes
}
