import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeToHub,
  FieldWriter,
  type FromHub,
  PacketStream,
  type ToHub,
} from '../../../src/bindings/mqtt/client/index.ts'
import { encodePacket, type Packet, type PacketType, type Properties } from '../../../src/bindings/mqtt/index.ts'
import { isThingmeshError } from '../../../src/errors/index.ts'
import { packetsTo } from './arbitraries.ts'
import { mutation } from './mutations.ts'
import { concat, hex, parseAll, parser, refusalOf } from './parsing.ts'

/** The client's half of MQTT 5 against the whole codec, which is held against others elsewhere. */
const named = new Set([
  'payloadFormatIndicator',
  'messageExpiryInterval',
  'contentType',
  'responseTopic',
  'correlationData',
  'subscriptionIdentifiers',
  'sessionExpiryInterval',
  'serverKeepAlive',
  'reasonString',
  'receiveMaximum',
  'userProperties',
  'maximumPacketSize',
  'subscriptionIdentifiersAvailable',
])
/** What nobody says to a client that asks neither for aliases nor for authentication in steps. */
const neverAsked = ['topicAlias', 'authenticationMethod', 'authenticationData'] as const

const neverOpted = { noLocal: false, retainAsPublished: false }

function without(properties: Properties | undefined, isOut: (name: string) => boolean): Properties | undefined {
  const kept = Object.entries(properties ?? {}).filter(([name]) => !isOut(name))
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

const isNeverAsked = (name: string): boolean => (neverAsked as readonly string[]).includes(name)

function anyOf(role: 'server' | 'client', types: readonly PacketType[]): fc.Arbitrary<Packet> {
  const wanted = packetsTo(role, 5).filter(([type]) => types.includes(type))
  return fc.oneof(...wanted.map(([, packet]) => packet)).map(packet => {
    if (!('properties' in packet)) return packet
    const properties = without(packet.properties, isNeverAsked)
    return { ...packet, ...(packet.type === 'publish' && packet.topic === '' && { topic: 'a' }), properties } as Packet
  })
}

const fromHub = anyOf('client', ['connack', 'publish', 'puback', 'suback', 'unsuback', 'pingresp', 'disconnect'])
const toHub = anyOf('server', ['connect', 'publish', 'subscribe', 'unsubscribe', 'pingreq', 'disconnect'])
const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 })

function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const end = at + lengths[n % lengths.length]!
    yield bytes.slice(at, end)
    at = end
  }
}

function read(chunks: Iterable<Uint8Array>, packetBytesMax = 1_048_576): FromHub[] {
  const stream = new PacketStream(packetBytesMax)
  const packets: FromHub[] = []
  for (const chunk of chunks) stream.push(chunk, packet => packets.push(packet))
  return packets
}

