import { describe, expect, it } from 'vitest'
import { gatedStore } from '../../../support/gated-store.ts'
import { take, textOf } from '../../../support/hub.ts'
import { cbor, type Fields, type FramePeer, type FramesSite, json, startFrames } from './fixture.ts'

const formats = [
  ['json', json],
  ['cbor', cbor],
] as const

/** What stands in an envelope for bytes. */
const inFormat = (peer: FramePeer, bytes: Uint8Array) => (peer.isCbor ? bytes : Buffer.from(bytes).toString('base64'))

async function overHttp(site: FramesSite, key: string, path: string): Promise<readonly Fields[]> {
  const answer = await fetch(`http://127.0.0.1:${site.port}/channels/${path}`, {
    headers: { authorization: `Thing ${key}` },
  })
  return ((await answer.json()) as { messages: Fields[] }).messages
}

const deepJson = `{"payload":${'['.repeat(17)}${']'.repeat(17)}}`
const deepCbor = Uint8Array.of(0xa1, 0x61, 0x70, ...Array(17).fill(0x81), 0)

describe.each(formats)('in envelopes of %s', (_, spoken) => {
  it('a publish carries what a message may have, and is acknowledged by its id', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const peer = await site.open('telemetry/messages/room1', { key, ...spoken })
    expect(peer.webSocket.protocol).toBe(spoken.subprotocols[0])
    const correlation = inFormat(peer, Uint8Array.of(1, 2))
    const headers = [
      ['a', '1'],
      ['a', 'ä'],
    ]
    const published = {
      type: 'publish',
      id: 'one',
      subtopic: 'room2/t',
      payload: inFormat(peer, Uint8Array.of(0, 0xff)),
      ...(!peer.isCbor && { encoding: 'base64' }),
      contentType: 'image/x',
      retain: true,
      properties: { replyTo: 'telemetry/answers', correlation, expiresInSeconds: 60, headers },
    }
    const ack = await peer.ask(published)
    expect(ack).toEqual({ type: 'ack', id: 'one', messageId: expect.stringMatching(/^.+\..+\.\d+$/) })
    const [message] = await take(other, 1)
    expect(message).toMatchObject({
      topic: 'telemetry/room2/t',
      contentType: 'image/x',
      delivery: 'at-least-once',
      protocol: 'websocket',
      retain: true,
      properties: { replyTo: 'telemetry/answers', expiresInSeconds: 60, headers },
    })
    expect([...message!.payload]).toEqual([0, 0xff])
    expect([...message!.properties!.correlation!]).toEqual([1, 2])
    expect(`${message!.log.origin}.${message!.log.epoch}.${message!.sequence}`).toBe(ack.messageId)
  })

  it('a publish under a key is stored once, however often and wherever it is said, and acknowledged as the first', async () => {
    const site = await startFrames()
    const thing = await site.thing('sensor')
    const subscriber = await site.connect(await site.thing('other'))
    await subscriber.subscribe('telemetry/#')
    const peer = await site.open('telemetry/messages/room1', { key: thing, ...spoken })
    const first = await peer.ask({ type: 'publish', id: 1, payload: 'one', key: 'reading-17' })
    expect(await peer.ask({ type: 'publish', id: 2, payload: 'again', subtopic: 'x', key: 'reading-17' })).toEqual({
      ...first,
      id: 2,
    })
    const elsewhere = await site.connect(thing)
    expect((await elsewhere.publish('telemetry/room1', 'one', { key: 'reading-17' }))?.id).toBe(first.messageId)
    const next = await peer.ask({ type: 'publish', id: 3, payload: 'two', key: 'reading-18' })
    expect(next).toMatchObject({ type: 'ack', id: 3 })
    expect(next.messageId).not.toBe(first.messageId)
    expect((await take(subscriber, 2)).map(textOf)).toEqual(['one', 'two'])
  })

  it.each([
    ['no text', { key: 17 }],
    ['empty', { key: '' }],
    ['too long', { key: 'k'.repeat(65) }],
    ['no ascii', { key: 'ä' }],
    ['of what is promised nothing', { key: 'k', delivery: 'at-most-once' }],
  ])('a key that is %s is refused', async (_, fields) => {
    const site = await startFrames()
    const peer = await site.open('telemetry/messages', { key: await site.thing('sensor'), ...spoken })
    expect(await peer.ask({ type: 'publish', id: 1, payload: 'x', ...fields })).toMatchObject({
      type: 'error',
      id: 1,
      code: 'invalid-argument',
    })
  })

  it('a text is published as text, to the address of the path where none is said', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const here = await site.open('telemetry/messages/room1', { key, ...spoken })
    const whole = await site.open('telemetry/messages', { key, ...spoken })
    here.say({ type: 'publish', payload: '21.5', delivery: 'at-most-once' })
    expect(await whole.ask({ type: 'publish', id: 1, payload: 'ä' })).toMatchObject({ type: 'ack', id: 1 })
    // Without an id there is no answer; at most once, none that names a message.
    expect(await here.ask({ type: 'publish', id: 7, payload: 'x', delivery: 'at-most-once' })).toEqual({
      type: 'ack',
      id: 7,
    })
    const messages = await take(other, 3)
    expect(messages.map(message => [message.topic, textOf(message), message.properties]).sort()).toEqual(
      [
        ['telemetry', 'ä', { utf8: true }],
        ['telemetry/room1', '21.5', { utf8: true }],
        ['telemetry/room1', 'x', { utf8: true }],
      ].sort(),
    )
  })

  it('an acknowledgement comes after the commit, and an error where there is none', async () => {
    const store = gatedStore()
    const site = await startFrames({ store })
    const peer = await site.open('telemetry/messages/a', { key: await site.thing('sensor'), ...spoken })
    store.hold()
    peer.say({ type: 'publish', id: 1, payload: 'x' })
    // An answer that needs no commit overtakes it.
    expect(await peer.ask({ type: 'unsubscribe', id: 2 })).toMatchObject({ type: 'error', id: 2, code: 'not-found' })
    expect(store.appended()).toBe(0)
    store.release()
    expect(await peer.fields()).toMatchObject({ type: 'ack', id: 1 })
    expect(store.appended()).toBe(1)
    store.failNext()
    expect(await peer.ask({ type: 'publish', id: 3, payload: 'x' })).toEqual({
      type: 'error',
      id: 3,
      code: 'unavailable',
      message: expect.any(String),
    })
  })

  it('a live subscription is given what comes, with all that it carries, until it ends', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    await other.publish('telemetry/a/last', 'kept', { retain: true })
    await other.publish('telemetry/b/last', 'not here', { retain: true })
    const peer = await site.open('telemetry/messages/a/%23', { key, ...spoken })
    expect(await peer.ask({ type: 'subscribe', id: 1 })).toEqual({ type: 'ack', id: 1 })
    expect(await peer.fields()).toMatchObject({
      type: 'message',
      topic: 'telemetry/a/last',
      lastValue: true,
      retain: true,
    })
    const properties = { correlation: Uint8Array.of(9), headers: [['k', 'v']] as [string, string][] }
    await other.publish('telemetry/a/x', '{"t":1}', { contentType: 'application/json', properties })
    await other.publish('telemetry/a', 'gone', { delivery: 'at-most-once' })
    const [first, second] = [await peer.fields(), await peer.fields()]
    const [expected] = await overHttp(site, key, 'telemetry/messages/a/x')
    const { cursor: _cursor, encoding, ...inHttp } = expected!
    if (peer.isCbor) {
      expect(Buffer.from(first.payload as Uint8Array).toString()).toBe('{"t":1}')
      const bytes = { correlation: Uint8Array.of(9), headers: [['k', 'v']] }
      expect(first).toEqual({ type: 'message', ...inHttp, payload: first.payload, properties: bytes })
    } else expect(first).toEqual({ type: 'message', encoding, ...inHttp })
    expect(second).toMatchObject({ topic: 'telemetry/a', delivery: 'at-most-once' })
    expect(await peer.ask({ type: 'unsubscribe', id: 'bye' })).toEqual({ type: 'ack', id: 'bye' })
    await other.publish('telemetry/a/x', 'for nobody')
    expect(await peer.ask({ type: 'subscribe', id: 2, pattern: 'c', lastValues: false })).toEqual({
      type: 'ack',
      id: 2,
    })
  })

  it('a subscription of the log goes on behind its cursor, gap-free and without repeats', async () => {
    const site = await startFrames()
    const key = await site.thing('sensor')
    const other = await site.connect(await site.thing('other'))
    const path = 'telemetry/messages'
    let peer = await site.open(path, { key, ...spoken })
    expect(await peer.ask({ type: 'subscribe', id: 0, after: 'now' })).toEqual({ type: 'ack', id: 0 })
    const count = 600
    const publishing = (async () => {
      for (let i = 0; i < count; i++) {
        const delivery = i % 3 === 0 ? 'at-most-once' : 'at-least-once'
        await other.publish(`telemetry/${i % 2}`, `${i}`, { delivery })
      }
    })()
    const heard: string[] = []
    let cursor: unknown
    while (heard.length < count) {
      const message = await peer.fields()
      if (message.type === 'ack') continue
      expect(message).toMatchObject({ type: 'message', pattern: '#' })
      heard.push(peer.isCbor ? Buffer.from(message.payload as Uint8Array).toString() : String(message.payload))
      cursor = message.cursor
      if (heard.length % 97 !== 0) continue
      // In the middle of it, with frames under way that nobody will take.
      peer.webSocket.terminate()
      peer = await site.open(path, { key, ...spoken })
      peer.say({ type: 'subscribe', after: cursor })
    }
    await publishing
    expect(heard).toEqual(Array.from({ length: count }, (__, i) => `${i}`))
    expect(site.faults).toEqual([])
  })

  const refusals: readonly (readonly [string, Fields, string])[] = [
    ['a publish without a payload', { type: 'publish' }, 'invalid-argument'],
    ['a field that is not known', { type: 'publish', payload: 'x', topic: 'telemetry/a' }, 'invalid-argument'],
    ['an address with a wildcard', { type: 'publish', payload: 'x', subtopic: 'a/+' }, 'invalid-argument'],
    ['an empty subtopic', { type: 'publish', payload: 'x', subtopic: '' }, 'invalid-argument'],
    ['a subtopic that is no text', { type: 'publish', payload: 'x', subtopic: 1 }, 'invalid-argument'],
    ['a subtopic of 200 levels', { type: 'publish', payload: 'x', subtopic: 'a/'.repeat(200) }, 'invalid-argument'],
    ['exactly-once', { type: 'publish', payload: 'x', delivery: 'exactly-once' }, 'invalid-argument'],
    ['an encoding that is not known', { type: 'publish', payload: 'x', encoding: 'hex' }, 'invalid-argument'],
    ['base64 that is none', { type: 'publish', payload: '*', encoding: 'base64' }, 'invalid-argument'],
    ['a content type of two lines', { type: 'publish', payload: 'x', contentType: 'a\r\nb' }, 'invalid-argument'],
    ['properties that are a list', { type: 'publish', payload: 'x', properties: [] }, 'invalid-argument'],
    ['a property that is not known', { type: 'publish', payload: 'x', properties: { a: 1 } }, 'invalid-argument'],
    ['half a second', { type: 'publish', payload: 'x', properties: { expiresInSeconds: 0.5 } }, 'invalid-argument'],
    [
      'headers that are an object',
      { type: 'publish', payload: 'x', properties: { headers: { a: '1' } } },
      'invalid-argument',
    ],
    [
      'a header of three',
      { type: 'publish', payload: 'x', properties: { headers: [['a', 'b', 'c']] } },
      'invalid-argument',
    ],
    ['17 headers', { type: 'publish', payload: 'x', properties: { headers: Array(17).fill(['a', 'b']) } }, 'too-large'],
    [
      '5,000 bytes of headers',
      { type: 'publish', payload: 'x', properties: { headers: [['a', 'b'.repeat(5_000)]] } },
      'too-large',
    ],
    [
      'a correlation that is a number',
      { type: 'publish', payload: 'x', properties: { correlation: 1 } },
      'invalid-argument',
    ],
    ['a cursor that is none', { type: 'subscribe', after: '-1' }, 'invalid-argument'],
    ['a cursor that is a number', { type: 'subscribe', after: 1 }, 'invalid-argument'],
    ['a cursor of another log', { type: 'subscribe', after: '4711' }, 'invalid-argument'],
    ['a pattern with a hash inside', { type: 'subscribe', pattern: 'a/#/b' }, 'invalid-argument'],
    ['the same in the log', { type: 'subscribe', pattern: 'a/#/b', after: 'now' }, 'invalid-argument'],
    ['no subscription', { type: 'unsubscribe', pattern: 'b' }, 'not-found'],
  ]
  it.each(refusals)('%s is refused, and the connection goes on', async (__, fields, code) => {
    const site = await startFrames()
    const peer = await site.open('telemetry/messages', { key: await site.thing('sensor'), ...spoken })
    expect(await peer.ask({ ...fields, id: 'bad' })).toEqual({
      type: 'error',
      id: 'bad',
      code,
      message: expect.any(String),
    })
    expect(await peer.ask({ type: 'publish', id: 'good', payload: 'x' })).toMatchObject({ type: 'ack', id: 'good' })
    expect(site.counter('thingmesh_frames_requests_refused_total', { code })).toBe(1)
    await site.expectUndisturbed()
  })

  it('what nobody gave a right to is refused, in words that tell nothing more', async () => {
    const site = await startFrames()
    await site.hub.control.channels.create({ name: 'private' })
    const peer = await site.open('private/messages', { key: await site.thing('sensor'), ...spoken })
    const nowhere = await site.open('nowhere/messages', { key: await site.thing('other'), ...spoken })
    const asked: readonly Fields[] = [
      { type: 'publish', id: 1, payload: 'x' },
      { type: 'subscribe', id: 1 },
      { type: 'subscribe', id: 1, after: '0' },
    ]
    for (const fields of asked) {
      const refused = await peer.ask(fields)
      expect(refused).toMatchObject({ type: 'error', code: 'permission-denied' })
      expect(await nowhere.ask(fields)).toEqual(refused)
    }
    // The path's channel is the only one that can be said: a subtopic is below it.
    expect(await peer.ask({ type: 'publish', id: 2, payload: 'x', subtopic: '../telemetry/a' })).toMatchObject({
      code: 'permission-denied',
    })
    await site.expectUndisturbed()
  })

  it.each([
    ['no object', (peer: FramePeer) => peer.webSocket.send(peer.isCbor ? Uint8Array.of(0x80) : '[]'), 1007],
    ['nothing', (peer: FramePeer) => peer.webSocket.send(peer.isCbor ? new Uint8Array(0) : ''), 1007],
    ['cut off', (peer: FramePeer) => peer.webSocket.send(peer.isCbor ? Uint8Array.of(0xa1, 0x64) : '{"type":'), 1007],
    ['of no type', (peer: FramePeer) => peer.say({ id: 1 }), 1007],
    ['of a type that is not known', (peer: FramePeer) => peer.say({ type: 'hello' }), 1007],
    ['of a type that objects have', (peer: FramePeer) => peer.say({ type: 'toString' }), 1007],
    ['with an id of 65 characters', (peer: FramePeer) => peer.say({ type: 'publish', id: 'x'.repeat(65) }), 1007],
    ['with an id that is a list', (peer: FramePeer) => peer.say({ type: 'publish', id: [1] }), 1007],
    ['too deep', (peer: FramePeer) => peer.webSocket.send(peer.isCbor ? deepCbor : deepJson), 1007],
    ['of the other kind', (peer: FramePeer) => peer.webSocket.send(peer.isCbor ? '{}' : Uint8Array.of(0xa0)), 1003],
  ])('a frame that is %s ends the connection, with a word before', async (__, send, code) => {
    const site = await startFrames()
    const peer = await site.open('telemetry/messages', { key: await site.thing('sensor'), ...spoken })
    await site.sessions(1)
    send(peer)
    const said = await peer.fields()
    expect(said).toEqual({ type: 'error', code: expect.any(String), message: expect.any(String) })
    expect(await peer.end).toEqual([code, said.message])
    await site.expectUndisturbed()
  })

  it('has one subscription of a pattern at a time, and no more than the limits say', async () => {
    const site = await startFrames({
      frames: { logSubscriptionsMax: 2 },
      hub: { limits: { subscriptionsPerSessionMax: 2 } },
    })
    const peer = await site.open('telemetry/messages', { key: await site.thing('sensor'), ...spoken })
    const codes: unknown[] = []
    for (const fields of [
      { pattern: 'a' },
      { pattern: 'a' },
      { pattern: 'a', after: 'now' },
      { pattern: 'b' },
      { pattern: 'c' },
      { pattern: 'd', after: 'now' },
      { pattern: 'd' },
      { pattern: 'e', after: '0' },
      { pattern: 'f', after: 'now' },
    ]) {
      codes.push((await peer.ask({ type: 'subscribe', id: 1, ...fields })).code)
    }
    const [no, full] = ['conflict', 'rate-limited']
    expect(codes).toEqual([undefined, no, no, undefined, full, undefined, no, undefined, full])
    expect(await peer.ask({ type: 'unsubscribe', id: 2, pattern: 'e' })).toEqual({ type: 'ack', id: 2 })
    expect(await peer.ask({ type: 'subscribe', id: 3, pattern: 'f', after: 'now' })).toEqual({ type: 'ack', id: 3 })
  })
})

