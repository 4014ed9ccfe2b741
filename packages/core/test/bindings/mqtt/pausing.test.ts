import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodePacket, type Packet } from '../../../src/bindings/mqtt/index.ts'
import { anyPacketTo } from './arbitraries.ts'
import { holds } from './holds.ts'
import { concat, hex, parser, refusalOf } from './parsing.ts'

const nothing = new Uint8Array(0)

describe('pausing', () => {
  it('keeps what follows, and goes on with an empty chunk, however the bytes are cut', () => {
    holds(
      fc.property(
        fc.array(anyPacketTo('server', 5), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }),
        (packets, sizes) => {
          const bytes = concat(...packets.map(packet => encodePacket(packet, 5)))
          const target = parser('server', 5)
          const parsed: Packet[] = []
          const takeOne = (packet: Packet) => {
            parsed.push(packet)
            return false
          }
          let pushed = 0
          for (let turn = 0; pushed < bytes.length; turn++) {
            const before = parsed.length
            const chunk = bytes.subarray(pushed, pushed + sizes[turn % sizes.length]!)
            target.push(chunk, takeOne)
            pushed += chunk.length
            expect(parsed.length - before).toBeLessThanOrEqual(1)
            const consumed = parsed.reduce((sum, packet) => sum + encodePacket(packet, 5).length, 0)
            expect(target.bufferedBytes).toBe(pushed - consumed)
          }
          for (let turn = 0; turn < packets.length; turn++) target.push(nothing, takeOne)
          expect(parsed).toEqual(packets)
          expect(target.bufferedBytes).toBe(0)
        },
      ),
    )
  })

  it('goes through everything that waits once it is not paused any more', () => {
    const target = parser('server', 4)
    const seen: string[] = []
    target.push(hex('c0 00 40 02 00 01 c0'), packet => {
      seen.push(packet.type)
      return false
    })
    expect(target.bufferedBytes).toBe(5)
    target.push(hex('00 e0 00'), packet => {
      seen.push(packet.type)
    })
    expect(seen).toEqual(['pingreq', 'puback', 'pingreq', 'disconnect'])
    expect(target.bufferedBytes).toBe(0)
  })
})

describe('a parser that failed', () => {
  it('throws the same again, and keeps no bytes', () => {
    const target = parser('server', 4)
    const first = refusalOf(() => target.push(hex('c0 00 00 00 01'), () => {}))
    expect(target.bufferedBytes).toBe(0)
    expect(refusalOf(() => target.push(hex('c0 00'), () => {}))).toBe(first)
  })

  it('is one whose handler threw', () => {
    const target = parser('server', 4)
    const fault = new Error('handler')
    const push = () =>
      target.push(hex('c0 00'), () => {
        throw fault
      })
    expect(push).toThrow(fault)
    expect(push).toThrow(fault)
  })

  it('is one that was pushed to from its own handler', () => {
    const target = parser('server', 4)
    const push = () => target.push(hex('c0 00'), () => target.push(nothing, () => {}))
    expect(push).toThrow(TypeError)
  })
})
