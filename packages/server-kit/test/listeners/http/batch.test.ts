import { isThingmeshError } from '@thingmesh/core'
import { type SenmlPack, senmlJsonCodec } from '@thingmesh/core/senml'
import { senmlCborCodec } from '@thingmesh/core/senml-cbor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ndjsonType, toBatch } from '../../../src/listeners/http/batch.ts'
import { caller, type Json } from './caller.ts'
import { gate } from './gate.ts'

const lines = (...values: readonly unknown[]) => values.map(value => `${JSON.stringify(value)}\n`).join('')
const ndjson = { headers: { 'content-type': ndjsonType } }
const path = '/channels/telemetry/messages?batch=true'
const textOf = ({ payload }: { readonly payload: Uint8Array }) => Buffer.from(payload).toString()

describe('a batch of lines', () => {
  it('becomes a message for each line, answered in order when all are committed', async () => {
    const call = caller()
    const commits = [gate(), gate()]
    let begun = 0
    call.hub.beforeCommit = () => commits[begun++]!.opened
    let answered = false
    const asking = call('POST', '/channels/telemetry/messages/room1?batch=true', {
      ...ndjson,
      body: lines({ subtopic: 't', payload: 21.5 }, { payload: 'on', qos: 0 }, { payload: null }),
    }).then(answer => {
      answered = true
      return answer
    })
    // All of them are handed over before any is committed.
    await expect.poll(() => call.hub.messages.length).toBe(3)
    commits[1]!.open()
    await new Promise(resolve => setImmediate(resolve))
    expect(answered).toBe(false)
    commits[0]!.open()
    const { status, json } = await asking
    expect([status, json]).toEqual([202, { results: [{ id: 'hub.e1.1' }, {}, { id: 'hub.e1.3' }] }])
    expect(call.hub.messages.map(one => [one.topic, textOf(one), one.contentType, one.delivery])).toEqual([
      ['telemetry/room1/t', '21.5', 'application/json', 'at-least-once'],
      ['telemetry/room1', 'on', 'text/plain;charset=utf-8', 'at-most-once'],
      ['telemetry/room1', 'null', 'application/json', 'at-least-once'],
    ])
  })

  it('takes what a message may have, from the line or else from the query', async () => {
    const call = caller()
    const line = {
      subtopic: 'a/b',
      payload: 'AP8=',
      encoding: 'base64',
      contentType: 'application/x',
      retain: false,
      expires: 7,
      key: 'k',
      replyTo: 'telemetry/answers',
      correlation: 'AQI=',
      headers: [
        ['site', 'roof'],
        ['site', 'cellar'],
      ],
    }
    const body = lines(line, { payload: '{}', encoding: 'json' }, { payload: '', contentType: '' })
    const { json } = await call('POST', `${path}&retain=true&expires=60`, { ...ndjson, body })
    expect(json.results.map(({ error }: Json) => error)).toEqual([undefined, undefined, undefined])
    const [first, second, third] = call.hub.messages
    expect(first).toMatchObject({
      topic: 'telemetry/a/b',
      contentType: 'application/x',
      retain: false,
      key: 'k',
      properties: { expiresInSeconds: 7, replyTo: 'telemetry/answers', headers: line.headers },
    })
    expect([...first!.payload]).toEqual([0, 255])
    expect([...first!.properties!.correlation!]).toEqual([1, 2])
    expect(second).toMatchObject({ retain: true, properties: { expiresInSeconds: 60 } })
    expect(textOf(second!)).toBe('"{}"')
    expect(third).toMatchObject({ contentType: '', retain: true })
  })

  it('says of each line what is wrong with it, and takes the others', async () => {
    const call = caller()
    const body = [
      ...['{"payload":1}', '{"payload":1', '{}', '[]', '{"payload":1,"ttl":2}', '{"payload":1,"qos":2}'],
      ...['{"payload":1,"encoding":"text"}', '{"payload":"A","encoding":"base64"}', '{"payload":1,"subtopic":"+"}'],
      ...['{"payload":"\\ud800"}', '{"payload":1,"qos":0,"key":"k"}', '{"payload":"AP-_","encoding":"base64"}'],
      ...['{"payload":1,"contentType":"a\\nb"}', '{"payload":2}'],
    ].join('\r\n')
    const { status, json } = await call('POST', path, { ...ndjson, body })
    expect(status).toBe(202)
    expect(json.results.map(({ id, error }: Json) => id ?? `${error.code}: ${error.message}`)).toEqual([
      'hub.e1.1',
      'invalid-argument: payload is not valid json',
      'invalid-argument: line 3.payload: found nothing, allowed is a value',
      'invalid-argument: line 4.payload: found nothing, allowed is a value',
      'invalid-argument: line 5.ttl: found an unknown member, allowed is none of that name',
      'invalid-argument: line 6.qos: found 2, allowed is (0 | 1)',
      'invalid-argument: payload is no string, allowed with encoding text is one',
      'invalid-argument: payload is not base64',
      "invalid-argument: topic has '+' at index 10, which is not allowed there",
      'invalid-argument: payload has an unpaired surrogate, which no text in utf-8 has',
      'invalid-argument: key comes with qos 0, allowed only with qos 1',
      'invalid-argument: payload is not base64',
      expect.stringContaining('line 13.contentType'),
      'hub.e1.2',
    ])
  })

  it('says of each message what the hub refuses, and nothing of what fails within', async () => {
    const call = caller()
    const body = lines({ payload: 1 })
    for (const [channel, code, message] of [
      ['secret', 'permission-denied', 'may not publish there'],
      ['busy', 'unavailable', 'the store is behind'],
      ['broken', 'internal', 'internal error'],
    ]) {
      const { status, json } = await call('POST', `/channels/${channel}/messages?batch=true`, { ...ndjson, body })
      expect([status, json.results]).toEqual([202, [{ error: { code, message } }]])
    }
    call.hub.beforeCommit = () => Promise.reject(new Error('a stack of secrets'))
    expect((await call('POST', path, { ...ndjson, body })).json.results).toEqual([
      { error: { code: 'internal', message: 'internal error' } },
    ])
  })

  it('is one message, verbatim, unless it is said to be a batch', async () => {
    const call = caller()
    for (const query of ['', '?batch=false']) {
      const { json } = await call('POST', `/channels/telemetry/messages${query}`, { ...ndjson, body: '1\n2\n' })
      expect(json.id).toBeDefined()
      expect(call.hub.messages.at(-1)).toMatchObject({ contentType: ndjsonType })
      expect(textOf(call.hub.messages.at(-1)!)).toBe('1\n2\n')
    }
  })

  it('is refused whole where it is empty, too long, or of another type', async () => {
    const call = caller({ batchMessagesMax: 3 })
    const ask = async (body: string, contentType = ndjsonType, headers = {}) => {
      const { status, json } = await call('POST', path, { body, headers: { 'content-type': contentType, ...headers } })
      return [status, json.error?.message ?? json.results.length]
    }
    expect(await ask('')).toEqual([400, 'body has no lines, allowed are 1 to 3'])
    expect(await ask('\n\r\n\n')).toEqual([400, 'body has no lines, allowed are 1 to 3'])
    expect(await ask('{}\n'.repeat(4))).toEqual([413, 'body has 4 lines, the limit is 3'])
    expect(await ask('\n{"payload":1}\n\n{"payload":2}\r\n\r\n{"payload":3}')).toEqual([202, 3])
    expect((await ask('{"payload":1}', 'application/json'))[0]).toBe(415)
    expect(await ask('{"payload":1}', `${ndjsonType}; charset=utf-8`)).toEqual([202, 1])
    const [status] = await ask('{"payload":1}', ndjsonType, { 'idempotency-key': 'k' })
    expect(status).toBe(400)
    expect(call.hub.messages.length).toBe(4)
  })

  it('comes to as many entries as it has lines, whatever they hold, and throws nothing but what it says', () => {
    const terms = { topic: 'a', delivery: 'at-least-once', retain: false, expiresInSeconds: undefined } as const
    const line = fc.oneof(
      fc.string().map(text => text.replaceAll(/[\r\n]/g, ' ')),
      fc.json().map(text => text.replaceAll(/[\r\n]/g, ' ')),
      fc.record({ payload: fc.jsonValue() }).map(value => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), some => {
        const given = some.filter(text => text !== '')
        fc.pre(given.length > 0)
        const entries = toBatch(Buffer.from(given.join('\n')), ndjsonType, terms, 100)!
        expect(entries.length).toBe(given.length)
        for (const entry of entries) {
          if (isThingmeshError(entry)) expect(entry.code).toBe('invalid-argument')
          else expect(entry.payload).toBeInstanceOf(Uint8Array)
        }
      }),
    )
  })
})

