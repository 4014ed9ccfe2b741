import {
  type Message,
  type PayloadJson,
  toPayloadJson as payloadToJson,
  toMessageJson as toJson,
} from '@thingmesh/core'

/** `ignoreBOM` keeps a U+FEFF in front: whoever encodes the text again gets the same bytes. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const texts = { toBase64, toText }

/** A message as JSON carries it. */
export function toMessageJson(message: Message, cursor: string): Record<string, unknown> {
  return toJson(message, cursor, texts)
}

/** Its payload alone, as the same JSON has it. */
export function toPayloadJson(message: Message): PayloadJson {
  return payloadToJson(message, texts)
}

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
