import {
  type CoapBody,
  type CoapMessage,
  type CoapOption,
  Code,
  ContentFormat,
  decodeMessage,
  decodeWebSocketMessage,
  encodeFrame,
  encodeMessage,
  encodeWebSocketMessage,
  FrameParser,
  noBytes,
  OptionNumber,
  Signal,
  SignalOption,
  stringOption,
  uintOption,
} from '../../bindings/coap/index.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import { same } from '../expect.ts'
import { toWire, type Vector } from './vector.ts'

const token = Uint8Array.of(0x7f)
const body = encodeUtf8('{"t":1}')
const json = uintOption(OptionNumber.contentFormat, ContentFormat.json)
const expiry = uintOption(OptionNumber.maxAge, 60)
const key = stringOption(OptionNumber.uriQuery, 'auth=golden-key')
const pathOf = (...levels: string[]) => levels.map(level => stringOption(OptionNumber.uriPath, level))
const room1 = pathOf('c', 'telemetry', 'room1')
const wireOfRoom1 = "b1 'c' 09 'telemetry' 05 'room1'"
const observe = (value: number): CoapOption => uintOption(OptionNumber.observe, value)
const forbidden = 'no right to publish to this topic'
const eTag: CoapOption = { number: OptionNumber.eTag, value: Uint8Array.of(0x2a, 0, 0, 0, 0, 0, 0, 1) }
const wireOfETag = '48 2a 00 00 00 00 00 00 01'

const asks = (code: number, options: readonly CoapOption[], payload = noBytes): CoapBody => ({
  code,
  token,
  options,
  payload,
})
const text = (code: number, said: string, options: readonly CoapOption[] = []) => asks(code, options, encodeUtf8(said))

/** Message ids: the request's, which its acknowledgement has too, and one of the hub's own. */
const messageId = 1
const con = (name: string, wire: string, said: CoapBody) =>
  udp(`coap/${name}`, wire, { type: 'confirmable', messageId, ...said })
const non = (name: string, wire: string, said: CoapBody) =>
  udp(`coap/${name}`, wire, { type: 'non-confirmable', messageId, ...said })
const ack = (name: string, wire: string, said: CoapBody) =>
  udp(`coap/${name}`, wire, { type: 'acknowledgement', messageId, ...said })

