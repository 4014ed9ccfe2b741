import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectHttp } from '../../src/client/index.ts'
import { isThingmeshError } from '../../src/errors/index.ts'
import { rejection, scriptedServer, wireMessage } from './scripted-server.ts'

describe('publishing over http', () => {
  it('posts the payload to the topic with the key, and gives the id back', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: { id: 'h.e.1' } }))
    const client = connectHttp(server.url, { key: 'secret-key' })
    expect(await client.publish('telemetry/room 1/ö', { temperature: 21.5 })).toEqual({ id: 'h.e.1' })
    const [request] = server.seen
    expect(request).toMatchObject({
      method: 'POST',
      path: '/channels/telemetry/messages/room%201/%C3%B6',
      authorization: 'Thing secret-key',
      contentType: 'application/json',
    })
    expect(request?.body.toString()).toBe('{"temperature":21.5}')
    expect([...(request?.query ?? [])]).toEqual([])
  })

  it.each([
    ['text', 'on', 'text/plain;charset=utf-8', Buffer.from('on')],
    ['bytes', Uint8Array.of(0, 255), 'application/octet-stream', Buffer.of(0, 255)],
    ['an empty payload', new Uint8Array(), 'application/octet-stream', Buffer.alloc(0)],
    ['an array', [1, 2], 'application/json', Buffer.from('[1,2]')],
    ['null', null, 'application/json', Buffer.from('null')],
  ] as const)('sends %s with its media type', async (_name, payload, contentType, body) => {
    await using server = await scriptedServer(() => ({ status: 202, json: { id: 'h.e.1' } }))
    await connectHttp(server.url, { key: 'k' }).publish({ channel: 'telemetry', subtopic: '' }, payload)
    expect(server.seen[0]?.path).toBe('/channels/telemetry/messages')
    expect(server.seen[0]?.contentType).toBe(contentType)
    expect(server.seen[0]?.body.equals(body)).toBe(true)
  })

  it('sends an idempotency key, quoted, and none that cannot be one', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: { id: 'h.e.1' } }))
    const client = connectHttp(server.url, { key: 'k' })
    await client.publish('a', 1, { key: ' reading "7" \\ ' })
    expect(server.seen[0]?.headers['idempotency-key']).toBe('" reading \\"7\\" \\\\ "')
    await client.publish('a', 1)
    expect(server.seen[1]?.headers['idempotency-key']).toBeUndefined()
    for (const key of ['', 'é', 'a\n', 'k'.repeat(65)]) {
      await expect(client.publish('a', 1, { key })).rejects.toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-sent',
      })
    }
    expect(server.seen.length).toBe(2)
  })

  it('says how in the query, and has no id for at-most-once', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: {} }))
    const options = {
      delivery: 'at-most-once',
      retain: true,
      expiresInSeconds: 60,
      contentType: 'application/x',
    } as const
    expect(await connectHttp(server.url, { key: 'k' }).publish('a', 1, options)).toEqual({})
    expect(Object.fromEntries(server.seen[0]?.query ?? [])).toEqual({ qos: '0', retain: 'true', expires: '60' })
    expect(server.seen[0]?.contentType).toBe('application/x')
  })

  it('sends nothing for a topic or a payload that cannot be', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: { id: 'h.e.1' } }))
    const client = connectHttp(server.url, { key: 'k' })
    for (const topic of ['', '/a', 'a/', 'a/#', '$SYS/x', 'a/..', 'a/.', 'a/\ud800']) {
      expect(await rejection(client.publish(topic, 1)), topic).toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-sent',
      })
    }
    expect(await rejection(client.publish('a', { x: Number.NaN }))).toMatchObject({ code: 'invalid-argument' })
    expect(server.seen).toEqual([])
  })

  it('keeps a path that the hub is reached below', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: { id: 'h.e.1' } }))
    await connectHttp(`${server.url}/iot/hub/`, { token: 't' }).publish('a/b', 1)
    expect(server.seen[0]).toMatchObject({ path: '/iot/hub/channels/a/messages/b', authorization: 'Bearer t' })
  })
})

