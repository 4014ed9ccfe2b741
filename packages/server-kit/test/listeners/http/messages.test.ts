import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asThing, caller } from './caller.ts'
import { gate } from './gate.ts'

describe('publishing', () => {
  it('answers 202 with the id, after the commit and not before', async () => {
    const call = caller()
    const commit = gate()
    call.hub.beforeCommit = () => commit.opened
    let answered = false
    const answer = call('POST', '/channels/telemetry/messages/room1/temperature', {
      authorization: asThing,
      body: '21.5',
      headers: { 'content-type': 'text/plain;charset=utf-8' },
    })
    answer.then(() => {
      answered = true
    })
    await expect.poll(() => call.hub.messages.length).toBe(1)
    expect(answered).toBe(false)
    commit.open()
    const { status, json } = await answer
    expect(status).toBe(202)
    expect(json).toEqual({ id: 'hub.e1.1' })
    expect(call.hub.messages[0]).toMatchObject({
      topic: 'telemetry/room1/temperature',
      contentType: 'text/plain;charset=utf-8',
      delivery: 'at-least-once',
      retain: false,
      publisher: 'thing:1',
      protocol: 'http',
    })
    expect(Buffer.from(call.hub.messages[0]!.payload).toString()).toBe('21.5')
  })

  it('does not wait with qos=0', async () => {
    const call = caller()
    call.hub.beforeCommit = () => gate().opened
    const { status, json } = await call('POST', '/channels/telemetry/messages?qos=0', { body: 'x' })
    expect([status, json]).toEqual([202, {}])
    expect(call.hub.messages[0]).toMatchObject({ topic: 'telemetry', delivery: 'at-most-once', contentType: '' })
  })

  // 0 as over MQTT and CoAP: only for the log.
  it.each([60, 0])('takes retain and expires: %i', async expiresInSeconds => {
    const call = caller()
    await call('POST', `/channels/telemetry/messages/a?retain=true&expires=${expiresInSeconds}`, { body: 'x' })
    expect(call.hub.messages[0]).toMatchObject({ retain: true, properties: { expiresInSeconds } })
  })

  it.each([
    ['k-1', 'k-1'],
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['"a \\"b\\" \\\\ c "', 'a "b" \\ c '],
    ['un"quoted"', 'un"quoted"'],
    ['""', ''],
  ])('takes an idempotency key: %s', async (value, key) => {
    const call = caller()
    await call('POST', '/channels/telemetry/messages', { body: 'x', headers: { 'idempotency-key': value } })
    // Were it no key, the hub would say so.
    expect(call.hub.messages).toMatchObject([{ key }])
  })

  it.each(['"', '"a', '"a"b"', '"a\\"', '"a";b=1', '"é"'])('refuses an idempotency key: %s', async value => {
    const call = caller()
    const { status, json } = await call('POST', '/channels/telemetry/messages', {
      body: 'x',
      headers: { 'idempotency-key': value },
    })
    expect([status, json.error.message]).toEqual([400, 'idempotency-key has quotes that do not match'])
  })

  it('refuses two idempotency keys, with quotes or without', async () => {
    const call = caller()
    for (const value of ['k-1, k-2', '"k-1", "k-2"', 'k-1, "k-2"']) {
      const answer = await call('POST', '/channels/telemetry/messages', {
        body: 'x',
        headers: { 'idempotency-key': value },
      })
      expect([answer.status, answer.json.error.code]).toEqual([400, 'invalid-argument'])
    }
    const quoted = { body: 'x', headers: { 'idempotency-key': '"k-1, k-2"' } }
    await call('POST', '/channels/telemetry/messages', quoted)
    expect(call.hub.messages).toMatchObject([{ key: 'k-1, k-2' }])
  })

  it('refuses an idempotency key where nothing is promised', async () => {
    const call = caller()
    const init = { body: 'x', headers: { 'idempotency-key': 'k' } }
    const { status, json } = await call('POST', '/channels/telemetry/messages?qos=0', init)
    expect([status, json.error.code]).toEqual([400, 'invalid-argument'])
    expect(call.hub.messages).toEqual([])
  })

  it('takes every payload as it is', async () => {
    const call = caller()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async bytes => {
        const { status } = await call('POST', '/channels/telemetry/messages', { body: bytes })
        expect(status).toBe(202)
        expect(Buffer.from(call.hub.messages.at(-1)!.payload).equals(Buffer.from(bytes))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('decodes every level of the path once', async () => {
    const call = caller()
    for (const [path, topic] of [
      ['/channels/tele%6detry/messages/a%20b/%C3%A9', 'telemetry/a b/é'],
      ['/channels/telemetry/messages/100%2525', 'telemetry/100%25'],
      ['/channels/telemetry/messages/a//b', 'telemetry/a//b'],
      ['/channels/telemetry/messages/%3Fq%3D1', 'telemetry/?q=1'],
      ['/channels/__proto__/messages/constructor', '__proto__/constructor'],
    ] as const) {
      expect((await call('POST', path, { body: 'x' })).status).toBe(202)
      expect(call.hub.messages.at(-1)!.topic).toBe(topic)
    }
  })

  it.each([
    ['an encoded slash', '/channels/telemetry/messages/a%2Fb', 'path has an encoded slash within a level'],
    ['an encoded slash in the channel', '/channels/a%2fb/messages', 'path has an encoded slash within a level'],
    ['a malformed encoding', '/channels/telemetry/messages/%zz', 'path has a malformed percent encoding'],
    ['bytes that are not UTF-8', '/channels/telemetry/messages/%ff', 'path has a malformed percent encoding'],
    ['a wildcard', '/channels/telemetry/messages/+', "topic has '+' at index 10, which is not allowed there"],
    [
      'a line break',
      '/channels/telemetry/messages/a%0d%0ab',
      'topic has U+000D at index 11, which is not allowed there',
    ],
    ['a dollar', '/channels/$SYS/messages', 'topic starts with $, which is reserved'],
    ['a qos of 2', '/channels/a/messages?qos=2', 'query.qos: found "2", allowed is ("0" | "1")'],
    [
      'an unknown name',
      '/channels/a/messages?ttl=2',
      'query.ttl: found an unknown member, allowed is none of that name',
    ],
    [
      'a prototype',
      '/channels/a/messages?__proto__=2',
      'query.__proto__: found an unknown member, allowed is none of that name',
    ],
    ['a name twice', '/channels/a/messages?qos=0&qos=1', 'query has the same name twice'],
    [
      'an expiry beyond its range',
      '/channels/a/messages?expires=4294967296',
      'query.expires: found 4294967296, allowed is a whole number from 0 to 4294967295',
    ],
  ])('refuses %s', async (_what, path, message) => {
    const call = caller()
    const { status, json } = await call('POST', path, { body: 'x' })
    expect(json.error.message).toBe(message)
    expect([status, json.error.code]).toEqual([400, 'invalid-argument'])
    expect(call.hub.messages).toEqual([])
  })

  it('refuses a body that is too large, declared or not, and one with a coding', async () => {
    const call = caller({ bodyBytesMax: 10 })
    const long = await call('POST', '/channels/a/messages', { body: '12345678901' })
    expect([long.status, long.json.error.code]).toEqual([413, 'too-large'])
    const declared = await call('POST', '/channels/a/messages', { body: 'x', headers: { 'content-length': '11' } })
    expect(declared.json.error).toEqual({
      code: 'too-large',
      message: 'body has at least 11 bytes, the limit is 10',
      details: { limit: 'bodyBytesMax', found: 11, max: 10 },
    })
    expect((await call('POST', '/channels/a/messages', { body: '1234567890' })).status).toBe(202)
    const coded = await call('POST', '/channels/a/messages', { body: 'x', headers: { 'content-encoding': 'gzip' } })
    expect([coded.status, coded.json.error.code]).toEqual([415, 'unsupported'])
    expect(call.hub.messages.length).toBe(1)
  })

  it('bounds what all bodies hold together, until they are answered', async () => {
    const call = caller({ bodiesBytesMax: 10 })
    const commit = gate()
    call.hub.beforeCommit = () => commit.opened
    const first = call('POST', '/channels/a/messages', { body: '123456', headers: { 'content-length': '6' } })
    await expect.poll(() => call.hub.messages.length).toBe(1)
    const refused = await call('POST', '/channels/a/messages', { body: '123456' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    commit.open()
    expect((await first).status).toBe(202)
    expect((await call('POST', '/channels/a/messages', { body: '1234567890' })).status).toBe(202)
  })
})

describe('reading', () => {
  async function filled() {
    const call = caller()
    for (const [subtopic, body] of [
      ['/a', '1'],
      ['/a/b', '2'],
      ['', '3'],
      ['/c', '4'],
    ]) {
      await call('POST', `/channels/log${subtopic}/messages`.replace(/log(.*)\/messages/, 'log/messages$1'), { body })
    }
    await call('POST', '/channels/other/messages/a', { body: '5' })
    const payloads = async (path: string) => {
      const { json } = await call('GET', path)
      return (json.messages as { payload: string }[]).map(message => message.payload).join('')
    }
    return { call, payloads }
  }

  it('takes a whole channel, an address, or a pattern, encoded or not', async () => {
    const { payloads } = await filled()
    expect(await payloads('/channels/log/messages')).toBe('1234')
    expect(await payloads('/channels/log/messages/a')).toBe('1')
    expect(await payloads('/channels/log/messages/a/%23')).toBe('12')
    expect(await payloads('/channels/log/messages/+')).toBe('14')
    expect(await payloads('/channels/log/messages/%2B')).toBe('14')
    expect(await payloads('/channels/+/messages/a')).toBe('15')
  })

  it('pages by cursor, forwards and from the newest backwards', async () => {
    const { call, payloads } = await filled()
    const first = (await call('GET', '/channels/log/messages?limit=2')).json
    expect(first).toMatchObject({ next: 'c2', complete: false })
    expect(await payloads(`/channels/log/messages?after=${first.next}`)).toBe('34')
    const last = (await call('GET', '/channels/log/messages?last=2')).json
    expect(last.messages.map((message: { payload: string }) => message.payload)).toEqual(['3', '4'])
    expect(await payloads(`/channels/log/messages?last=5&before=${last.next}`)).toBe('12')
    expect(await payloads('/channels/log/messages?publisher=thing:1')).toBe('')
  })

  it('takes times as milliseconds or ISO 8601, with a plus that nobody encoded', async () => {
    const { payloads } = await filled()
    expect(await payloads('/channels/log/messages?from=1700000002000')).toBe('34')
    expect(await payloads('/channels/log/messages?from=2023-11-14T22:13:22Z&to=2023-11-14T22:13:23Z')).toBe('3')
    expect(await payloads('/channels/log/messages?from=2023-11-14T23:13:22+01:00')).toBe('34')
    expect(await payloads('/channels/log/messages?to=2023-11-15')).toBe('1234')
  })

  it.each([
    'last=0',
    'last=1001',
    'limit=1&last=1',
    'wait=31',
    'from=2023-11-14T22:13:22',
    'from=yesterday',
    'retained=true&limit=1',
    'retained=yes',
  ])('refuses %s', async query => {
    const { status, json } = await caller()('GET', `/channels/log/messages?${query}`)
    expect([status, json.error.code]).toEqual([400, 'invalid-argument'])
  })

  it('tells all that there is to a message', async () => {
    const call = caller()
    await call('POST', '/channels/log/messages/a?retain=true&expires=5', { body: { t: 1 }, authorization: asThing })
    const { json, headers } = await call('GET', '/channels/log/messages')
    expect(json.messages).toEqual([
      {
        id: 'hub.e1.1',
        cursor: 'c1',
        channel: 'log',
        subtopic: 'a',
        topic: 'log/a',
        publisher: 'thing:1',
        protocol: 'http',
        acceptedAt: '2023-11-14T22:13:20.000Z',
        contentType: 'application/json',
        delivery: 'at-least-once',
        retain: true,
        properties: { expiresInSeconds: 5 },
        encoding: 'json',
        payload: { t: 1 },
      },
    ])
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('answers as NDJSON where that is accepted', async () => {
    const { call } = await filled()
    const path = '/channels/log/messages?limit=2'
    const { text, headers } = await call('GET', path, { headers: { accept: 'application/x-ndjson, text/html;q=0.5' } })
    expect(headers.get('content-type')).toBe('application/x-ndjson')
    expect(headers.get('thingmesh-next')).toBe('c2')
    expect(headers.get('thingmesh-complete')).toBe('false')
    const lines = text.split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map(line => JSON.parse(line).payload)).toEqual(['1', '2'])
  })

  it.each([
    ['text/csv', 'text/csv;charset=utf-8;header=present', /^id,acceptedAt,.*\r\nhub\.e1\.1,/],
    ['application/senml+json', 'application/senml+json', /^\[\{"n":"log\/a",.*"v":1/],
    ['application/senml+cbor', 'application/senml+cbor', /log\/a/],
  ])('answers in %s, with the next cursor in a header', async (accept, contentType, text) => {
    const call = caller()
    for (const body of ['1', '2', '3']) await call('POST', '/channels/log/messages/a', { body })
    const answer = await call('GET', '/channels/log/messages?limit=2', { headers: { accept } })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, contentType])
    expect([answer.headers.get('thingmesh-next'), answer.headers.get('thingmesh-complete')]).toEqual(['c2', 'false'])
    expect(answer.text).toMatch(text)
    await call('POST', '/channels/log/messages/b?retain=true', { body: '4' })
    const last = await call('GET', '/channels/log/messages?retained=true', { headers: { accept } })
    expect(last.status).toBe(200)
    expect(last.text).toContain('log/b')
    expect(last.text).not.toContain('log/a')
  })

  it.each(['application/xml', 'text/html, text/*;q=0', 'application/json;q=0, */*;q=0'])('has no %s', async accept => {
    const { status, json } = await caller()('GET', '/channels/log/messages', { headers: { accept } })
    expect([status, json.error.code]).toEqual([406, 'unsupported'])
    expect(json.error.message).toBe(
      'accept header takes none of application/json, application/x-ndjson, text/csv, application/senml+json, application/senml+cbor, text/event-stream',
    )
  })

  it('waits for a first message, and no longer than its caller', async () => {
    const call = caller()
    const waiting = call('GET', '/channels/log/messages?wait=30')
    await expect.poll(() => call.hub.opened.length).toBe(1)
    await call('POST', '/channels/log/messages', { body: 'x' })
    expect((await waiting).json.messages.length).toBe(1)
    const leaving = new AbortController()
    const left = call('GET', '/channels/other/messages?wait=30', { signal: leaving.signal })
    leaving.abort()
    expect((await left).status).toBe(499)
  })
})

describe('last values', () => {
  it('are read and cleared by their own parameter', async () => {
    const call = caller()
    await call('POST', '/channels/state/messages/a?retain=true', { body: 'on' })
    await call('POST', '/channels/state/messages/a', { body: 'passing' })
    await call('POST', '/channels/state/messages/b?retain=true', { body: 'off' })
    const read = async (path: string) => {
      const { json } = await call('GET', path)
      return json.messages.map((message: { payload: string }) => message.payload)
    }
    expect(await read('/channels/state/messages?retained=true')).toEqual(['on', 'off'])
    expect(await read('/channels/state/messages/a?retained=true')).toEqual(['on'])
    expect((await call('DELETE', '/channels/state/messages/a')).status).toBe(400)
    const cleared = await call('DELETE', '/channels/state/messages/a?retained=true')
    expect([cleared.status, cleared.text]).toEqual([204, ''])
    expect(await read('/channels/state/messages?retained=true')).toEqual(['off'])
    expect(await read('/channels/state/messages/a?retained=false')).toEqual(['on', 'passing', ''])
  })
})
