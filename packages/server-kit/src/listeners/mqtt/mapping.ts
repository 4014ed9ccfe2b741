import type { Delivery, Draft, Message, MessageProperties } from '@thingmesh/core'
import { keyProperty, type Properties, type PublishPacket, type QoS, type Will } from '@thingmesh/core/mqtt'
import type { DeliveryTerms } from '../../contracts/index.ts'
import type { TopicReader } from './topic-reader.ts'
import type { TopicWriter } from './topic-writer.ts'

const deliveries = ['at-most-once', 'at-least-once', 'exactly-once'] as const

export function toDelivery(qos: QoS): Delivery {
  return deliveries[qos]
}

export function toQoS(delivery: Delivery): QoS {
  return delivery === 'at-most-once' ? 0 : delivery === 'at-least-once' ? 1 : 2
}

/** `topic` in words, where the packet may have an alias for it. Throws what the reader does. */
export function toDraft(packet: PublishPacket | Will, topic: string, reader: TopicReader | undefined): Draft {
  const { payload, qos, retain, properties } = packet
  return {
    topic: reader === undefined ? topic : reader.topic(topic),
    payload,
    contentType: properties?.contentType ?? '',
    delivery: deliveries[qos],
    retain,
    properties: properties === undefined ? undefined : toMessageProperties(properties, reader),
    key: properties?.userProperties === undefined ? undefined : keyOf(properties.userProperties),
  }
}

function keyOf(userProperties: NonNullable<Properties['userProperties']>): string | undefined {
  for (const pair of userProperties) if (pair[0] === keyProperty) return pair[1]
  return undefined
}

function toMessageProperties(properties: Properties, reader: TopicReader | undefined): MessageProperties | undefined {
  const { responseTopic, correlationData, messageExpiryInterval, payloadFormatIndicator, userProperties } = properties
  const carriesNone =
    responseTopic === undefined &&
    correlationData === undefined &&
    messageExpiryInterval === undefined &&
    payloadFormatIndicator === undefined &&
    userProperties === undefined
  if (carriesNone) return undefined
  return {
    replyTo: responseTopic === undefined ? undefined : (reader?.replyTopic(responseTopic) ?? responseTopic),
    correlation: correlationData,
    expiresInSeconds: messageExpiryInterval,
    utf8: payloadFormatIndicator === undefined ? undefined : payloadFormatIndicator === 1,
    headers: userProperties,
  }
}

/** The MQTT 5 properties of a message on its way out, `undefined` where there are none. */
export function toProperties(
  message: Message,
  { subscriptionIds, dialect }: DeliveryTerms,
  nowMs: number,
  writer: TopicWriter,
): Properties | undefined {
  const { contentType, properties: carried } = message
  if (contentType === '' && carried === undefined && subscriptionIds.length === 0) return undefined
  const properties: Properties = {}
  if (contentType !== '') properties.contentType = contentType
  if (subscriptionIds.length > 0) properties.subscriptionIdentifiers = [...subscriptionIds]
  if (carried === undefined) return properties
  const { replyTo } = carried
  // One that the dialect cannot say goes as it is, as it came from somebody who does not use the dialect.
  if (replyTo !== undefined) properties.responseTopic = writer.write(replyTo, dialect) ?? replyTo
  if (carried.correlation !== undefined) properties.correlationData = carried.correlation
  if (carried.utf8 !== undefined) properties.payloadFormatIndicator = carried.utf8 ? 1 : 0
  if (carried.headers !== undefined) properties.userProperties = carried.headers.map(([name, value]) => [name, value])
  if (carried.expiresInSeconds !== undefined) {
    // Less the time that it waited here (MQTT 5, section 3.3.2.3.3).
    const waited = Math.floor(Math.max(0, nowMs - message.acceptedAtMs) / 1000)
    properties.messageExpiryInterval = Math.max(0, carried.expiresInSeconds - waited)
  }
  return properties
}