describe('publishing a batch over http', () => {
  it('posts a line for each message, and tells of each what came of it', async () => {
    const refused = { code: 'too-large', message: 'a payload of 9 bytes, the limit is 8', details: { max: 8 } }
    const results = [{ id: 'h.e.1' }, {}, { error: refused }, { error: { code: 'unavailable', message: 'no disk' } }]
    await using server = await scriptedServer(() => ({ status: 202, json: { results } }))
    const answers = await connectHttp(server.url, { key: 'k' }).publishBatch('telemetry/roof', [
      { subtopic: 'a/b', payload: { t: 21.5 }, key: 'one', retain: true, expiresInSeconds: 60 },
      { payload: 'on', delivery: 'at-most-once', headers: [['site', 'roof']] },
      { payload: Uint8Array.of(0, 255), replyTo: 'telemetry/answers' },
      { payload: new Uint8Array(10_000).fill(7), contentType: 'image/x' },
    ])
    expect(answers[0]).toEqual({ id: 'h.e.1' })
    expect(answers[1]).toEqual({})
    expect(isThingmeshError(answers[2]?.error)).toBe(true)
    expect(answers[2]?.error).toMatchObject({ ...refused, outcome: 'rejected' })
    expect(answers[3]?.error).toMatchObject({ code: 'unavailable', retryable: true })
    const [request] = server.seen
    expect(request).toMatchObject({ method: 'POST', path: '/channels/telemetry/messages/roof' })
    expect(request?.contentType).toBe('application/x-ndjson')
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ batch: 'true' })
    const lines = request!.body.toString().split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map(line => JSON.parse(line))).toEqual([
      { subtopic: 'a/b', payload: { t: 21.5 }, encoding: 'json', key: 'one', retain: true, expires: 60 },
      { payload: 'on', encoding: 'text', qos: 0, headers: [['site', 'roof']] },
      { payload: 'AP8=', encoding: 'base64', contentType: 'application/octet-stream', replyTo: 'telemetry/answers' },
      { payload: Buffer.alloc(10_000, 7).toString('base64'), encoding: 'base64', contentType: 'image/x' },
    ])
  })

  it('sends nothing where there is nothing, or what cannot be', async () => {
    await using server = await scriptedServer(() => ({ status: 202, json: { results: [] } }))
    const client = connectHttp(server.url, { key: 'k' })
    expect(await client.publishBatch('a', [])).toEqual([])
    for (const [topic, payload] of [
      ['a/#', 1],
      ['a', Number.NaN],
    ] as const) {
      await expect(client.publishBatch(topic, [{ payload }])).rejects.toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-sent',
      })
    }
    expect(server.seen).toEqual([])
  })

  it.each([[{}], [{ results: {} }], [{ results: [{ id: 'h.e.1' }] }]])('does not believe %j of two', async json => {
    await using server = await scriptedServer(() => ({ status: 202, json }))
    const client = connectHttp(server.url, { key: 'k' })
    await expect(client.publishBatch('a', [{ payload: 1 }, { payload: 2 }])).rejects.toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
    })
  })
})

describe('reading over http', () => {
  it('asks by filter and positions, and reads the page', async () => {
    const json = {
      messages: [
        wireMessage(1),
        wireMessage(2, { encoding: 'text', payload: 'on', contentType: 'text/plain' }),
        wireMessage(3, { encoding: 'base64', payload: 'AP8=', contentType: '' }),
      ],
      next: 'c3',
      complete: true,
    }
    await using server = await scriptedServer(() => ({ json }))
    const page = await connectHttp(server.url, { token: 't' }).read('telemetry/+/#', {
      after: 'c0',
      fromMs: 1,
      toMs: 2,
      publisher: 'thing:1',
      limit: 3,
    })
    expect(server.seen[0]?.path).toBe('/channels/telemetry/messages/%2B/%23')
    expect(Object.fromEntries(server.seen[0]?.query ?? [])).toEqual({
      after: 'c0',
      from: '1',
      to: '2',
      publisher: 'thing:1',
      limit: '3',
    })
    expect(page.next).toBe('c3')
    expect(page.complete).toBe(true)
    expect(page.messages.map(message => message.payload)).toEqual([{ n: 1 }, 'on', Uint8Array.of(0, 255)])
    expect(page.messages[0]).toMatchObject({ id: 'hub.epoch.1', acceptedAtMs: Date.UTC(2026, 10, 23, 10) })
  })

  it('asks for every channel in the one way that a path has', async () => {
    await using server = await scriptedServer(() => ({ json: { messages: [], next: '0', complete: true } }))
    await connectHttp(server.url, { token: 't' }).read('#')
    expect(server.seen[0]?.path).toBe('/channels/%2B/messages/%23')
  })

  it('reads properties', async () => {
    const properties = { replyTo: 'a/b', correlation: 'AP8=', headers: [['n', 'v']] }
    await using server = await scriptedServer(() => ({ json: { messages: [wireMessage(1, { properties })] } }))
    const page = await connectHttp(server.url, { token: 't' }).read('telemetry/#')
    expect(page.messages[0]?.properties).toEqual({ ...properties, correlation: Uint8Array.of(0, 255) })
  })

  it.each([
    ['no json', { text: '<html>' }],
    ['no messages', { json: {} }],
    ['a message without an id', { json: { messages: [{ ...wireMessage(1), id: undefined }] } }],
    ['an encoding that nobody knows', { json: { messages: [wireMessage(1, { encoding: 'rot13', payload: '' })] } }],
    ['base64 that is none', { json: { messages: [wireMessage(1, { encoding: 'base64', payload: '!' })] } }],
  ])('does not take %s for a hub’s answer', async (_name, answer) => {
    await using server = await scriptedServer(() => answer)
    const error = await rejection(connectHttp(server.url, { key: 'k' }).read('telemetry/#'))
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
  })
})

