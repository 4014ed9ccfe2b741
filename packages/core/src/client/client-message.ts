import { levelEnd } from '../address/level.ts'
import { payloadKindOf } from '../codec/codec-for.ts'
import { decodeUtf8 } from '../codec/utf8.ts'
import type { Draft, MessageId, PrincipalId } from '../model/index.ts'
import { readJson } from './json-payload.ts'
import type { ReceivedPayload } from './messages.ts'
import type { ClientMessage } from './transport.ts'

/** What a protocol told of a message. */
export interface MessageFacts extends Omit<Draft, 'key'> {
  readonly id?: MessageId
  readonly cursor?: string
  readonly publisher?: PrincipalId
  readonly acceptedAtMs?: number
}

/** For whoever writes a transport. The bytes of the payload are copied. */
export function toClientMessage({ topic, payload, properties, ...facts }: MessageFacts): ClientMessage {
  const end = levelEnd(topic, 0)
  return {
    ...facts,
    topic,
    channel: topic.slice(0, end),
    subtopic: topic.slice(end + 1),
    ...(properties === undefined ? {} : { properties }),
    ...toReceivedPayload(facts.contentType, payload),
  }
}

/** What a publisher declared is believed as far as it is true, as over HTTP. */
function toReceivedPayload(contentType: string, payload: Uint8Array): ReceivedPayload {
  const kind = payloadKindOf(contentType)
  try {
    if (kind === 'json') return { encoding: kind, payload: readJson(decodeUtf8(payload)) }
    if (kind === 'text') return { encoding: kind, payload: decodeUtf8(payload) }
  } catch {
    // Bytes, then.
  }
  return { encoding: 'bytes', payload: Uint8Array.from(payload) }
}
