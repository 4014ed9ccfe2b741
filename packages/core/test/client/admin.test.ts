import { describe, expect, it } from 'vitest'
import { createAdmin } from '../../src/client/index.ts'
import { rejection, scriptedServer } from './scripted-server.ts'

describe('the registry over http', () => {
  it('makes, reads, changes and removes by id or name', async () => {
    await using server = await scriptedServer(request =>
      request.method === 'DELETE' ? { status: 204 } : { status: 201, json: { id: 'abc', name: 'sensor 1' } },
    )
    const { things } = createAdmin(server.url, { token: 'admin-token' })
    expect(await things.create({ name: 'sensor 1', tags: ['greenhouse'] })).toMatchObject({ id: 'abc' })
    await things.get('sensor 1')
    await things.update('abc', { enabled: false })
    expect(await things.remove('sensor 1')).toBe(undefined)
    expect(server.seen.map(({ method, path, body }) => [method, path, body.toString()])).toEqual([
      ['POST', '/api/v1/things', '{"name":"sensor 1","tags":["greenhouse"]}'],
      ['GET', '/api/v1/things/sensor%201', ''],
      ['PATCH', '/api/v1/things/abc', '{"enabled":false}'],
      ['DELETE', '/api/v1/things/sensor%201', ''],
    ])
    expect(new Set(server.seen.map(request => request.authorization))).toEqual(new Set(['Bearer admin-token']))
  })

  it('reads times as the model has them, of the key that comes with a thing as well', async () => {
    const times = { createdAt: '2026-11-23T10:00:00.000Z', updatedAt: '2026-11-23T10:00:01.000Z' }
    const json = { id: 'abc', ...times, key: { id: 'k', secret: 's', ...times, expiresAt: '2026-11-23T10:00:02.000Z' } }
    await using server = await scriptedServer(() => ({ status: 201, json }))
    const createdAtMs = Date.UTC(2026, 10, 23, 10)
    const model = { createdAtMs, updatedAtMs: createdAtMs + 1000 }
    expect(await createAdmin(server.url, { token: 't' }).things.create({ name: 'a' })).toEqual({
      id: 'abc',
      ...model,
      key: { id: 'k', secret: 's', ...model, expiresAtMs: createdAtMs + 2000 },
    })
  })

  it('asks for metadata such that texts stay texts', async () => {
    await using server = await scriptedServer(() => ({ json: { items: [] } }))
    const { things } = createAdmin(server.url, { token: 't' })
    await things.list({ metadata: { site: 'a b', floor: 3, level: '3' } }).next()
    expect(Object.fromEntries(server.seen[0]?.query ?? [])).toEqual({
      'metadata[site]': '"a b"',
      'metadata[floor]': '3',
      'metadata[level]': '"3"',
    })
  })

  it('goes through every page, and asks for the next only when it is needed', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    await using server = await scriptedServer(({ query }) => {
      const start = Number(query.get('cursor') ?? 0)
      const end = start + Number(query.get('limit'))
      const items = names.slice(start, end).map(name => ({ name }))
      return { json: end < names.length ? { items, next: String(end) } : { items } }
    })
    const { channels } = createAdmin(server.url, { token: 't' })
    const found: string[] = []
    for await (const channel of channels.list({ pageSize: 2, tag: 'x', name: 'pre' })) found.push(channel.name)
    expect(found).toEqual(names)
    expect(server.seen.map(request => Object.fromEntries(request.query))).toEqual([
      { limit: '2', tag: 'x', name: 'pre' },
      { limit: '2', tag: 'x', name: 'pre', cursor: '2' },
      { limit: '2', tag: 'x', name: 'pre', cursor: '4' },
    ])
    for await (const channel of channels.list({ pageSize: 2 })) {
      expect(channel.name).toBe('a')
      break
    }
    expect(server.seen).toHaveLength(4)
  })

  it('keeps keys below their thing', async () => {
    await using server = await scriptedServer(request =>
      request.method === 'GET' ? { json: { items: [{ id: 'k1' }] } } : { status: 201, json: { id: 'k2', secret: 's' } },
    )
    const { keys } = createAdmin(server.url, { token: 't' })
    expect(await keys.list('a/b')).toEqual([{ id: 'k1' }])
    expect(await keys.create('sensor', { expiresInSeconds: 60 })).toEqual({ id: 'k2', secret: 's' })
    await keys.register('sensor', { publicKey: 'k', expiresInSeconds: 60 })
    await keys.rotate('sensor', { graceSeconds: 5 })
    await keys.revoke('sensor', 'k1')
    expect(server.seen.map(({ method, path, body }) => [method, path, body.toString()])).toEqual([
      ['GET', '/api/v1/things/a%2Fb/keys', ''],
      ['POST', '/api/v1/things/sensor/keys', '{"expiresInSeconds":60}'],
      ['POST', '/api/v1/things/sensor/keys', '{"publicKey":"k","expiresInSeconds":60}'],
      ['POST', '/api/v1/things/sensor/keys/rotate', '{"graceSeconds":5}'],
      ['DELETE', '/api/v1/things/sensor/keys/k1', ''],
    ])
  })

  it('tells the hub’s refusals', async () => {
    const error = { code: 'conflict', message: 'a thing of that name exists' }
    await using server = await scriptedServer(() => ({ status: 409, json: { error } }))
    const { things } = createAdmin(server.url, { token: 't' })
    expect(await rejection(things.create({ name: 'a' }))).toMatchObject({ ...error, outcome: 'rejected' })
    expect(await rejection(things.list().next())).toMatchObject({ code: 'conflict' })
  })

  it('never asks for a whole collection where one item is meant', async () => {
    await using server = await scriptedServer(() => ({ status: 204 }))
    const { things, keys } = createAdmin(server.url, { token: 't' })
    for (const id of ['', '.', '..']) {
      expect(await rejection(things.remove(id))).toMatchObject({ code: 'invalid-argument', outcome: 'not-sent' })
      expect(await rejection(keys.revoke('a', id))).toMatchObject({ code: 'invalid-argument', outcome: 'not-sent' })
    }
    expect(server.seen).toEqual([])
  })

  it('says who it is, and makes domains with their first token', async () => {
    const times = { createdAt: '2026-11-23T10:00:00.000Z', updatedAt: '2026-11-23T10:00:01.000Z' }
    await using server = await scriptedServer(({ path }) =>
      path === '/api/v1/me'
        ? { json: { id: 'user:1', kind: 'user', domain: 'default', control: 'read' } }
        : { status: 201, json: { id: 'd', name: 'acme', ...times, token: { id: 't', secret: 's', ...times } } },
    )
    const admin = createAdmin(server.url, { token: 't' })
    expect(await admin.me()).toMatchObject({ id: 'user:1', control: 'read' })
    const made = await admin.domains.create({ name: 'acme' })
    expect(made).toMatchObject({ name: 'acme', token: { secret: 's', createdAtMs: Date.UTC(2026, 10, 23, 10) } })
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/v1/me',
      'POST /api/v1/domains',
    ])
  })
})

