import { type Message, type MessageProperties, messageId } from '../model/index.ts'
import type { Codec } from './codec.ts'
import { codecFor } from './codec-for.ts'

/** What it takes of a platform to show bytes as text. Of the platform's own, because that is a hundred times faster. */
export interface ByteTexts {
  /** With padding (RFC 4648, section 4). */
  toBase64(bytes: Uint8Array): string
  /** Strict, and a U+FEFF in front is kept; `undefined` where the bytes are no UTF-8. */
  toText(bytes: Uint8Array): string | undefined
}

/** How JSON carries a payload: a value, a string, or the bytes. */
export interface PayloadJson {
  readonly encoding: 'json' | 'text' | 'base64'
  readonly payload: unknown
}

/**
 * A message as JSON carries it, on every protocol that does. `encoding` always tells what `payload` is: `json` a value, `text` a
 * string, `base64` the bytes. What a publisher declared is believed only as far as it is true. The cursor, where there is one to
 * tell, is where the message lies in the log of the hub that tells it.
 */
export function toMessageJson(message: Message, cursor: string | undefined, texts: ByteTexts): Record<string, unknown> {
  return { ...toMessageFields(message, cursor, texts.toBase64), ...toPayloadJson(message, texts) }
}

/** A message without its payload. `toBytes` writes the correlation, which is bytes. */
export function toMessageFields(
  message: Message,
  cursor: string | undefined,
  toBytes: (bytes: Uint8Array) => unknown,
): Record<string, unknown> {
  return {
    id: messageId(message.log, message.sequence),
    ...(cursor === undefined ? undefined : { cursor }),
    channel: message.channel,
    subtopic: message.subtopic,
    topic: message.topic,
    publisher: message.publisher,
    protocol: message.protocol,
    acceptedAt: new Date(message.acceptedAtMs).toISOString(),
    contentType: message.contentType,
    delivery: message.delivery,
    ...(message.retain ? { retain: true } : undefined),
    ...(message.properties === undefined ? undefined : { properties: toPropertiesFields(message.properties, toBytes) }),
  }
}

function toPropertiesFields(
  { replyTo, correlation, expiresInSeconds, utf8, headers }: MessageProperties,
  toBytes: (bytes: Uint8Array) => unknown,
): Record<string, unknown> {
  return {
    ...(replyTo === undefined ? undefined : { replyTo }),
    ...(correlation === undefined ? undefined : { correlation: toBytes(correlation) }),
    ...(expiresInSeconds === undefined ? undefined : { expiresInSeconds }),
    ...(utf8 === undefined ? undefined : { utf8 }),
    ...(headers === undefined ? undefined : { headers }),
  }
}

/** The payload alone. */
export function toPayloadJson(message: PayloadFacts, { toText, toBase64 }: ByteTexts): PayloadJson {
  const { payload, contentType } = message
  const codec = codecFor(contentType)
  if (codec !== undefined && isOf(codec, 'application/json') && payload.byteLength > 0) {
    try {
      return { encoding: 'json', payload: codec.decode(payload) }
    } catch {
      // Declared as JSON, and is not, or is beyond the limits: the bytes as they are.
    }
  }
  const text = toPayloadText(message, toText)
  return text === undefined ? { encoding: 'base64', payload: toBase64(payload) } : { encoding: 'text', payload: text }
}

/** A payload that is text, as which JSON counts; `undefined` for bytes. */
export function toPayloadText(
  { payload, contentType, properties }: PayloadFacts,
  toText: ByteTexts['toText'],
): string | undefined {
  const codec = codecFor(contentType)
  const isDeclared = isOf(codec, 'application/json') || isOf(codec, 'text/plain') || properties?.utf8 === true
  // Without a content type we do not know: what is JSON by its looks stays the text that it certainly is.
  if (!isDeclared && contentType !== '') return undefined
  const text = toText(payload)
  return text !== undefined && (isDeclared || !hasControls.test(text)) ? text : undefined
}

type PayloadFacts = Pick<Message, 'payload' | 'contentType' | 'properties'>

function isOf(codec: Codec | undefined, contentType: string): boolean {
  return codec?.contentTypes.includes(contentType) === true
}

/** NUL and the like: bytes that happen to be valid UTF-8 and yet are no text. Tab, line feed and return are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const hasControls = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/