export const coapVectors: readonly Vector[] = [
  con(
    'publish',
    `41 02 00 01 7f ${wireOfRoom1} 11 32 21 3c 1d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.post, [...room1, json, expiry, key], body),
  ),
  con(
    'publish-long-path',
    `41 02 00 01 7f b8 'channels' 09 'telemetry' 08 'messages' 05 'room1' 11 32 21 3c 1d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.post, [...pathOf('channels', 'telemetry', 'messages', 'room1'), json, expiry, key], body),
  ),
  non(
    'publish-at-most-once',
    `51 02 00 01 7f ${wireOfRoom1} 4d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.post, [...room1, key], body),
  ),
  ack('ack', '61 44 00 01 7f', asks(Code.changed, [])),
  con(
    'last-value-set',
    `41 03 00 01 7f ${wireOfRoom1} 11 32 3d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.put, [...room1, json, key], body),
  ),
  con('last-value-get', `41 01 00 01 7f ${wireOfRoom1} 4d 02 'auth=golden-key'`, asks(Code.get, [...room1, key])),
  ack('last-value', `61 45 00 01 7f ${wireOfETag} 81 32 ff '{"t":1}'`, asks(Code.content, [eTag, json], body)),
  con('last-value-clear', `41 04 00 01 7f ${wireOfRoom1} 4d 02 'auth=golden-key'`, asks(Code.delete, [...room1, key])),
  ack('last-value-cleared', '61 42 00 01 7f', asks(Code.deleted, [])),
  con(
    'subscribe',
    `41 01 00 01 7f 60 51 'c' 09 'telemetry' 05 'room1' 4d 02 'auth=golden-key'`,
    asks(Code.get, [observe(0), ...room1, key]),
  ),
  con(
    'notification',
    `41 45 00 01 7f ${wireOfETag} 21 02 61 32 21 3c ff '{"t":1}'`,
    asks(Code.content, [eTag, observe(2), json, expiry], body),
  ),
  con(
    'unsubscribe',
    `41 01 00 01 7f 61 01 51 'c' 09 'telemetry' 05 'room1' 4d 02 'auth=golden-key'`,
    asks(Code.get, [observe(1), ...room1, key]),
  ),
  con(
    'who-by-name',
    `41 01 00 01 7f ${wireOfRoom1} 4a 'u=sensor-1' 0c 'p=golden-key'`,
    asks(Code.get, [
      ...room1,
      stringOption(OptionNumber.uriQuery, 'u=sensor-1'),
      stringOption(OptionNumber.uriQuery, 'p=golden-key'),
    ]),
  ),
  con('who-nobody', `41 01 00 01 7f ${wireOfRoom1}`, asks(Code.get, room1)),
  ack(
    'unauthenticated',
    "61 81 00 01 7f ff 'no key: add ?auth=<key>'",
    text(Code.unauthorized, 'no key: add ?auth=<key>'),
  ),
  con(
    'publish-forbidden',
    `41 02 00 01 7f b1 'c' 06 'secret' 4d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.post, [...pathOf('c', 'secret'), key], body),
  ),
  ack('refused', `61 83 00 01 7f ff '${forbidden}'`, text(Code.forbidden, forbidden)),
  ack('not-found', "61 84 00 01 7f ff 'there is no last value'", text(Code.notFound, 'there is no last value')),
  ack(
    'unavailable',
    "61 a3 00 01 7f d1 01 05 ff 'later'",
    text(Code.serviceUnavailable, 'later', [uintOption(OptionNumber.maxAge, 5)]),
  ),
  tcp('coap-tcp/settings', '40 e1 22 04 80 20', {
    code: Signal.csm,
    token: noBytes,
    options: [
      uintOption(SignalOption.maxMessageSize, 1_152),
      { number: SignalOption.blockWiseTransfer, value: noBytes },
    ],
    payload: noBytes,
  }),
  tcp(
    'coap-tcp/publish',
    `d1 22 02 7f ${wireOfRoom1} 11 32 21 3c 1d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.post, [...room1, json, expiry, key], body),
  ),
  tcp('coap-tcp/ack', '01 44 7f', asks(Code.changed, [])),
  webSocket('coap-websocket/settings', '00 e1 22 04 80 20', {
    code: Signal.csm,
    token: noBytes,
    options: [
      uintOption(SignalOption.maxMessageSize, 1_152),
      { number: SignalOption.blockWiseTransfer, value: noBytes },
    ],
    payload: noBytes,
  }),
  webSocket(
    'coap-websocket/publish',
    `01 02 7f ${wireOfRoom1} 11 32 21 3c 1d 02 'auth=golden-key' ff '{"t":1}'`,
    asks(Code.post, [...room1, json, expiry, key], body),
  ),
  webSocket('coap-websocket/ack', '01 44 7f', asks(Code.changed, [])),
]

function udp(name: string, wire: string, message: CoapMessage): Vector {
  return {
    name,
    wire,
    run() {
      same(encodeMessage(message), toWire(wire))
      same(decodeMessage(toWire(wire)), message)
    },
  }
}

function tcp(name: string, wire: string, message: CoapBody): Vector {
  return {
    name,
    wire,
    run() {
      same(encodeFrame(message), toWire(wire))
      const found: CoapBody[] = []
      new FrameParser(1_152).push(toWire(wire), one => found.push(one))
      same(found, [message])
    },
  }
}

function webSocket(name: string, wire: string, message: CoapBody): Vector {
  return {
    name,
    wire,
    run() {
      same(encodeWebSocketMessage(message), toWire(wire))
      same(decodeWebSocketMessage(toWire(wire)), message)
    },
  }
}
