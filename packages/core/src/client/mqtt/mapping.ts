import type { Properties, PublishPacket, QoS } from '../../bindings/mqtt/index.ts'
import { keyProperty } from '../../bindings/mqtt/user-properties.ts'
import type { Delivery, MessageProperties } from '../../model/index.ts'
import { toClientMessage } from '../client-message.ts'
import type { ClientMessage, OutgoingDraft } from '../transport.ts'

const deliveries: readonly Delivery[] = ['at-most-once', 'at-least-once', 'exactly-once']

export function toPublish(draft: OutgoingDraft, packetId: number): PublishPacket {
  const { topic, payload, retain } = draft
  const qos: QoS = draft.delivery === 'at-most-once' ? 0 : 1
  return { type: 'publish', topic, payload, qos, retain, dup: false, packetId, properties: toProperties(draft) }
}

/** What is undefined or empty is not written. */
function toProperties({ contentType, properties = {}, key }: OutgoingDraft): Properties {
  const { replyTo, correlation, expiresInSeconds, utf8, headers = [] } = properties
  const userProperties = headers.map(([name, value]): [string, string] => [name, value])
  if (key !== undefined) userProperties.push([keyProperty, key])
  return {
    contentType: contentType === '' ? undefined : contentType,
    userProperties,
    responseTopic: replyTo,
    correlationData: correlation,
    messageExpiryInterval: expiresInSeconds,
    payloadFormatIndicator: utf8 === undefined ? undefined : utf8 ? 1 : 0,
  }
}

/** The payload is copied: the packet's is a view of the bytes that came. */
export function toMessage({ topic, payload, qos, retain, properties = {} }: PublishPacket): ClientMessage {
  const contentType = properties.contentType ?? ''
  const delivery = deliveries[qos]!
  return toClientMessage({ topic, payload, contentType, delivery, retain, properties: toMessageProperties(properties) })
}

function toMessageProperties(properties: Properties): MessageProperties | undefined {
  const { responseTopic, correlationData, messageExpiryInterval, payloadFormatIndicator, userProperties } = properties
  const given = {
    ...(responseTopic === undefined ? {} : { replyTo: responseTopic }),
    ...(correlationData === undefined ? {} : { correlation: Uint8Array.from(correlationData) }),
    ...(messageExpiryInterval === undefined ? {} : { expiresInSeconds: messageExpiryInterval }),
    ...(payloadFormatIndicator === undefined ? {} : { utf8: payloadFormatIndicator === 1 }),
    ...(userProperties === undefined ? {} : { headers: userProperties }),
  }
  return Object.keys(given).length === 0 ? undefined : given
}
