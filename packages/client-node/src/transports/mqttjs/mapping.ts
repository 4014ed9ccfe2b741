import type { Properties, PublishPacket } from '@thingmesh/core/mqtt'
import type { IClientPublishOptions, IPublishPacket } from 'mqtt'

type JsProperties = NonNullable<IPublishPacket['properties']>

/** Our words for a PUBLISH's properties in those of MQTT.js. Headers of one name stay in order, others may move. */
export function toJsProperties(properties: Properties | undefined): IClientPublishOptions['properties'] {
  if (properties === undefined) return undefined
  const { contentType, responseTopic, correlationData, messageExpiryInterval, payloadFormatIndicator } = properties
  const userProperties = toJsPairs(properties.userProperties)
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
    ...(messageExpiryInterval === undefined ? {} : { messageExpiryInterval }),
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(userProperties === undefined ? {} : { userProperties }),
  }
}

/** A PUBLISH that MQTT.js read, as ours. */
export function fromJsPublish({
  topic,
  payload,
  qos,
  retain,
  dup,
  messageId,
  properties = {},
}: IPublishPacket): PublishPacket {
  return {
    type: 'publish',
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retain,
    dup,
    packetId: messageId ?? 0,
    properties: fromJsProperties(properties),
  }
}

function fromJsProperties(properties: JsProperties): Properties {
  const { contentType, responseTopic, correlationData, messageExpiryInterval, payloadFormatIndicator } = properties
  const identifiers = properties.subscriptionIdentifier
  const userProperties = fromJsPairs(properties.userProperties)
  return {
    contentType,
    responseTopic,
    correlationData,
    messageExpiryInterval,
    payloadFormatIndicator: payloadFormatIndicator === undefined ? undefined : payloadFormatIndicator ? 1 : 0,
    subscriptionIdentifiers: identifiers === undefined ? undefined : [identifiers].flat(),
    userProperties,
  }
}

/** What a refusal says besides its reason code. */
export function fromJsReason(said: JsReason | undefined): Pick<Properties, 'reasonString' | 'userProperties'> {
  return { reasonString: said?.reasonString, userProperties: fromJsPairs(said?.userProperties) }
}

export interface JsReason {
  readonly reasonString?: string
  readonly userProperties?: JsPairs
}

type JsPairs = NonNullable<JsProperties['userProperties']>

function toJsPairs(pairs: Properties['userProperties']): JsPairs | undefined {
  // Of an empty object MQTT.js makes a packet that no hub answers.
  if (pairs === undefined || pairs.length === 0) return undefined
  const found = new Map<string, string[]>()
  for (const [name, value] of pairs) found.set(name, [...(found.get(name) ?? []), value])
  return Object.fromEntries(found)
}

function fromJsPairs(pairs: JsPairs | undefined): Properties['userProperties'] {
  if (pairs === undefined) return undefined
  return Object.entries(pairs).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  )
}