describe('presence over http', () => {
  const wire = {
    principal: 'thing:1',
    kind: 'thing',
    connections: [{ protocol: 'mqtt', connectedAt: '2026-11-23T10:00:00.000Z' }],
    lastSeenAt: '2026-11-23T10:00:01.000Z',
    lastProtocol: 'mqtt',
  }
  const model = {
    principal: 'thing:1',
    kind: 'thing',
    connections: [{ protocol: 'mqtt', clientId: '', connectedAtMs: Date.UTC(2026, 10, 23, 10) }],
    lastSeenAtMs: Date.UTC(2026, 10, 23, 10, 0, 1),
    lastProtocol: 'mqtt',
  }
  const event = (update: object) => `data: ${JSON.stringify(update)}\n\n`

  it('is followed over breaks, each of which is told, and begins anew', async () => {
    await using server = await scriptedServer((_request, index) =>
      index === 0
        ? {
            text: `retry: 2000\n\n${event({ reset: true, items: [wire], gone: [] })}${event({ reset: false, items: [], gone: ['thing:2'] })}`,
          }
        : index === 1
          ? { hangUp: true }
          : { text: event({ reset: true, items: [], gone: [] }) },
    )
    const { presence } = createAdmin(server.url, { token: 't' })
    const retries: string[] = []
    const updates = []
    const backoff = { firstMs: 1, maxMs: 1 }
    for await (const update of presence.follow({ backoff, onRetry: ({ code }) => void retries.push(code) })) {
      updates.push(update)
      if (updates.length === 3) break
    }
    expect(updates).toEqual([
      { reset: true, items: [model], gone: [] },
      { reset: false, items: [], gone: ['thing:2'] },
      { reset: true, items: [], gone: [] },
    ])
    expect(retries).toEqual(['unavailable', 'unavailable'])
    expect(server.seen[0]?.headers.accept).toBe('text/event-stream')
  })

  it('ends with the signal and with the client, and throws what another attempt would not change', async () => {
    await using refusing = await scriptedServer(() => ({
      status: 403,
      json: { error: { code: 'permission-denied', message: 'no' } },
    }))
    const refused = createAdmin(refusing.url, { token: 't' }).presence.follow()
    expect(await rejection(refused.next())).toMatchObject({ code: 'permission-denied' })
    await using silent = await scriptedServer(() => ({ silent: true }))
    const admin = createAdmin(silent.url, { token: 't' })
    const stop = new AbortController()
    const stopped = admin.presence.follow({ signal: stop.signal }).next()
    stop.abort()
    expect(await stopped).toEqual({ done: true, value: undefined })
    const closed = admin.presence.follow().next()
    admin.close()
    expect(await closed).toEqual({ done: true, value: undefined })
  })

  it('is gone through in pages', async () => {
    await using server = await scriptedServer(({ query }) => ({
      json: query.has('cursor') ? { items: [] } : { items: [wire], next: '7' },
    }))
    const found = []
    for await (const item of createAdmin(server.url, { token: 't' }).presence.list({ connected: true, pageSize: 1 }))
      found.push(item)
    expect(found).toEqual([model])
    expect(server.seen.map(({ query }) => query.toString())).toEqual([
      'limit=1&connected=true',
      'limit=1&connected=true&cursor=7',
    ])
  })
})
