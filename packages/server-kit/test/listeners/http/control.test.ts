import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import * as schemas from '../../../src/listeners/http/schemas.ts'
import { asThing, caller } from './caller.ts'
import { secrets } from './fake-hub.ts'

const id = /^[0-9a-f]{32}$/

describe('things', () => {
  it('are created with a key that is shown this once', async () => {
    const call = caller({ basePath: '/iot' })
    const body = { name: 'sensor', metadata: { floor: 3 }, tags: ['lab'] }
    const { status, json, headers } = await call('POST', '/iot/api/v1/things', { body })
    expect(status).toBe(201)
    expect(json).toMatchObject({ ...body, id: expect.stringMatching(id), enabled: true })
    expect(json.key).toMatchObject({ id: expect.stringMatching(id), secret: expect.stringContaining('secret-') })
    expect(headers.get('location')).toBe(`/iot/api/v1/things/${json.id}`)
    v.parse(schemas.newThing, json)
    const { json: found } = await call('GET', headers.get('location')!)
    v.parse(schemas.thing, found)
    expect(found.key).toBeUndefined()
  })

  it('are found by id or name, changed, and deleted', async () => {
    const call = caller()
    const { json: made } = await call('POST', '/api/v1/things', { body: { name: 'a b' } })
    expect((await call('GET', '/api/v1/things/a%20b')).json.id).toBe(made.id)
    const changed = await call('PATCH', `/api/v1/things/${made.id}`, { body: { enabled: false } })
    expect([changed.status, changed.json.enabled, changed.json.name]).toEqual([200, false, 'a b'])
    const merged = await call('PATCH', '/api/v1/things/a%20b', {
      body: '{"tags":["x"]}',
      headers: { 'content-type': 'application/merge-patch+json' },
    })
    v.parse(schemas.thing, merged.json)
    const gone = await call('DELETE', `/api/v1/things/${made.id}`)
    expect([gone.status, gone.text]).toEqual([204, ''])
    expect((await call('GET', `/api/v1/things/${made.id}`)).status).toBe(404)
  })

  it('are listed in pages, by name, tag and metadata', async () => {
    const call = caller()
    const items = [
      { name: 'a1', tags: ['x'], metadata: { floor: 3, room: '3' } },
      { name: 'a2', tags: ['y'], metadata: { floor: '3' } },
      { name: 'b1', tags: ['x'] },
    ]
    const made = await call('POST', '/api/v1/things/bulk', { body: { items } })
    expect(made.status).toBe(201)
    v.parse(schemas.listOf(schemas.newThing), made.json)
    const names = async (query: string) => {
      const { json } = await call('GET', `/api/v1/things?${query}`)
      v.parse(schemas.pageOf(schemas.thing), json)
      return json.items.map((thing: { name: string }) => thing.name)
    }
    expect(await names('')).toEqual(['a1', 'a2', 'b1'])
    expect(await names('name=a')).toEqual(['a1', 'a2'])
    expect(await names('tag=x&name=a')).toEqual(['a1'])
    expect(await names('metadata[floor]=3')).toEqual(['a1'])
    expect(await names('metadata%5Bfloor%5D=%223%22')).toEqual(['a2'])
    expect(await names('metadata[room]=%223%22&metadata[floor]=3')).toEqual(['a1'])
    const { json: page } = await call('GET', '/api/v1/things?limit=2')
    expect(page.items.length).toBe(2)
    expect(await names(`limit=2&cursor=${page.next}`)).toEqual(['b1'])
  })

  it.each([
    ['no name', {}, 'body.name: found nothing, allowed is a value'],
    ['a misspelt name', { nam: 'x' }, 'body.nam: found an unknown member, allowed is none of that name'],
    ['an empty name', { name: '' }, 'body.name: found a string of 0, allowed is a string of at least 1'],
    ['a number as name', { name: 5 }, 'body.name: found 5, allowed is string'],
    ['an unknown member', { name: 'a', nmae: 1 }, 'body.nmae: found an unknown member, allowed is none of that name'],
    ['a tag of another type', { name: 'a', tags: ['x', null] }, 'body.tags[1]: found null, allowed is string'],
    ['an array as metadata', { name: 'a', metadata: [] }, 'body.metadata: found an array of 0, allowed is an object'],
    ['a text', '"x"', 'body: found a string of 1, allowed is Object'],
    ['a forbidden key', '{"name":"a","metadata":{"__proto__":1}}', 'data has the key __proto__, which is not allowed'],
    ['no body', '', 'body: found nothing, allowed is Object'],
    ['half a body', '{"name":', 'payload is not valid json'],
  ])('refuse %s', async (_what, body, message) => {
    const headers = { 'content-type': 'application/json' }
    const { status, json } = await caller()('POST', '/api/v1/things', { body, headers })
    expect(json.error.message).toBe(message)
    expect(status).toBe(400)
  })

  it('refuse more than 1,000 at once, and a body that is not JSON', async () => {
    const call = caller()
    const items = Array.from({ length: 1001 }, (_, index) => ({ name: `t${index}` }))
    const many = await call('POST', '/api/v1/things/bulk', { body: { items } })
    expect(many.json.error.message).toBe('body.items: found an array of 1001, allowed is an array of at most 1000')
    const inner = await call('POST', '/api/v1/things/bulk', { body: { items: [{ name: 'a' }, { name: 7 }] } })
    expect(inner.json.error.details).toEqual({ path: 'body.items[1].name', found: '7', allowed: 'string' })
    const misspelt = await call('POST', '/api/v1/things/bulk', { body: { items: [{ name: 'a' }, { nam: 'b' }] } })
    expect(misspelt.json.error.details).toMatchObject({ path: 'body.items[1].nam', found: 'an unknown member' })
    const form = { body: 'name=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
    const { status, json } = await call('POST', '/api/v1/things', form)
    expect([status, json.error.code]).toEqual([415, 'unsupported'])
  })

  it('conflict over a name', async () => {
    const call = caller()
    await call('POST', '/api/v1/things', { body: { name: 'a' } })
    const { status, json } = await call('POST', '/api/v1/things', { body: { name: 'a' } })
    expect([status, json.error]).toEqual([409, { code: 'conflict', message: 'the name is taken' }])
  })
})

describe('keys', () => {
  it('are created, rotated, listed without secrets, and revoked', async () => {
    const call = caller()
    const { json: thing } = await call('POST', '/api/v1/things', { body: { name: 'a' } })
    const path = `/api/v1/things/${thing.id}/keys`
    const created = await call('POST', path)
    v.parse(schemas.newKey, created.json)
    expect([created.status, created.headers.get('location')]).toEqual([201, `${path}/${created.json.id}`])
    const rotated = await call('POST', `${path}/rotate`, { body: { graceSeconds: 60 } })
    v.parse(schemas.newKey, rotated.json)
    const { json: list, text } = await call('GET', path)
    v.parse(schemas.listOf(schemas.key), list)
    expect(list.items.length).toBe(3)
    expect(text).not.toMatch(/"secret":|hash/)
    expect((await call('DELETE', `${path}/${created.json.id}`)).status).toBe(204)
    expect((await call('DELETE', `${path}/${created.json.id}`)).status).toBe(404)
    expect((await call('POST', path, { body: { expiresInSeconds: 0 } })).status).toBe(400)
  })

  it('may be public ones, which come with no secret', async () => {
    const call = caller()
    const { json: thing } = await call('POST', '/api/v1/things', { body: { name: 'a' } })
    const path = `/api/v1/things/${thing.id}/keys`
    const publicKey = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    const { status, json, headers } = await call('POST', path, { body: { publicKey, expiresInSeconds: 60 } })
    v.parse(schemas.key, json)
    v.parse(schemas.addedKey, json)
    expect([status, headers.get('location')]).toEqual([201, `${path}/${json.id}`])
    expect(json).toMatchObject({ kind: 'public-key', publicKey })
    const { json: list } = await call('GET', path)
    v.parse(schemas.listOf(schemas.key), list)
    expect(list.items.at(-1)).toEqual(json)
    for (const wrong of ['', publicKey.slice(1), 5, `${publicKey}=`]) {
      expect((await call('POST', path, { body: { publicKey: wrong } })).status).toBe(400)
    }
  })
})

describe('channels, grants, tokens, domains', () => {
  it('answer as they are documented', async () => {
    const call = caller()
    const check = async (
      method: string,
      path: string,
      body: object | undefined,
      status: number,
      schema: v.GenericSchema,
    ) => {
      const answer = await call(method, path, body === undefined ? {} : { body })
      expect([path, answer.status, answer.json?.error]).toEqual([path, status, undefined])
      v.parse(schema, answer.json)
      return answer.json
    }
    const channel = {
      name: 'telemetry',
      record: 'acked',
      retention: { maxAgeSeconds: 60, bytesMax: 1024 },
      metadata: {},
    }
    const made = await check('POST', '/api/v1/channels', channel, 201, schemas.channel)
    expect(made).toMatchObject(channel)
    await check('PATCH', '/api/v1/channels/telemetry', { record: 'none' }, 200, schemas.channel)
    await check('GET', '/api/v1/channels?name=tele', undefined, 200, schemas.pageOf(schemas.channel))
    await check('POST', '/api/v1/channels/bulk', { items: [{ name: 'b' }] }, 201, schemas.listOf(schemas.channel))
    const grant = { thing: 'sensor', channel: 'telemetry', actions: ['publish', 'read'] }
    const { id } = await check('POST', '/api/v1/grants', grant, 201, schemas.grant)
    await check('PATCH', `/api/v1/grants/${id}`, { pattern: 'a/#' }, 200, schemas.grant)
    await check('GET', '/api/v1/grants?thing=sensor&channel=telemetry', undefined, 200, schemas.pageOf(schemas.grant))
    const scope = { channels: ['telemetry'] }
    const token = await check('POST', '/api/v1/tokens', { name: 'app', scope }, 201, schemas.newToken)
    await check('GET', `/api/v1/tokens/${token.id}`, undefined, 200, schemas.token)
    await check('GET', '/api/v1/tokens', undefined, 200, schemas.pageOf(schemas.token))
    expect((await call('DELETE', `/api/v1/tokens/${token.id}`)).status).toBe(204)
    await check('POST', '/api/v1/domains', { name: 'acme' }, 201, schemas.newDomain)
    await check('GET', '/api/v1/domains', undefined, 200, schemas.pageOf(schemas.domain))
  })

  it.each([
    [
      '/api/v1/channels',
      { name: 'a', record: 'some' },
      'body.record: found "some", allowed is ("all" | "acked" | "none")',
    ],
    ['/api/v1/channels', { name: 'a', retention: { maxAgeSeconds: 1.5 } }, 'body.retention.maxAgeSeconds: found 1.5'],
    ['/api/v1/grants', { thing: 'a', channel: 'b', actions: [] }, 'body.actions: found an array of 0'],
    ['/api/v1/grants', { thing: 'a', channel: 'b', actions: ['fly'] }, 'body.actions[0]: found "fly"'],
    ['/api/v1/tokens', { name: 'a', scope: 'root' }, 'body.scope: found "root"'],
    ['/api/v1/tokens', { name: 'a', scope: { channels: [1] } }, 'body.scope.channels[0]: found 1, allowed is string'],
  ])('%s refuses what it does not know', async (path, body, message) => {
    const { status, json } = await caller()('POST', path, { body })
    expect(json.error.message).toContain(message)
    expect(status).toBe(400)
  })
})

describe('what the hub says of itself', () => {
  it('me, without the credential', async () => {
    const { json } = await caller()('GET', '/api/v1/me')
    v.parse(schemas.principal, json)
    expect(json).toEqual({
      id: 'user:1',
      kind: 'user',
      domain: 'default',
      control: 'admin',
      expiresAt: '2100-01-01T00:00:00.000Z',
    })
  })

  it('health, to anybody', async () => {
    const call = caller()
    const { status, json, headers } = await call('GET', '/health', { authorization: null })
    expect([status, headers.get('content-type')]).toEqual([200, 'application/health+json'])
    v.parse(schemas.health, json)
    call.hub.health = { status: 'fail', version: '1', checks: { store: { status: 'fail', output: 'disk full' } } }
    const failing = await call('GET', '/health', { authorization: null, headers: { accept: 'application/json' } })
    expect([failing.status, failing.json.checks.store.output]).toEqual([503, 'disk full'])
    expect(call.hub.opened).toEqual([])
  })

  it('metrics, in the text format, to a control scope', async () => {
    const call = caller()
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
    const authorization = `Bearer ${secrets.reader}`
    const { status, text, headers } = await call('GET', '/metrics', { headers: { accept }, authorization })
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    expect(text).toBe(
      [
        '# HELP thingmesh_test_total A back\\\\slash and a\\nline.',
        '# TYPE thingmesh_test_total counter',
        'thingmesh_test_total{reason="a \\"quoted\\"\\nback\\\\slash"} 3',
        '# HELP thingmesh_test_seconds A histogram.',
        '# TYPE thingmesh_test_seconds histogram',
        'thingmesh_test_seconds_bucket{le="+Inf"} +Inf',
        'thingmesh_test_seconds_sum 0.5',
        '',
      ].join('\n'),
    )
    expect((await call('GET', '/metrics', { authorization: asThing })).status).toBe(403)
    expect((await call('GET', '/metrics', { authorization: null })).status).toBe(401)
  })
})
