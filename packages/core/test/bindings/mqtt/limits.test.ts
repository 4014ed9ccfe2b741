import { describe, expect, it } from 'vitest'
import { encodePacket, type Packet, PacketParser, ReasonCode } from '../../../src/bindings/mqtt/index.ts'
import { hex, parseAll, parser, refusal } from './parsing.ts'

function publish(payloadBytes: number, userProperties: [string, string][] = []): Packet {
  return {
    type: 'publish',
    topic: 'a',
    payload: new Uint8Array(payloadBytes),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    properties: userProperties.length === 0 ? undefined : { userProperties },
  }
}

describe('maximum packet size', () => {
  it('counts the whole packet, fixed header included', () => {
    const bytes = encodePacket(publish(300), 5)
    const exact = new PacketParser({ role: 'server', level: 5, maximumPacketSize: bytes.length })
    expect(parseAll(exact, bytes)).toHaveLength(1)
    const small = new PacketParser({ role: 'server', level: 5, maximumPacketSize: bytes.length - 1 })
    const error = refusal(small, bytes)
    expect(error.code).toBe('too-large')
    expect(error.details).toEqual({ limit: bytes.length - 1, found: bytes.length, reasonCode: 0x95 })
  })

  it('is told from the fixed header, before a byte of the body came', () => {
    const target = parser('server', undefined, { maximumPacketSize: 8192 })
    const error = refusal(target, hex('10 ff ff ff 7f'))
    expect(error.details).toMatchObject({ limit: 8192, found: 268_435_460 })
    expect(target.bufferedBytes).toBe(0)
    const alone = refusal(
      parser('server', undefined, { maximumPacketSize: 8192 }),
      ...['10', 'ff', 'ff', 'ff', '7f'].map(hex),
    )
    expect(alone.message).toBe(error.message)
  })

  it('may change between packets, also within one chunk', () => {
    const login = hex("10 0d 00 04 'MQTT' 04 02 00 0a 00 01 'a'")
    const target = parser('server', undefined, { maximumPacketSize: login.length })
    const seen: string[] = []
    target.push(Buffer.concat([login, encodePacket(publish(300), 4)]), packet => {
      seen.push(packet.type)
      target.maximumPacketSize = 1000
    })
    expect(seen).toEqual(['connect', 'publish'])
    expect(target.level).toBe(4)
  })
})

describe('user properties', () => {
  const pairs = (count: number, value = 'v') => Array.from({ length: count }, (): [string, string] => ['k', value])

  it('are bounded in number', () => {
    const options = { userPropertiesMax: 16 }
    expect(parseAll(parser('server', 5, options), encodePacket(publish(0, pairs(16)), 5))).toHaveLength(1)
    const error = refusal(parser('server', 5, options), encodePacket(publish(0, pairs(17)), 5))
    expect(error.code).toBe('invalid-argument')
    expect(error.details).toEqual({ limit: 16, reasonCode: ReasonCode.protocolError })
  })

  it('are bounded in bytes of names and values', () => {
    const options = { userPropertyBytesMax: 100 }
    expect(parseAll(parser('server', 5, options), encodePacket(publish(0, pairs(2, 'x'.repeat(49))), 5))).toHaveLength(
      1,
    )
    const error = refusal(parser('server', 5, options), encodePacket(publish(0, pairs(2, 'x'.repeat(50))), 5))
    expect(error.details).toEqual({ limit: 100, reasonCode: ReasonCode.protocolError })
  })
})

describe('filters in one packet', () => {
  const filters = (count: number) => Array.from({ length: count }, (_, i) => `a/${i}`)
  const subscribe = (count: number): Packet => ({
    type: 'subscribe',
    packetId: 1,
    subscriptions: filters(count).map(filter => ({
      filter,
      qos: 0,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    })),
  })
  const unsubscribe = (count: number): Packet => ({ type: 'unsubscribe', packetId: 1, filters: filters(count) })

  it.each([subscribe, unsubscribe])('are bounded', packet => {
    const options = { filtersPerSubscribeMax: 16 }
    expect(parseAll(parser('server', 4, options), encodePacket(packet(16), 4))).toHaveLength(1)
    const error = refusal(parser('server', 4, options), encodePacket(packet(17), 4))
    expect(error.code).toBe('too-large')
    expect(error.details).toEqual({ limit: 16, reasonCode: ReasonCode.quotaExceeded })
  })
})

describe('topics', () => {
  it('are told apart whatever a cache holds', () => {
    const topics = Array.from({ length: 500 }, (_, i) => `room/${i}/temperature`)
    const long = 'x'.repeat(300)
    const sent = [...topics, ...topics.toReversed(), 'ä/ö', 'ä/ö', long, long, `${long}y`]
    const bytes = sent.map(topic => encodePacket({ ...publish(1), topic } as Packet, 4))
    const parsed = parseAll(parser('server', 4), Buffer.concat(bytes))
    expect(parsed.map(packet => (packet.type === 'publish' ? packet.topic : ''))).toEqual(sent)
  })
})