describe('in envelopes of json', () => {
  it('a payload may be a value, text or base64', async () => {
    const site = await startFrames()
    const other = await site.connect(await site.thing('other'))
    await other.subscribe('telemetry/#')
    const peer = await site.open('telemetry/messages/a', { key: await site.thing('sensor'), ...json })
    for (const fields of [
      { payload: { t: [1, null] } },
      { payload: 'x', encoding: 'json' },
      { payload: { t: 1 }, contentType: 'application/senml+json' },
      { payload: 'AP8=', encoding: 'base64' },
      { payload: '' },
    ]) {
      expect(await peer.ask({ type: 'publish', id: 1, ...fields })).toMatchObject({ type: 'ack' })
    }
    const messages = await take(other, 5)
    expect(messages.map(message => [Buffer.from(message.payload).toString('latin1'), message.contentType])).toEqual([
      ['{"t":[1,null]}', 'application/json'],
      ['"x"', 'application/json'],
      ['{"t":1}', 'application/senml+json'],
      ['\0\xff', ''],
      ['', ''],
    ])
    expect(await peer.ask({ type: 'publish', id: 2, payload: { t: 1 }, encoding: 'text' })).toMatchObject({
      code: 'invalid-argument',
    })
    peer.webSocket.send('{"type":"publish","id":3,"payload":"\\ud800"}')
    expect(await peer.fields()).toMatchObject({ id: 3, code: 'invalid-argument' })
    const query = await site.open('telemetry/messages?after=0', { key: await site.thing('third'), ...json })
    expect((await query.end)[0]).toBe(4400)
  })
})
