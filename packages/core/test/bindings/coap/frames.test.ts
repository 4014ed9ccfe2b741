import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CoapBody,
  encodeFrame,
  FrameParser,
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
const parser = (messageBytesMax = 1_048_576) => new FrameParser(messageBytesMax)

function parseAll(target: FrameParser, ...chunks: Uint8Array[]): CoapBody[] {
  const messages: CoapBody[] = []
  for (const chunk of chunks) target.push(chunk, message => messages.push(message))
  return messages
}

const concat = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

describe('frames', () => {
  it('come back as they were, however they are cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })
    holds(
      fc.property(fc.array(body, { maxLength: 5 }), cuts, (messages, sizes) => {
        const bytes = concat(messages.map(encodeFrame))
        const chunks: Uint8Array[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + sizes[i % sizes.length]!
          chunks.push(bytes.slice(at, end))
          at = end
        }
        const target = parser()
        expect(parseAll(target, ...chunks)).toEqual(messages)
        expect(target.bufferedBytes).toBe(0)
      }),
      300,
    )
  })

  it.each([0, 12, 13, 268, 269, 65_804, 65_805, 70_000])('of %i bytes after the token, by the byte', length => {
    const payload = new Uint8Array(Math.max(0, length - 1)).fill(7)
    const message = { code: 2, token: Uint8Array.of(1, 2), options: [], payload: length === 0 ? none : payload }
    const bytes = encodeFrame(message)
    const target = parser()
    const chunks = length > 1_000 ? [bytes.slice(0, 3), bytes.slice(3)] : [...bytes].map(byte => Uint8Array.of(byte))
    expect(parseAll(target, ...chunks)).toEqual([message])
  })

  // RFC 8323, section 3.2 and 5.3: an empty CSM, one with a size, a ping.
  it.each([
    ['an empty message', '00 00', { code: 0, token: none, options: [], payload: none }],
    ['a CSM', '00 e1', { code: Signal.csm, token: none, options: [], payload: none }],
    [
      'a CSM with a size',
      '30 e1 22 04 80',
      { code: Signal.csm, token: none, options: [uintOption(SignalOption.maxMessageSize, 1_152)], payload: none },
    ],
    ['a ping with a token', '01 e2 42', { code: Signal.ping, token: Uint8Array.of(0x42), options: [], payload: none }],
    [
      'a GET',
      "21 01 7f b1 'a'",
      { code: 1, token: Uint8Array.of(0x7f), options: [{ number: 11, value: hex("'a'") }], payload: none },
    ],
  ])('%s', (_name, source, message) => {
    expect(parseAll(parser(), hex(source))).toEqual([message])
    expect(encodeFrame(message)).toEqual(hex(source))
  })
})

describe('refused', () => {
  it.each([
    ['a token of nine bytes', '09', 'token of 9 bytes'],
    ['a payload marker and no payload', '10 02 ff', 'a payload marker'],
    ['an option past the end', "30 01 b5 'ab'", 'option of 5 bytes, 2 are left'],
    ['reserved option delta', '10 01 f0', 'option delta of 15'],
  ])('%s', (_name, source, text) => {
    const target = parser()
    expect(() => parseAll(target, hex(source))).toThrow(text)
    expect(() => parseAll(target, hex('00 00'))).toThrow(text)
  })

  it.each(['f0 ff ff ff ff', 'f0 ff ff ff ff 01 02', 'e0 ff ff', 'd0 ff'])('what is too large, from %s', source => {
    const target = parser(100)
    expect(() => parseAll(target, hex(source))).toThrow(expect.objectContaining({ code: 'too-large' }))
    expect(target.bufferedBytes).toBe(0)
  })

  it('nothing else is thrown, whatever comes', () => {
    holds(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        const target = parser(64)
        try {
          parseAll(target, ...[...bytes].map(byte => Uint8Array.of(byte)))
        } catch (error) {
          if (!isThingmeshError(error)) throw error
        }
        expect(target.bufferedBytes).toBeLessThanOrEqual(64)
      }),
      500,
    )
  })

  it('a large message by the byte takes time that grows with its bytes', () => {
    const bytes = encodeFrame({ code: 2, token: none, options: [], payload: new Uint8Array(200_000) })
    const target = parser()
    const messages: CoapBody[] = []
    const start = performance.now()
    for (const byte of bytes) target.push(Uint8Array.of(byte), message => messages.push(message))
    expect(messages.length).toBe(1)
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})
