import { codecFor, type Message, type MessageProperties, messageId } from '@thingmesh/core'

/** `ignoreBOM` keeps a U+FEFF in front: whoever encodes the text again gets the same bytes. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A message as JSON carries it. `encoding` always tells what `payload` is: `json` a value, `text` a string, `base64`
 * the bytes. What a publisher declared is believed only as far as it is true.
 */
export function toMessageJson(message: Message): Record<string, unknown> {
  return {
    id: messageId(message.log, message.sequence),
    cursor: String(message.sequence),
    channel: message.channel,
    subtopic: message.subtopic,
    topic: message.topic,
    publisher: message.publisher,
    protocol: message.protocol,
    acceptedAt: new Date(message.acceptedAtMs).toISOString(),
    contentType: message.contentType,
    delivery: message.delivery,
    ...(message.retain ? { retain: true } : undefined),
    ...(message.properties === undefined ? undefined : { properties: toPropertiesJson(message.properties) }),
    ...toPayloadJson(message),
  }
}

function toPropertiesJson(properties: MessageProperties): Record<string, unknown> {
  const { replyTo, correlation, expiresInSeconds, utf8, headers } = properties
  return {
    replyTo,
    correlation: correlation === undefined ? undefined : toBase64(correlation),
    expiresInSeconds,
    utf8,
    headers,
  }
}

interface PayloadJson {
  readonly encoding: 'json' | 'text' | 'base64'
  readonly payload: unknown
}

export function toPayloadJson({ payload, contentType, properties }: Message): PayloadJson {
  const codec = codecFor(contentType)
  const isJson = codec?.contentTypes.includes('application/json') === true
  const isText = codec?.contentTypes.includes('text/plain') === true || properties?.utf8 === true
  if (isJson && payload.byteLength > 0) {
    try {
      return { encoding: 'json', payload: codec.decode(payload) }
    } catch {
      // Declared as JSON, and is not, or is beyond the limits: the bytes as they are.
    }
  }
  // Without a content type we do not know: what is JSON by its looks stays the text that it certainly is.
  if (isJson || isText || contentType === '') {
    const text = toText(payload)
    if (text !== undefined && (contentType !== '' || !hasControls.test(text)))
      return { encoding: 'text', payload: text }
  }
  return { encoding: 'base64', payload: toBase64(payload) }
}

/** NUL and the like: bytes that happen to be valid UTF-8 and yet are no text. Tab, line feed and return are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const hasControls = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/

function toText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
