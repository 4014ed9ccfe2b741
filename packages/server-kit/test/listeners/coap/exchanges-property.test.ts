import { Code, decodeMessage, encodeMessage } from '@thingmesh/core/coap'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coapCounters } from '../../../src/listeners/coap/counters.ts'
import { EchoValues } from '../../../src/listeners/coap/echo.ts'
import { CoapEngine } from '../../../src/listeners/coap/engine.ts'
import { defaultCoapLimits } from '../../../src/listeners/coap/options.ts'
import { textResponse } from '../../../src/listeners/coap/response.ts'
import { createMeter } from '../../../src/pipeline/meter.ts'

interface Asked {
  readonly port: number
  readonly messageId: number
  readonly token: Uint8Array
  readonly confirmable: boolean
  /** Of the answer: with the token, some replies are short and some are long. */
  readonly textLength: number
}

/** What is remembered of a request, by a plain reading of RFC 7252, section 4.2, and of the bounds. */
interface Known extends Asked {
  readonly number: number
  readonly expiresAtMs: number
  readonly reply: Uint8Array | undefined
}

const ports = 12
const asked: fc.Arbitrary<Asked> = fc.record({
  port: fc.integer({ min: 1, max: ports }),
  // Neighbours, as a peer counts them, and some from elsewhere.
  messageId: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(16, 1_024, 0xffff)),
  token: fc.constantFrom(Uint8Array.of(), Uint8Array.of(1), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
  confirmable: fc.boolean(),
  textLength: fc.integer({ min: 1, max: 20 }),
})
const step = fc.oneof({ weight: 12, arbitrary: asked }, { weight: 1, arbitrary: fc.constantFrom(50, 30_000, 247_000) })
const bounds = fc.record({ perPeer: fc.integer({ min: 1, max: 6 }), all: fc.integer({ min: 1, max: 40 }) })

describe('requests that come again', () => {
  it('are acted on once and answered as they were, as far as the bounds reach', () => {
    fc.assert(
      fc.property(bounds, fc.array(step, { minLength: 20, maxLength: 300 }), ({ perPeer, all }, steps) => {
        let nowMs = 0
        let acted = 0
        let textLength = 0
        const sent: Uint8Array[] = []
        const limits = { ...defaultCoapLimits, addressProof: 'none', exchangesPerPeerMax: perPeer, exchangesMax: all }
        const engine = new CoapEngine({
          limits: { ...limits, addressProof: 'none' },
          counters: coapCounters(createMeter()),
          wire: { send: bytes => sent.push(bytes.slice()) },
          echo: new EchoValues(120_000, () => nowMs),
          answer: () => textResponse(Code.changed, `${acted++}`.padEnd(textLength, '.')),
          allocate: bytes => new Uint8Array(bytes),
          onForgotten: () => undefined,
          nowMs: () => nowMs,
          random: () => 0,
        })
        let known: Known[] = []
        let number = 0
        for (const one of steps) {
          sent.length = 0
          if (typeof one === 'number') {
            for (let left = one; left > 0; left -= 30_000) {
              nowMs += Math.min(left, 30_000)
              engine.tick(() => true)
            }
            known = known.filter(({ expiresAtMs }) => expiresAtMs > nowMs)
            continue
          }
          const { port, messageId, token, confirmable } = one
          textLength = one.textLength
          const before = acted
          engine.receive(
            encodeMessage({
              type: confirmable ? 'confirmable' : 'non-confirmable',
              ...{ code: Code.post, messageId, token, options: [], payload: new Uint8Array(0) },
            }),
            '192.0.2.1',
            port,
          )
          const earlier = known.find(other => other.port === port && other.messageId === messageId)
          if (earlier !== undefined && Buffer.compare(earlier.token, token) === 0) {
            expect(acted).toBe(before)
            expect(sent).toEqual(confirmable && earlier.reply !== undefined ? [earlier.reply] : [])
            continue
          }
          expect(acted).toBe(before + 1)
          expect(sent.map(bytes => decodeMessage(bytes).token)).toEqual([token])
          known = known.filter(other => other !== earlier)
          const own = known.filter(other => other.port === port)
          if (own.length >= perPeer) known = known.filter(other => other !== own[0])
          number += 1
          known = known.filter(other => other.number > number - all)
          known.push({ ...one, number, expiresAtMs: nowMs + 247_000, reply: confirmable ? sent[0] : undefined })
          expect(engine.exchangeCount).toBe(known.length)
        }
      }),
      { numRuns: 300 },
    )
  })
})