describe.each([
  ['json', senmlJsonCodec],
  ['cbor', senmlCborCodec],
] as const)('a SenML pack as %s', (form, codec) => {
  const contentType = `application/senml+${form}`
  const headers = { 'content-type': contentType }
  const pack: SenmlPack = [
    { bn: 'urn:dev:ow:10e2073a01080063:', bt: 1.7e9, bu: 'Cel', n: 'temp', v: 21.5 },
    { n: 'room/humidity', u: '%RH', t: -10, v: 40 },
    { n: 'open', vb: true },
    { n: 'label', vs: 'x' },
    { n: 'raw', vd: Uint8Array.of(1, 255) },
    { n: 'energy', s: 7, ut: 60 },
  ]

  it('becomes a message for each measurement, which says all by itself', async () => {
    const call = caller()
    const body = Uint8Array.from(codec.encode(pack))
    const { status, json } = await call('POST', `${path}&retain=true&expires=60`, { headers, body })
    expect(status).toBe(202)
    expect(json.results.length).toBe(6)
    const name = 'urn:dev:ow:10e2073a01080063:'
    expect(call.hub.messages.map(one => [one.topic, codec.decode(one.payload)])).toEqual([
      [`telemetry/${name}room/humidity`, [{ n: `${name}room/humidity`, u: '%RH', v: 40, t: 1.7e9 - 10 }]],
      [`telemetry/${name}temp`, [{ n: `${name}temp`, u: 'Cel', v: 21.5, t: 1.7e9 }]],
      [`telemetry/${name}open`, [{ n: `${name}open`, u: 'Cel', vb: true, t: 1.7e9 }]],
      [`telemetry/${name}label`, [{ n: `${name}label`, u: 'Cel', vs: 'x', t: 1.7e9 }]],
      [`telemetry/${name}raw`, [{ n: `${name}raw`, u: 'Cel', vd: Uint8Array.of(1, 255), t: 1.7e9 }]],
      [`telemetry/${name}energy`, [{ n: `${name}energy`, u: 'Cel', s: 7, ut: 60, t: 1.7e9 }]],
    ])
    for (const one of call.hub.messages) {
      expect(one).toMatchObject({ contentType, retain: true, properties: { expiresInSeconds: 60 } })
    }
  })

  it('is refused whole where it is no pack, or has too many records', async () => {
    const call = caller({ batchMessagesMax: 5 })
    const long = await call('POST', path, { headers, body: Uint8Array.from(codec.encode(pack)) })
    expect([long.status, long.json.error.details]).toEqual([413, { limit: 'batchMessagesMax', found: 6, max: 5 }])
    const nameless = await call('POST', path, { headers, body: Uint8Array.from(codec.encode([{ v: 1 }])) })
    expect(nameless.status).toBe(400)
    expect((await call('POST', path, { headers, body: '{' })).status).toBe(400)
    const bare = await call('POST', path, { headers, body: Uint8Array.from(codec.encode([{ bn: 'a' }])) })
    expect([bare.status, bare.json.error.message]).toEqual([400, 'body has no measurements, allowed are 1 to 5'])
    expect(call.hub.messages).toEqual([])
  })

  it('says of a measurement whose name is no address that it is not', async () => {
    const call = caller()
    const body = Uint8Array.from(
      codec.encode([
        { n: 'a', v: 1 },
        { n: 'b'.repeat(300), v: 2 },
      ]),
    )
    const { json } = await call('POST', path, { headers, body })
    expect(json.results).toMatchObject([{ id: 'hub.e1.1' }, { error: { code: 'invalid-argument' } }])
  })

  it('is one message, verbatim, unless it is said to be a batch', async () => {
    const call = caller()
    const body = Uint8Array.from(codec.encode(pack))
    expect((await call('POST', '/channels/telemetry/messages', { headers, body })).json).toEqual({ id: 'hub.e1.1' })
    expect(codec.decode(call.hub.messages[0]!.payload)).toEqual(pack)
  })
})
