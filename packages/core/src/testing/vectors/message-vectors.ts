import { cborCodec } from '../../codec/cbor/index.ts'
import { type ByteTexts, toMessageJson } from '../../codec/message-json.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import type { Message } from '../../model/index.ts'
import { same } from '../expect.ts'
import { toWire, type Vector } from './vector.ts'

const message: Message = {
  topic: 'telemetry/room1',
  channel: 'telemetry',
  subtopic: 'room1',
  payload: encodeUtf8('{"t":1}'),
  contentType: 'application/json',
  delivery: 'at-least-once',
  retain: true,
  properties: { expiresInSeconds: 60, headers: [['site', 'roof']] },
  log: { origin: 'hub', epoch: 'e' },
  sequence: 42,
  domain: 'default',
  publisher: 'thing:1',
  clientId: '',
  protocol: 'mqtt',
  acceptedAtMs: 0,
}

/** Neither is asked for: the payload is JSON. */
const texts: ByteTexts = { toBase64: () => '', toText: () => undefined }

export const messageVectors: readonly Vector[] = [
  {
    name: 'http/message',
    wire: `'{"id":"hub.e.42","cursor":"104f3861e7ba.42","channel":"telemetry","subtopic":"room1","topic":"telemetry/room1","publisher":"thing:1","protocol":"mqtt","acceptedAt":"1970-01-01T00:00:00.000Z","contentType":"application/json","delivery":"at-least-once","retain":true,"properties":{"expiresInSeconds":60,"headers":[["site","roof"]]},"encoding":"json","payload":{"t":1}}'`,
    run() {
      same(encodeUtf8(JSON.stringify(toMessageJson(message, '104f3861e7ba.42', texts))), toWire(this.wire))
    },
  },
  envelope('websocket/publish-cbor', "a3 64 'type' 67 'publish' 62 'id' 01 67 'payload' 42 01 ff", {
    type: 'publish',
    id: 1,
    payload: Uint8Array.of(1, 0xff),
  }),
  envelope(
    'websocket/publish-key-cbor',
    "a4 64 'type' 67 'publish' 62 'id' 01 67 'payload' 42 01 ff 63 'key' 6a 'reading-17'",
    {
      type: 'publish',
      id: 1,
      payload: Uint8Array.of(1, 0xff),
      key: 'reading-17',
    },
  ),
  envelope('websocket/ack-cbor', "a2 64 'type' 63 'ack' 62 'id' 01", { type: 'ack', id: 1 }),
  envelope('websocket/subscribe-cbor', "a2 64 'type' 69 'subscribe' 65 'after' 63 'now'", {
    type: 'subscribe',
    after: 'now',
  }),
]

function envelope(name: string, wire: string, fields: Record<string, unknown>): Vector {
  return {
    name,
    wire,
    run() {
      same(cborCodec.encode(fields), toWire(wire))
      same(cborCodec.decode(toWire(wire)), fields)
    },
  }
}
