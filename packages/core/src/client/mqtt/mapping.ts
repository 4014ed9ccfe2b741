import type { Properties, PublishPacket, QoS } from '../../bindings/mqtt/index.ts'
import type { Delivery, MessageProperties } from '../../model/index.ts'
import { toClientMessage } from '../client-message.ts'
import type { ClientMessage, OutgoingDraft } from '../transport.ts'

/** The user property that carries a draft's key. */
export const keyProperty = 'idempotency-key'

const deliveries: readonly Delivery[] = ['at-most-once', 'at-least-once', 'exactly-once']

export function toPublish(draft: OutgoingDraft, packetId: number): PublishPacket {
  const { topic, payload, retain } = draft
  const qos: QoS = draft.delivery === 'at-most-once' ? 0 : 1
  return { type: 'publish', topic, payload, qos, retain, dup: false, packetId, properties: toProperties(draft) }
}

function toProperties({ contentType, properties, key }: OutgoingDraft): Properties {
  const to: Properties = {}
  if (contentType !== '') to.contentType = contentType
  const headers = properties?.headers?.map(([name, value]): [string, string] => [name, value]) ?? []
  if (key !== undefined) headers.push([keyProperty, key])
  if (headers.length > 0) to.userProperties = headers
  if (properties === undefined) return to
  if (properties.replyTo !== undefined) to.responseTopic = properties.replyTo
  if (properties.correlation !== undefined) to.correlationData = properties.correlation
  if (properties.expiresInSeconds !== undefined) to.messageExpiryInterval = properties.expiresInSeconds
  if (properties.utf8 !== undefined) to.payloadFormatIndicator = properties.utf8 ? 1 : 0
  return to
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
