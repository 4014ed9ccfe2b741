import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  encodePacket,
  type Packet,
  PacketParser,
  type PacketParserOptions,
  type ProtocolLevel,
} from '../../../src/bindings/mqtt/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { anyPacketTo, levels, packetsTo } from './arbitraries.ts'
import { mutation } from './mutations.ts'
import { concat, parser } from './parsing.ts'

/*
 * Whatever bytes come, and however they are cut. A plain run is the same each time; `npm run fuzz -- codec` goes on with
 * new ones. What fails is printed with its seed, as small as it could be made.
 */

const runsAsked = Number(process.env.THINGMESH_FUZZ_RUNS ?? 0)
const seedAsked = Number(process.env.THINGMESH_SEED ?? 0)
const numRuns = runsAsked || 400
const seed = seedAsked || (runsAsked > 0 ? Date.now() % 2 ** 31 : 20_261_125)
const timeoutMs = runsAsked > 0 ? 2 ** 31 - 1 : 20_000

afterEach(() => {
  vi.restoreAllMocks()
})

type Role = 'server' | 'client'
type Limits = Omit<PacketParserOptions, 'role' | 'level'>

/** A server begins with CONNECT, unless the level is given: then it is in the middle of a conversation. */
function conversation(role: Role, level: ProtocolLevel): fc.Arbitrary<{ bytes: Uint8Array; level?: ProtocolLevel }> {
  const spoiled = (packet: fc.Arbitrary<Packet>) =>
    fc
      .tuple(packet, fc.oneof(fc.constant([]), fc.array(mutation, { maxLength: 3 })))
      .map(([sent, mutations]) => mutations.reduce((bytes, mutate) => mutate(bytes), encodePacket(sent, level)))
  const middle = fc.array(spoiled(anyPacketTo(role, level)), { maxLength: 5 }).map(parts => concat(...parts))
  const connect = packetsTo(role, level).find(([type]) => type === 'connect')?.[1]
  const inTheMiddle = middle.map(bytes => ({ bytes, level }))
  if (connect === undefined) return inTheMiddle
  return fc.oneof(
    inTheMiddle,
    fc.tuple(spoiled(connect), middle).map(([first, rest]) => ({ bytes: concat(first, rest) })),
  )
}

const limits: fc.Arbitrary<Limits> = fc.record({
  maximumPacketSize: fc.constantFrom(32, 300, 1_048_576),
  userPropertiesMax: fc.constantFrom(2, 1000),
  userPropertyBytesMax: fc.constantFrom(20, 4096),
  filtersPerSubscribeMax: fc.constantFrom(2, 1000),
})

/** After how many bytes to cut, and after which packets to pause, again and again. */
const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 })
const pauses = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 })

interface Outcome {
  readonly packets: readonly Packet[]
  readonly error: string
  readonly reasonCode: unknown
  readonly waiting: number
}

/** Parses to the end or to the refusal, and holds the parser to its bound all the way. */
function outcomeOf(
  options: PacketParserOptions,
  chunks: readonly Uint8Array[],
  paused: readonly boolean[] = [false],
): Outcome {
  const target = new PacketParser(options)
  const packets: Packet[] = []
  let isPaused = false
  const onPacket = (packet: Packet) => {
    packets.push(packet)
    isPaused = paused[packets.length % paused.length]!
    return !isPaused
  }
  try {
    for (const chunk of chunks) {
      let next = chunk
      do {
        isPaused = false
        target.push(next, onPacket)
        next = new Uint8Array(0)
      } while (isPaused)
      expect(target.bufferedBytes).toBeLessThan(options.maximumPacketSize)
    }
  } catch (error) {
    if (!isThingmeshError(error)) throw error
    const { reasonCode } = error.details
    expect(reasonCode).toBeGreaterThanOrEqual(0x80)
    expect(reasonCode).toBeLessThanOrEqual(0xa2)
    expect(target.bufferedBytes).toBe(0)
    return { packets, error: error.message, reasonCode, waiting: 0 }
  }
  return { packets, error: '', reasonCode: 0, waiting: target.bufferedBytes }
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunks.at(-1)!.length) {
    chunks.push(bytes.subarray(at, at + sizes[chunks.length % sizes.length]!))
  }
  return chunks
}

