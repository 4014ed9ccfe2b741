import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CoapBody,
  decodeWebSocketMessage,
  encodeFrame,
  encodeWebSocketMessage,
  Signal,
  SignalOption,
  uintOption,
} from '../../../src/bindings/coap/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { filledMessage } from './arbitraries.ts'
import { hex } from './hex.ts'
import { holds } from './holds.ts'

const none = new Uint8Array(0)
const body = filledMessage.map(({ code, token, options, payload }): CoapBody => ({ code, token, options, payload }))

describe('messages over WebSocket', () => {
  it('come back as they were, and are those of TCP without their length', () => {
    holds(
      fc.property(body, message => {
        const bytes = encodeWebSocketMessage(message)
        expect(decodeWebSocketMessage(bytes)).toEqual(message)
        const framed = encodeFrame(message)
        expect(bytes.slice(1)).toEqual(framed.slice(framed.length - bytes.length + 1))
      }),
      300,
    )
  })

  // RFC 8323, section 4.2: the length is 0, whatever follows.
  it.each([
    ['an empty message', '00 00', { code: 0, token: none, options: [], payload: none }],
    [
      'a CSM with a size',
      '00 e1 22 04 80',
      { code: Signal.csm, token: none, options: [uintOption(SignalOption.maxMessageSize, 1_152)], payload: none },
    ],
    [
      'a GET',
      "01 01 7f b1 'a'",
      { code: 1, token: Uint8Array.of(0x7f), options: [{ number: 11, value: hex("'a'") }], payload: none },
    ],
  ])('%s', (_name, source, message) => {
    expect(decodeWebSocketMessage(hex(source))).toEqual(message)
    expect(encodeWebSocketMessage(message)).toEqual(hex(source))
  })

  it.each([
    ['nothing', '', 'message of 0 bytes'],
    ['half a header', '00', 'message of 1 bytes'],
    ['a length', "21 01 7f b1 'a'", 'length field of 2'],
    ['a token of nine bytes', '09 01 010203040506070809', 'token of 9 bytes'],
    ['a token that is not all there', '04 01 0102', 'its token ends at 6'],
    ['a payload of nothing', '00 01 ff', 'payload'],
  ])('refused: %s', (_name, source, text) => {
    const thrown = (() => {
      try {
        return decodeWebSocketMessage(hex(source))
      } catch (error) {
        return error
      }
    })()
    expect(isThingmeshError(thrown) && thrown.code).toBe('invalid-argument')
    expect(String(thrown)).toContain(text)
  })
})
