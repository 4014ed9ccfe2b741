import { jsonCodecWith, type Message, ThingmeshError, textCodec, toMessageFields, toMessageJson } from '@thingmesh/core'
import { cborCodecWith } from '@thingmesh/core/cbor'
import { byteTexts, fromBase64 } from './byte-texts.ts'
import { malformed, wrongKind } from './close-codes.ts'

/** One WebSocket message, whole. */
export interface Frame {
  readonly bytes: Uint8Array
  /** Valid UTF-8. */
  readonly isText: boolean
}

/** What a client publishes. */
export interface Payload {
  readonly bytes: Uint8Array
  /** Where the client says nothing of its own. */
  readonly contentType: string
  readonly isText: boolean
}

/** How an envelope is written. */
export interface Format {
  /** Throws what ends the connection, for what is not of this format. */
  decode(frame: Frame): unknown
  encode(fields: Readonly<Record<string, unknown>>): Frame
  /** A message as the fields of an envelope; without a cursor where its position is none to go on from. */
  fieldsOf(message: Message, cursor?: string): Record<string, unknown>
  /** What stands in `payload` and `encoding`. Throws `invalid-argument`. */
  payloadOf(payload: unknown, encoding: unknown): Payload
  /** `undefined` for what are no bytes in this format. */
  bytesOf(value: unknown): Uint8Array | undefined
}

/** One more level than a payload may have: the envelope's own. */
const depthMax = 17
const json = jsonCodecWith({ depthMax })
const cbor = cborCodecWith({ depthMax })
/** What the hub has accepted is not refused here: a message of another protocol may have headers without end. */
const cborOut = cborCodecWith({ nodesMax: Number.MAX_SAFE_INTEGER })

export const jsonFormat: Format = {
  decode({ bytes, isText }) {
    if (!isText) throw wrongKind('a binary frame, where envelopes are json in text frames')
    return decoded(() => json.decode(bytes))
  },
  encode: fields => ({ bytes: Buffer.from(JSON.stringify(fields)), isText: true }),
  fieldsOf: (message, cursor) => toMessageJson(message, cursor, byteTexts),
  payloadOf(payload, encoding = typeof payload === 'string' ? 'text' : 'json') {
    if (payload === undefined) throw invalid('there is no payload')
    if (encoding === 'json') return { bytes: json.encode(payload), contentType: 'application/json', isText: true }
    if (typeof payload !== 'string') throw invalid('the payload is not a string, which its encoding asks for')
    if (encoding === 'text') return { bytes: textCodec.encode(payload), contentType: '', isText: true }
    const bytes = encoding === 'base64' ? fromBase64(payload) : undefined
    if (bytes === undefined) throw invalid('the encoding is none of json, text and base64, or the payload is not of it')
    return { bytes, contentType: '', isText: false }
  },
  bytesOf: value => (typeof value === 'string' ? fromBase64(value) : undefined),
}

export const cborFormat: Format = {
  decode({ bytes, isText }) {
    if (isText) throw wrongKind('a text frame, where envelopes are cbor in binary frames')
    return decoded(() => cbor.decode(bytes))
  },
  encode: fields => ({ bytes: cborOut.encode(fields), isText: false }),
  fieldsOf: (message, cursor) => ({ ...toMessageFields(message, cursor, bytes => bytes), payload: message.payload }),
  payloadOf(payload, encoding) {
    if (encoding !== undefined) throw invalid('there is an encoding, which cbor does not need')
    if (typeof payload === 'string') return { bytes: textCodec.encode(payload), contentType: '', isText: true }
    if (!(payload instanceof Uint8Array)) throw invalid('the payload is neither bytes nor text')
    return { bytes: payload, contentType: '', isText: false }
  },
  bytesOf: value => (value instanceof Uint8Array ? value : undefined),
}

function decoded(decode: () => unknown): unknown {
  try {
    return decode()
  } catch (error) {
    throw malformed(error instanceof ThingmeshError ? error.message : 'the frame cannot be decoded')
  }
}

function invalid(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message)
}