function withLevel<Value extends { readonly level?: ProtocolLevel }>({ level }: Value) {
  return level === undefined ? {} : { level }
}

describe.each(levels)('any bytes at level %i', level => {
  describe.each<Role>(['server', 'client'])('to a %s', role => {
    const check = <Values extends [unknown, ...unknown[]]>(property: fc.IProperty<Values>) =>
      fc.assert(property, { numRuns, seed })

    it('become the same packets and the same refusal however they are cut, and never anything else', {
      timeout: timeoutMs,
    }, () => {
      check(
        fc.property(conversation(role, level), limits, cuts, pauses, (sent, bounds, sizes, paused) => {
          const options = { role, ...withLevel(sent), ...bounds }
          const whole = outcomeOf(options, [sent.bytes])
          expect(outcomeOf(options, cut(sent.bytes, sizes), paused)).toEqual(whole)
          expect(outcomeOf(options, cut(sent.bytes, [1]))).toEqual(whole)
        }),
      )
    })

    it('that became a packet are written as bytes that become the same packet', { timeout: timeoutMs }, () => {
      check(
        fc.property(conversation(role, level), sent => {
          const { packets } = outcomeOf({ role, ...withLevel(sent), maximumPacketSize: 1_048_576 }, [sent.bytes])
          // A CONNECT that was spoiled may be one of another level.
          const spoken = packets[0]?.type === 'connect' ? packets[0].level : level
          for (const packet of packets) {
            const target = parser(role, packet.type === 'connect' ? undefined : spoken)
            const again: Packet[] = []
            target.push(encodePacket(packet, spoken), found => {
              again.push(found)
            })
            expect(again).toEqual([packet])
          }
        }),
      )
    })

    it('cost work in proportion to their number', { timeout: timeoutMs }, () => {
      const work = countWork()
      check(
        fc.property(conversation(role, level), cuts, (sent, sizes) => {
          const options = { role, ...withLevel(sent), maximumPacketSize: 1_048_576 }
          for (const chunks of [[sent.bytes], cut(sent.bytes, sizes), cut(sent.bytes, [1])]) {
            work.reset()
            try {
              const target = new PacketParser(options)
              for (const chunk of chunks) target.push(work.counted(chunk), () => {})
            } catch (error) {
              if (!isThingmeshError(error)) throw error
            }
            expect(work.bytes).toBeLessThan(readsPerByteMax * sent.bytes.length + 64)
          }
        }),
      )
    })
  })
})

/** A byte is read for its length, its validity and its value, and in a topic also for its hash and to compare it. */
const readsPerByteMax = 4

/** Counts bytes that are read off chunks, and bytes that are moved. */
function countWork() {
  const count = { bytes: 0 }
  const set = Uint8Array.prototype.set
  vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, source, at) {
    count.bytes += source.length
    set.call(this, source, at)
  })
  const slice = Uint8Array.prototype.slice
  vi.spyOn(Uint8Array.prototype, 'slice').mockImplementation(function (this: Uint8Array, start, end) {
    const copy = slice.call(this, start, end)
    count.bytes += copy.length
    return copy
  })
  const read: ProxyHandler<Uint8Array> = {
    get(chunk, key) {
      const value = Reflect.get(chunk, key, chunk)
      if (typeof value === 'number' && key !== 'length') count.bytes += 1
      return typeof value === 'function' ? value.bind(chunk) : value
    },
  }
  return {
    get bytes() {
      return count.bytes
    },
    reset() {
      count.bytes = 0
    },
    counted: (chunk: Uint8Array) => new Proxy(chunk, read),
  }
}
