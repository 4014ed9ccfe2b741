import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { encodePacket, type Packet, PacketParser } from '../../../src/bindings/mqtt/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { anyPacketTo, levels, packetsTo } from './arbitraries.ts'
import { holds } from './holds.ts'
import { concat, hex, parseAll, parser } from './parsing.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const roles = ['server', 'client'] as const

function singleBytes(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, byte => Uint8Array.of(byte))
}

describe.each(levels)('chunking at level %i', level => {
  describe.each(roles)('to a %s', role => {
    it.each(packetsTo(role, level))('%s cut at every byte', (_type, arbitrary) => {
      holds(
        fc.property(arbitrary, packet => {
          const bytes = encodePacket(packet, level)
          for (let cut = 0; cut <= bytes.length; cut++) {
            const target = parser(role, level)
            expect(parseAll(target, bytes.subarray(0, cut), bytes.subarray(cut))).toEqual([packet])
            expect(target.bufferedBytes).toBe(0)
          }
        }),
        20,
      )
    })

    it('packets one byte at a time', () => {
      holds(
        fc.property(fc.array(anyPacketTo(role, level), { minLength: 1, maxLength: 8 }), packets => {
          const bytes = concat(...packets.map(packet => encodePacket(packet, level)))
          expect(parseAll(parser(role, level), ...singleBytes(bytes))).toEqual(packets)
        }),
      )
    })

    it('packets cut anywhere, in Node buffers', () => {
      holds(
        fc.property(
          fc.array(anyPacketTo(role, level), { minLength: 1, maxLength: 8 }),
          fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 20 }),
          (packets, sizes) => {
            const bytes = Buffer.concat(packets.map(packet => encodePacket(packet, level)))
            const chunks: Buffer[] = []
            for (let at = 0; at < bytes.length; at += chunks.at(-1)!.length) {
              chunks.push(bytes.subarray(at, at + 1 + sizes[chunks.length % sizes.length]!))
            }
            const parsed = parseAll(parser(role, level), ...chunks)
            expect(parsed).toEqual(packets)
            for (const packet of parsed) {
              if (packet.type === 'publish') expect(packet.payload.constructor).toBe(Uint8Array)
            }
          },
        ),
      )
    })

    it('random bytes, whole and in pieces, only ever throw a ThingmeshError', () => {
      const first = fc.constantFrom(0x10, 0x20, 0x30, 0x32, 0x40, 0x62, 0x82, 0x90, 0xa2, 0xb0, 0xe0, 0xf0)
      const noise = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.tuple(first, fc.uint8Array({ maxLength: 60 })).map(([type, rest]) => concat(Uint8Array.of(type), rest)),
        fc.tuple(first, fc.uint8Array({ maxLength: 100 })).map(([type, rest]) => {
          return concat(Uint8Array.of(type, rest.length), rest)
        }),
      )
      holds(
        fc.property(noise, bytes => {
          expect(outcome(parser(role, level), [bytes])).toEqual(outcome(parser(role, level), singleBytes(bytes)))
        }),
        3000,
      )
    })

    it('damaged packets only ever throw a ThingmeshError', () => {
      holds(
        fc.property(anyPacketTo(role, level), fc.nat(), fc.integer({ min: 1, max: 255 }), (packet, at, mask) => {
          const bytes = encodePacket(packet, level).slice()
          bytes[at % bytes.length]! ^= mask
          expect(outcome(parser(role, level), [bytes])).toEqual(outcome(parser(role, level), singleBytes(bytes)))
        }),
        1000,
      )
    })
  })
})

/** The packets, how many bytes wait for more, and the refusal, which must be a ThingmeshError with a reason code. */
function outcome(target: PacketParser, chunks: Uint8Array[]) {
  const packets: Packet[] = []
  try {
    for (const chunk of chunks) {
      target.push(chunk, packet => {
        packets.push(packet)
      })
    }
  } catch (error) {
    if (!isThingmeshError(error)) throw error
    expect(error.details.reasonCode).toBeGreaterThanOrEqual(0x80)
    return { packets, error: error.message, waiting: target.bufferedBytes }
  }
  return { packets, error: '', waiting: target.bufferedBytes }
}

describe('a large packet one byte at a time', () => {
  const payload = new Uint8Array(256 * 1024).fill(1)
  const packet: Packet = {
    type: 'publish',
    topic: 'a',
    payload,
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    properties: undefined,
  }

  it('costs work in proportion to its bytes', () => {
    const bytes = encodePacket(packet, 5)
    const target = parser('server', 5)
    let copied = 0
    let calls = 0
    const copies = vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (
      this: Uint8Array,
      source,
      at = 0,
    ) {
      calls += 1
      copied += source.length
      for (let i = 0; i < source.length; i++) this[at + i] = source[i] as number
    })
    const parsed: Packet[] = []
    for (let i = 0; i < bytes.length; i++) {
      expect(target.bufferedBytes).toBe(i)
      target.push(bytes.subarray(i, i + 1), found => {
        parsed.push(found)
      })
    }
    copies.mockRestore()
    expect(parsed).toEqual([packet])
    // Doubling moves each byte less than twice in all, in a number of moves that is logarithmic.
    expect(copied).toBeLessThan(2 * bytes.length)
    expect(calls).toBeLessThan(20)
  })

  it('claims memory only as its bytes come', () => {
    const target = new PacketParser({ role: 'server', level: 5, maximumPacketSize: 300_000_000 })
    const sizes: number[] = []
    const original = Uint8Array
    class Counted extends original {
      constructor(...parts: unknown[]) {
        super(...(parts as [number]))
        if (typeof parts[0] === 'number') sizes.push(parts[0])
      }
    }
    const claim = hex('30 ff ff ff 7f 00 01')
    vi.stubGlobal('Uint8Array', Counted)
    target.push(claim, () => {})
    vi.unstubAllGlobals()
    expect(target.bufferedBytes).toBe(claim.length)
    expect(sizes.length).toBeGreaterThan(0)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4096)
  })
})
