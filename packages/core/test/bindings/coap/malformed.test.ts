import { describe, expect, it } from 'vitest'
import { type CoapMessage, decodeHeader, decodeMessage, encodeMessage } from '../../../src/bindings/coap/index.ts'
import { hex } from './hex.ts'

describe('decodeMessage refuses', () => {
  it.each([
    ['nothing', '', 'message of 0 bytes, 4 are the least'],
    ['three bytes', '40 01 00', 'message of 3 bytes, 4 are the least'],
    ['version 0', '00 01 00 01', 'version 0'],
    ['version 2', '80 01 00 01', 'version 2'],
    ['version 3', 'c0 01 00 01', 'version 3'],
    ['a token of nine bytes', '49 01 00 01 01 02 03 04 05 06 07 08 09', 'token of 9 bytes, the limit is 8'],
    ['a token of fifteen bytes', '4f 01 00 01', 'token of 15 bytes'],
    ['a token past the end', '44 01 00 01 aa bb', 'token of 4 bytes, 2 are left'],
    ['an empty message with a token', '41 00 00 01', 'empty message with a token'],
    ['an empty message with an option', '40 00 00 01 b0', 'empty message of 5 bytes'],
    ['an empty message with a payload', '40 00 00 01 ff 00', 'empty message of 6 bytes'],
    ['code class 1', '40 20 00 01', 'code class 1, which is reserved'],
    ['code class 3', '40 60 00 01', 'code class 3'],
    ['code class 6', '40 c0 00 01', 'code class 6'],
    ['code class 7, of reliable transports', '40 e1 00 01', 'code class 7'],
    ['a payload marker and no payload', '40 02 00 01 ff', 'a payload marker and no payload'],
    ['option delta 15', '40 01 00 01 f0', 'option delta of 15, which is reserved'],
    ['option length 15', '40 01 00 01 0f', 'option length of 15, which is reserved'],
    ['an option past the end', "40 01 00 01 b5 'abcd'", 'option of 5 bytes, 4 are left'],
    ['a delta extension past the end', '40 01 00 01 d0', 'option header of 1 bytes, 0 are left'],
    ['a long delta extension past the end', '40 01 00 01 e0 01', 'option header of 2 bytes, 1 are left'],
    ['a length extension past the end', '40 01 00 01 bd', 'option header of 1 bytes, 0 are left'],
    ['a long length extension past the end', '40 01 00 01 be 00', 'option header of 2 bytes, 1 are left'],
    ['a length that claims 64 KiB', '40 01 00 01 be ff ff', 'option of 65804 bytes, 0 are left'],
    ['an option number beyond 65535', '40 01 00 01 e0 fe f2 10', 'option number'],
    ['an option number beyond 65535 by one delta', '40 01 00 01 e0 ff ff', 'option number 65804, the limit is 65535'],
    ['TLS', '16 03 01 02 00', 'version 0'],
    ['text', "'GET / HTTP/1.1'", 'option of 1 bytes, 0 are left'],
  ])('%s', (_name, source, text) => {
    expect(() => decodeMessage(hex(source))).toThrow(text)
  })

  it('nothing that is right at the borders', () => {
    const message = decodeMessage(hex('48 01 ff ff 01 02 03 04 05 06 07 08 e0 fe f2'))
    expect(message).toMatchObject({ messageId: 0xffff, options: [{ number: 65_535 }] })
  })
})

describe('decodeHeader', () => {
  it.each([
    ['of a message whose rest is malformed', "42 02 12 34 'ab' f0", 0x1234, Uint8Array.of(0x61, 0x62)],
    ['without a token where it goes past the end', "44 02 12 34 'ab'", 0x1234, undefined],
    ['without a token where it is too long', "4f 02 12 34 'abcdefghijklmnop'", 0x1234, undefined],
  ])('%s', (_name, source, messageId, token) => {
    expect(decodeHeader(hex(source))).toMatchObject({ type: 'confirmable', code: 2, messageId, token })
  })

  it.each(['', '40 01 00', '00 01 00 01', '80 01 00 01'])('is not there for %s', source => {
    expect(decodeHeader(hex(source))).toBeUndefined()
  })
})

describe('encodeMessage refuses', () => {
  const none = new Uint8Array(0)
  const base: CoapMessage = { type: 'confirmable', code: 1, messageId: 1, token: none, options: [], payload: none }
  it.each<readonly [string, Partial<CoapMessage>]>([
    ['a token of nine bytes', { token: new Uint8Array(9) }],
    ['a message id beyond 16 bits', { messageId: 0x1_0000 }],
    ['a message id that is no integer', { messageId: 1.5 }],
    ['a code beyond eight bits', { code: 0x100 }],
    ['an empty message with a token', { code: 0, token: new Uint8Array(1) }],
    ['an empty message with a payload', { code: 0, payload: new Uint8Array(1) }],
    ['an option number beyond 16 bits', { options: [{ number: 0x1_0000, value: none }] }],
    ['a negative option number', { options: [{ number: -1, value: none }] }],
    ['an option of 65,805 bytes', { options: [{ number: 1, value: new Uint8Array(65_805) }] }],
  ])('%s', (_name, change) => {
    expect(() => encodeMessage({ ...base, ...change })).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })
})