describe('failures over http', () => {
  it('tells the hub’s own refusal', async () => {
    const error = {
      code: 'too-large',
      message: 'payload has 300000 bytes, the limit is 262144',
      details: { max: 262144 },
    }
    await using server = await scriptedServer(() => ({ status: 413, json: { error } }))
    expect(await rejection(connectHttp(server.url, { key: 'k' }).publish('a', 1))).toMatchObject({
      name: 'ThingmeshError',
      code: 'too-large',
      message: error.message,
      outcome: 'rejected',
      retryable: false,
      details: { max: 262144, status: 413 },
    })
  })

  it('tells when to try again', async () => {
    await using server = await scriptedServer(() => ({
      status: 503,
      json: { error: { code: 'unavailable', message: 'the store is behind' } },
      headers: { 'retry-after': '7' },
    }))
    expect(await rejection(connectHttp(server.url, { key: 'k' }).publish('a', 1))).toMatchObject({
      code: 'unavailable',
      retryAfterSeconds: 7,
      retryable: true,
    })
  })

  it.each([
    [401, 'unauthenticated'],
    [404, 'not-found'],
    [429, 'rate-limited'],
    [502, 'unavailable'],
    [504, 'timeout'],
    [599, 'unavailable'],
    [418, 'internal'],
  ])('makes of a bare status %i, as a proxy sends it, %s', async (status, code) => {
    await using server = await scriptedServer(() => ({ status, text: '<h1>no</h1>' }))
    expect(await rejection(connectHttp(server.url, { key: 'k' }).read('a'))).toMatchObject({
      code,
      details: { status },
    })
  })

  it('knows that nothing was sent where nobody listens', async () => {
    const free = createServer()
    await new Promise<void>(resolve => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as { port: number }
    await new Promise(resolve => free.close(resolve))
    const error = await rejection(connectHttp(`http://127.0.0.1:${port}`, { key: 'k' }).publish('a', 1))
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-sent', retryable: true })
  })

  it('does not know what became of a request whose connection broke', async () => {
    await using server = await scriptedServer(() => ({ hangUp: true }))
    expect(await rejection(connectHttp(server.url, { key: 'k' }).publish('a', 1))).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
    })
  })

  it('gives up after its time-out', async () => {
    await using server = await scriptedServer(() => ({ silent: true }))
    const client = connectHttp(server.url, { key: 'k', timeoutMs: 50 })
    expect(await rejection(client.publish('a', 1))).toMatchObject({ code: 'timeout', outcome: 'unknown' })
  })

  it('gives up when the caller does, before and while it is under way', async () => {
    const caller = new AbortController()
    await using server = await scriptedServer(() => {
      caller.abort(new Error('enough'))
      return { silent: true }
    })
    const client = connectHttp(server.url, { key: 'k' })
    expect(await rejection(client.read('a', { signal: caller.signal }))).toMatchObject({
      code: 'canceled',
      outcome: 'unknown',
    })
    expect(await rejection(client.read('a', { signal: caller.signal }))).toMatchObject({
      code: 'canceled',
      outcome: 'not-sent',
    })
    expect(server.seen).toHaveLength(1)
  })

  it('ends what is under way when it is closed', async () => {
    const holder: { close?: () => void } = {}
    await using server = await scriptedServer(() => {
      holder.close?.()
      return { silent: true }
    })
    const client = connectHttp(server.url, { key: 'k' })
    holder.close = client.close
    expect(await rejection(client.publish('a', 1))).toMatchObject({ code: 'canceled', outcome: 'unknown' })
    expect(await rejection(client.publish('a', 1))).toMatchObject({ code: 'canceled', outcome: 'not-sent' })
  })

  it('does not carry its credential along a redirect', async () => {
    await using elsewhere = await scriptedServer(() => ({ json: { messages: [], complete: true } }))
    await using server = await scriptedServer(() => ({ status: 302, headers: { location: `${elsewhere.url}/x` } }))
    expect(await rejection(connectHttp(server.url, { key: 'k' }).read('a'))).toMatchObject({ code: 'unavailable' })
    expect(elsewhere.seen).toEqual([])
  })

  it.each([
    ['neither key nor token', 'http://localhost', {}],
    ['both', 'http://localhost', { key: 'k', token: 't' }],
    ['a line break in the key', 'http://localhost', { key: 'k\r\nx: y' }],
    ['another protocol', 'mqtt://localhost', { key: 'k' }],
    ['no url', 'localhost', { key: 'k' }],
    ['a password in the url', 'http://user:pass@localhost', { key: 'k' }],
    ['a query in the url', 'http://localhost/?a=1', { key: 'k' }],
  ])('refuses %s as a mistake in the program, and does not repeat the secret', (_name, url, options) => {
    let thrown: unknown
    try {
      connectHttp(url, options)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(TypeError)
    expect((thrown as TypeError).message).not.toMatch(/x: y|pass@/)
  })
})