describe("the client's half of MQTT 5", () => {
  it('reads what a hub writes, wherever it is cut', () => {
    const property = fc.property(fc.array(fromHub, { minLength: 1, maxLength: 6 }), cuts, (packets, lengths) => {
      const bytes = concat(...packets.map(packet => encodePacket(packet, 5)))
      const wanted = packets.map(packet => {
        if (!('properties' in packet)) return packet
        return { ...packet, properties: without(packet.properties, name => !named.has(name)) }
      })
      const found = read(cut(bytes, lengths)).map(packet => {
        if (!('properties' in packet)) return packet
        return { ...packet, properties: without(packet.properties, () => false) }
      })
      expect(found).toEqual(wanted)
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('writes what a hub reads', () => {
    const writer = new FieldWriter()
    const property = fc.property(toHub, sent => {
      const packet = { ...sent, ...(sent.type === 'connect' && { will: undefined }) } as Packet
      if (packet.type === 'subscribe') {
        for (const subscription of packet.subscriptions) Object.assign(subscription, neverOpted)
      }
      const properties = 'properties' in packet ? without(packet.properties, name => !named.has(name)) : undefined
      const wanted = 'properties' in packet ? { ...packet, properties } : packet
      expect(parseAll(parser('server', 5), encodeToHub(packet as ToHub, writer))).toEqual([wanted])
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('leaves alone what it wrote before', () => {
    const publish = fc.record({
      topic: fc.constantFrom('a', 'telemetry/room1'),
      payload: fc
        .oneof(fc.integer({ max: 300, min: 0 }), fc.constant(9_000))
        .map(length => new Uint8Array(length).fill(7)),
    })
    const property = fc.property(fc.array(publish, { minLength: 50, maxLength: 300 }), drafts => {
      const writer = new FieldWriter()
      const written = drafts.map(draft => {
        const bytes = encodeToHub(
          { ...draft, type: 'publish', qos: 0, packetId: 0, dup: false, retain: false, properties: undefined },
          writer,
        )
        return { bytes, copy: bytes.slice() }
      })
      for (const { bytes, copy } of written) expect(bytes).toEqual(copy)
    })
    fc.assert(property, { numRuns: 20 })
  })

  it.each([64, 1_024, 4_096, 100_000])('holds little more than it has written, in packets of %i bytes', length => {
    const writer = new FieldWriter()
    const payload = new Uint8Array(length)
    const packet = { type: 'publish', topic: 'telemetry/room1', payload, qos: 1, packetId: 1 } as const
    const rest = { dup: false, retain: false, properties: undefined }
    const written = Array.from({ length: 200 }, () => encodeToHub({ ...packet, ...rest }, writer))
    const held = new Set(written.map(({ buffer }) => buffer))
    const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
    const heldBytes = sum([...held].map(({ byteLength }) => byteLength))
    expect(heldBytes).toBeLessThan(2 * sum(written.map(({ byteLength }) => byteLength)))
  })

  it('acknowledges', () => {
    expect(encodeToHub({ type: 'puback', packetId: 0x1234 })).toEqual(hex('40 02 12 34'))
  })

  it('ends on bytes that are spoiled with nothing but a ThingmeshError, and finds the same wherever they are cut', () => {
    const spoiled = fc
      .tuple(fromHub, fc.array(mutation, { maxLength: 3 }))
      .map(([packet, mutations]) => mutations.reduce((bytes, mutate) => mutate(bytes), encodePacket(packet, 5)))
    const outcome = (chunks: Iterable<Uint8Array>): unknown[] => {
      const stream = new PacketStream(300)
      const seen: unknown[] = []
      try {
        for (const chunk of chunks) stream.push(chunk, packet => seen.push(structuredClone(packet)))
      } catch (error) {
        if (!isThingmeshError(error)) throw error
        seen.push(error.code)
      }
      return seen
    }
    const property = fc.property(fc.array(spoiled, { maxLength: 5 }), cuts, (parts, lengths) => {
      const bytes = concat(...parts)
      expect(outcome(cut(bytes, lengths))).toEqual(outcome([bytes]))
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  it('gives payloads that later bytes do not change', () => {
    const bytes = concat(...[1, 2, 3].map(n => hex(`30 06 00 01 'a' 00 0${n} 0${n}`)))
    for (let length = 1; length <= bytes.length; length++) {
      expect(read(cut(bytes, [length])).map(packet => 'payload' in packet && [...packet.payload])).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ])
    }
  })

  it('refuses a packet by its header, before it has come', () => {
    const refused = refusalOf(() => read([hex('30 e8 07')], 1_000))
    expect(refused).toMatchObject({ code: 'too-large', message: 'packet of 1003 bytes, the limit is 1000' })
  })

  it.each([
    ['a remaining length of five bytes', '30 ff ff ff ff 7f'],
    ['a packet id of 0', '40 02 00 00'],
    ['flags where there are none', '41 02 00 01'],
    ['QoS 3', "36 06 00 01 'a' 00 01 00"],
    ['a wildcard in a topic', "30 04 00 01 '#' 00"],
    ['no topic', '30 03 00 00 00'],
    ['a topic that is not UTF-8', '30 04 00 01 ff 00'],
    ['a topic with U+0000', '30 04 00 01 00 00'],
    ['a field that is longer than its packet', "30 04 00 09 'a' 00"],
    ['properties that are longer than their packet', '20 03 00 00 05'],
    ['a property that nobody knows', '20 05 00 00 02 7f 00'],
    ['PUBREL, for a client without QoS 2', '62 02 00 01'],
    ['AUTH, for a client that has not asked', 'f0 00'],
    ['CONNECT, for a client', '10 00'],
  ])('refuses %s', (_name, bytes) => {
    expect(refusalOf(() => read([hex(bytes)])).code).toBe('invalid-argument')
  })

  it.each<[string, ToHub]>([
    ['an empty topic', { ...message('x'), topic: '' }],
    ['a wildcard in a topic', message('a/+')],
    ['U+0000', message('a\0')],
    ['a lone surrogate', message('a\ud800')],
    ['a topic beyond 65,535 bytes', message('a'.repeat(65_536))],
    ['an expiry that is no integer', { ...message('a'), properties: { messageExpiryInterval: 1.5 } }],
    ['an expiry below 0', { ...message('a'), properties: { messageExpiryInterval: -1 } }],
    ['an expiry beyond 32 bits', { ...message('a'), properties: { messageExpiryInterval: 2 ** 32 } }],
    [
      'a subscription identifier that is too large',
      { ...message('a'), properties: { subscriptionIdentifiers: [2 ** 28] } },
    ],
  ])('writes no %s', (_name, packet) => {
    expect(refusalOf(() => encodeToHub(packet)).code).toBe('invalid-argument')
  })
})

function message(topic: string) {
  const payload = new Uint8Array(0)
  return {
    type: 'publish',
    topic,
    payload,
    qos: 1,
    retain: false,
    dup: false,
    packetId: 1,
    properties: undefined,
  } as const
}
