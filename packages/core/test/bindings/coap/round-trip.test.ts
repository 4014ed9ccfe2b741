import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHeader, decodeMessage, encodeMessage, encodePiggybacked } from '../../../src/bindings/coap/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { emptyMessage, filledMessage } from './arbitraries.ts'
import { hex } from './hex.ts'
import { holds } from './holds.ts'

describe('a message', () => {
  it('comes back as it was', () => {
    holds(
      fc.property(filledMessage, message => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message)
      }),
      1000,
    )
  })

  it('comes back by number where its options came in any order', () => {
    holds(
      fc.property(filledMessage, fc.infiniteStream(fc.nat()), (message, random) => {
        const mixed = message.options.map(option => ({ option, key: random.next().value as number }))
        mixed.sort((a, b) => a.key - b.key)
        const options = mixed.map(({ option }) => option)
        const sorted = [...options].sort((a, b) => a.number - b.number)
        expect(decodeMessage(encodeMessage({ ...message, options })).options).toEqual(sorted)
      }),
    )
  })

  it('that answers another has its message id and token', () => {
    holds(
      fc.property(filledMessage, filledMessage, (request, { code, options, payload }) => {
        const datagram = encodeMessage({ ...request, type: 'confirmable' })
        const { messageId, token } = request
        const bytes = encodePiggybacked(datagram, { code, options, payload })
        expect(bytes).toEqual(encodeMessage({ type: 'acknowledgement', code, messageId, token, options, payload }))
      }),
    )
  })

  it('comes back where it is empty', () => {
    holds(
      fc.property(emptyMessage, ({ type, messageId, bytes }) => {
        expect(bytes.length).toBe(4)
        expect(decodeMessage(bytes)).toMatchObject({ type, messageId, code: 0 })
      }),
    )
  })

  it('cut at every byte is refused or is another message, and nothing but a ThingmeshError is thrown', () => {
    holds(
      fc.property(filledMessage, message => {
        const bytes = encodeMessage(message)
        for (let length = 0; length < bytes.length; length++) {
          const cut = decodeOrRefuse(bytes.subarray(0, length))
          if (cut === undefined) continue
          // What is left is whole: the same options up to there, and no more payload than there was.
          expect(message.options.slice(0, cut.options.length)).toEqual(cut.options)
          expect(cut.payload.length).toBeLessThanOrEqual(message.payload.length)
          expect(cut.token).toEqual(message.token)
        }
      }),
    )
  })

  it('any bytes at all are decoded or refused, and what is decoded has the header that a rejection goes by', () => {
    holds(
      fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
        const message = decodeOrRefuse(bytes)
        if (message === undefined) return
        const { type, code, messageId, token } = message
        expect(decodeHeader(bytes)).toEqual({ type, code, messageId, token })
        expect(decodeMessage(encodeMessage(message))).toEqual(message)
      }),
      2000,
    )
  })
})

describe('the examples of RFC 7252, appendix A', () => {
  it.each([
    ['figure 16, request', "40 01 7d 34 bb 'temperature'", { type: 'confirmable', code: 0x01, messageId: 0x7d34 }],
    ['figure 16, response', "60 45 7d 34 ff '22.3 C'", { type: 'acknowledgement', code: 0x45, messageId: 0x7d34 }],
    [
      'figure 17, request',
      "41 01 7d 35 20 bb 'temperature'",
      { type: 'confirmable', messageId: 0x7d35, token: Uint8Array.of(0x20) },
    ],
  ])('%s', (_name, source, expected) => {
    const message = decodeMessage(hex(source))
    expect(message).toMatchObject(expected)
    expect(encodeMessage(message)).toEqual(hex(source))
  })
})

function decodeOrRefuse(bytes: Uint8Array) {
  try {
    return decodeMessage(bytes)
  } catch (error) {
    if (!isThingmeshError(error) || error.code !== 'invalid-argument') throw error
    return undefined
  }
}
