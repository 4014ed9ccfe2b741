import { generate, type ParsedPacket, parse } from 'coap-packet'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type CoapMessage, codeText, decodeMessage, encodeMessage } from '../../../src/bindings/coap/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { emptyMessage, filledMessage } from './arbitraries.ts'
import { holds } from './holds.ts'

/*
 * Our codec against `coap-packet`. Both are brought to our words; what the peer names, it names by a table of its own.
 */

const names: Readonly<Record<string, number>> = {
  'If-Match': 1,
  'Uri-Host': 3,
  ETag: 4,
  'If-None-Match': 5,
  Observe: 6,
  'Uri-Port': 7,
  'Location-Path': 8,
  OSCORE: 9,
  'Uri-Path': 11,
  'Content-Format': 12,
  'Max-Age': 14,
  'Uri-Query': 15,
  'Hop-Limit': 16,
  Accept: 17,
  'Q-Block1': 19,
  'Location-Query': 20,
  Block2: 23,
  Block1: 27,
  Size2: 28,
  'Q-Block2': 31,
  'Proxy-Uri': 35,
  'Proxy-Scheme': 39,
  Size1: 60,
  'No-Response': 258,
  'OCF-Accept-Content-Format-Version': 2049,
  'OCF-Content-Format-Version': 2053,
}

function fromPeer({ code, messageId, token, options, payload, ...flags }: ParsedPacket) {
  const type = flags.confirmable
    ? 'confirmable'
    : flags.ack
      ? 'acknowledgement'
      : flags.reset
        ? 'reset'
        : 'non-confirmable'
  return {
    type,
    code,
    messageId,
    token: plain(token),
    options: options.map(({ name, value }) => ({
      number: names[name] ?? Number(name),
      value: plain(value),
    })),
    payload: plain(payload),
  }
}

function toPeer({ type, code, messageId, token, options, payload }: CoapMessage) {
  return {
    code: codeText(code),
    confirmable: type === 'confirmable',
    ack: type === 'acknowledgement',
    reset: type === 'reset',
    messageId,
    token: Buffer.from(token),
    // The peer takes a number for a name.
    options: options.map(({ number, value }) => ({ name: number, value: Buffer.from(value) })),
    payload: Buffer.from(payload),
  } as unknown as Parameters<typeof generate>[0]
}

const plain = (bytes: Uint8Array) => new Uint8Array(bytes)

it('it reads what we write', () => {
  holds(
    fc.property(filledMessage, message => {
      expect(fromPeer(parse(Buffer.from(encodeMessage(message))))).toEqual({
        ...message,
        code: codeText(message.code),
      })
    }),
    1000,
  )
})

it('we read what it writes, byte for byte what we write', () => {
  holds(
    fc.property(filledMessage, message => {
      const bytes = plain(generate(toPeer(message), 65_536))
      expect(decodeMessage(bytes)).toEqual(message)
      expect(encodeMessage(message)).toEqual(bytes)
    }),
    1000,
  )
})

it('both have the same empty messages', () => {
  holds(
    fc.property(emptyMessage, ({ type, messageId, bytes }) => {
      expect(fromPeer(parse(Buffer.from(bytes)))).toMatchObject({ type, messageId, code: '0.00' })
    }),
  )
})

it('what it refuses of a damaged message, we refuse', () => {
  const damaged = fc.tuple(filledMessage, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([message, at, flip]) => {
    const bytes = encodeMessage(message)
    bytes[at % bytes.length]! ^= flip
    return bytes
  })
  holds(
    fc.property(damaged, bytes => {
      let peer: ParsedPacket
      try {
        peer = parse(Buffer.from(bytes))
      } catch {
        expect(() => decodeMessage(bytes)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
        return
      }
      // What it lets through and we refuse is reserved, or past a border that it does not look at; never the other way.
      try {
        const ours = decodeMessage(bytes)
        expect(fromPeer(peer)).toEqual({ ...ours, code: codeText(ours.code) })
      } catch (error) {
        if (!isThingmeshError(error)) throw error
        expect(error.message).toMatch(/reserved|option number|payload marker|left|empty message|token of/)
      }
    }),
    2000,
  )
})
