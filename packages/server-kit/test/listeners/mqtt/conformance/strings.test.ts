import type { ProtocolLevel } from '@thingmesh/core/mqtt'
import { describe, expect, it } from 'vitest'
import { levels, startSite } from '../fixture.ts'
import { bytes, type TestPeer } from '../peer.ts'

// MQTT 5, section 1.5.4; 3.1.1, section 1.5.3. Fields are two bytes of length and what follows.
const field = (content: readonly number[]) => [content.length >> 8, content.length & 0xff, ...content]
const text = (content: string) => field([...bytes(content)])
const packet = (first: number, ...parts: readonly (readonly number[])[]) => {
  const body = parts.flat()
  if (body.length > 127) throw new TypeError('one byte of remaining length')
  return [first, body.length, ...body]
}

const illFormed: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['U+0000', [0x61, 0x00]],
  ['an overlong form', [0xc0, 0xaf]],
  ['a cut sequence', [0xe2, 0x82]],
  ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
]

interface Place {
  readonly name: string
  readonly only?: ProtocolLevel
  readonly bytes: (string: readonly number[], level: ProtocolLevel) => readonly number[]
}

const none = (level: ProtocolLevel) => (level === 5 ? [0] : [])
const properties = (...content: readonly number[]) => [content.length, ...content]

/** In packets of a session. */
const places: readonly Place[] = [
  { name: 'a topic', bytes: (string, level) => packet(0x30, field(string), none(level)) },
  { name: 'a filter to subscribe', bytes: (string, level) => packet(0x82, [0, 1], none(level), field(string), [0]) },
  { name: 'a filter to unsubscribe', bytes: (string, level) => packet(0xa2, [0, 1], none(level), field(string)) },
  { name: 'a content type', only: 5, bytes: string => packet(0x30, text('a'), properties(0x03, ...field(string))) },
  { name: 'a response topic', only: 5, bytes: string => packet(0x30, text('a'), properties(0x08, ...field(string))) },
  {
    name: 'the name of a user property',
    only: 5,
    bytes: string => packet(0x30, text('a'), properties(0x26, ...field(string), ...text('v'))),
  },
  {
    name: 'the value of a user property',
    only: 5,
    bytes: string => packet(0x30, text('a'), properties(0x26, ...text('n'), ...field(string))),
  },
  {
    name: 'a reason string',
    only: 5,
    bytes: string => packet(0x40, [0, 1], [0], properties(0x1f, ...field(string))),
  },
]

const connect = (level: ProtocolLevel, flags: number, ...parts: readonly (readonly number[])[]) =>
  packet(0x10, text('MQTT'), [level, flags | 2, 0, 60], none(level), ...parts)

/** In CONNECT, where nothing is answered. */
const connectPlaces: readonly Place[] = [
  { name: 'a client id', bytes: (string, level) => connect(level, 0, field(string)) },
  {
    name: 'a will topic',
    bytes: (string, level) => connect(level, 0x04, text('c'), none(level), field(string), text('payload')),
  },
  { name: 'a user name', bytes: (string, level) => connect(level, 0x80, text('c'), field(string)) },
]

const of = (rows: readonly Place[], level: ProtocolLevel) => rows.filter(({ only = level }) => only === level)

describe.each(levels)('a string of MQTT %s', (_, level) => {
  it.each(of(places, level))('that is not well-formed UTF-8 ends the connection: $name', async ({ bytes: encode }) => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    for (const [, string] of illFormed) {
      const peer = await site.connect(thing, { level })
      peer.raw(encode(string, level))
      expect(await peer.closeReason()).toBe(level === 5 ? 0x81 : undefined)
    }
    expect(site.counter('thingmesh_mqtt_failures_total')).toBe(illFormed.length)
  })

  it.each(of(connectPlaces, level))('in CONNECT that is not well-formed UTF-8 lets nobody in: $name', async place => {
    const site = await startSite()
    for (const [, string] of illFormed) {
      const peer = await site.open(level)
      peer.raw(place.bytes(string, level))
      expect(await peer.closed()).toEqual([])
    }
    expect(site.counter('thingmesh_mqtt_failures_total')).toBe(illFormed.length)
  })

  it('keeps U+FEFF, at its beginning too', async () => {
    const site = await startSite()
    const thing = await site.thing('sensor')
    const peer = await site.connect(thing, { level })
    // As part of a client id it is one more character: another session.
    const plain = await site.enter(thing, { level, clientId: 'c', cleanStart: false })
    expect(plain.peer.isClosed).toBe(false)
    await site.enter(thing, { level, clientId: '\ufeffc', cleanStart: false })
    expect(plain.peer.isClosed).toBe(false)
    if (level !== 5) return
    await peer.subscribe('telemetry/#')
    const carried = { contentType: '\ufefftext', userProperties: [['\ufeffn', 'v\ufeff']] as [string, string][] }
    await peer.publish('telemetry/a', 'x', { properties: carried })
    expect((await peer.take('publish')).properties).toEqual(carried)
  })
})

/** How many more publishes of QoS 0 are heard after one, which a parser that lost its place would not tell apart. */
async function countHeard(peer: TestPeer, ...packets: readonly (readonly number[])[]): Promise<number> {
  peer.raw(...packets)
  return (await peer.arrived()).length
}

describe.each(levels)('a packet of MQTT %s', (_, level) => {
  it('has no packet id with QoS 0: what stands there is payload', async () => {
    const site = await startSite()
    const peer = await site.connect(await site.thing('sensor'), { level })
    await peer.subscribe('telemetry/#')
    const publish = packet(0x30, text('telemetry/a'), none(level), [0, 7])
    expect(await countHeard(peer, publish, publish)).toBe(2)
    const heard = await peer.takeAll(2)
    expect(heard.map(({ payload }) => [...payload])).toEqual([
      [0, 7],
      [0, 7],
    ])
  })
})
