import { type Admin, createAdmin } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { createApp } from '../../../src/listeners/http/app.ts'
import { resolveHandlerOptions } from '../../../src/listeners/http/options.ts'
import { caller, type Json } from './caller.ts'
import { fakeHub } from './fake-hub.ts'

async function fetchDocument(basePath = ''): Promise<Json> {
  const { status, json } = await caller({ basePath })('GET', `${basePath}/openapi.json`, { authorization: null })
  expect(status).toBe(200)
  return json
}

interface Operation {
  readonly method: string
  readonly path: string
  readonly operation: Json
}

function operationsOf(document: Json): readonly Operation[] {
  return Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

/** With the names of the parameters in their places. */
async function everyCall(admin: Admin): Promise<void> {
  const { things, channels, grants, keys, tokens, domains, presence } = admin
  await Promise.all([
    ...([things, channels, grants] as const).flatMap((resource, at) => {
      const { create, createMany, list, get, update, remove } = resource as Admin['things']
      const parameter = ['{thing}', '{channel}', '{grant}'][at]!
      return [
        create({ name: 'a' }),
        createMany([]),
        list().next(),
        get(parameter),
        update(parameter, {}),
        remove(parameter),
      ]
    }),
    keys.list('{thing}'),
    keys.create('{thing}'),
    keys.register('{thing}', { publicKey: 'p' }),
    keys.rotate('{thing}'),
    keys.revoke('{thing}', '{key}'),
    tokens.create({ name: 'a', scope: 'admin' }),
    tokens.list().next(),
    tokens.get('{token}'),
    tokens.revoke('{token}'),
    domains.create({ name: 'a' }).catch(() => undefined),
    domains.list().next(),
    presence.list().next(),
    presence.get('{thing}').catch(() => undefined),
    admin.me(),
  ])
}

describe('the OpenAPI document', () => {
  it('has every route of the router, and no other', async () => {
    const { registered } = createApp(fakeHub(), resolveHandlerOptions({ basePath: '/iot' }))
    const routed = registered.map(({ method, path }) => {
      const template = path.replace(/\{[^}]*\}/g, '').replace(/:([a-z]+)/g, '{$1}')
      return `${method} ${template.slice('/iot'.length)}`
    })
    const documented = operationsOf(await fetchDocument('/iot')).map(({ method, path }) => `${method} ${path}`)
    expect(new Set(routed).size).toBe(routed.length)
    expect([...documented].sort()).toEqual([...routed].sort())
    expect(documented.length).toBeGreaterThan(30)
  })

  it('has for each operation a handler, which asks for what the document says it asks for', async () => {
    const call = caller()
    for (const { method, path, operation } of operationsOf(await fetchDocument())) {
      const { status } = await call(method, path.replace(/\{[a-z]+\}/g, 'x'), { authorization: null })
      expect([method, path, status]).toEqual([method, path, operation.security.length === 0 ? 200 : 401])
    }
  })

  it('has the headers that an operation reads beyond those of HTTP', async () => {
    const { paths } = await fetchDocument()
    for (const path of ['/channels/{channel}/messages', '/channels/{channel}/messages/{subtopic}']) {
      const headersOf = (method: string) =>
        paths[path][method].parameters.filter((one: Json) => one.in === 'header').map((one: Json) => one.name)
      expect([headersOf('get'), headersOf('post')]).toEqual([['last-event-id'], ['idempotency-key']])
    }
  })

  it('has nothing of the registry that createAdmin has no call for, and the other way round', async () => {
    const called = new Set<string>()
    const admin = createAdmin('http://hub', {
      token: 't',
      async fetch(url, { method }) {
        called.add(`${method} ${decodeURIComponent(new URL(url).pathname)}`)
        return Response.json({ items: [] })
      },
    })
    await everyCall(admin)
    const documented = operationsOf(await fetchDocument()).map(({ method, path }) => `${method} ${path}`)
    expect([...called].sort()).toEqual(documented.filter(operation => operation.includes(' /api/v1/')).sort())
  })

  it('resolves: every reference, every path parameter, every operation id once', async () => {
    const document = await fetchDocument()
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(match => match[1]!)
    expect(references.length).toBeGreaterThan(30)
    for (const reference of references) {
      const target = reference.split('/').reduce<Json>((at, key) => at?.[key], document)
      expect([reference, typeof target]).toEqual([reference, 'object'])
    }
    const operations = operationsOf(document)
    for (const { path, operation } of operations) {
      const named = operation.parameters.filter((one: Json) => one.in === 'path').map((one: Json) => one.name)
      expect(named).toEqual([...path.matchAll(/\{([a-z]+)\}/g)].map(match => match[1]))
      expect(Object.keys(operation.responses)).toContain('default')
    }
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
    expect(JSON.stringify(document)).not.toContain('$defs')
  })

  it('describes queries by what they mean, and bodies by the schemas that check them', async () => {
    const document = await fetchDocument()
    expect(document.openapi).toBe('3.1.0')
    const query = (path: string, method: string, name: string) =>
      document.paths[path][method].parameters.find((one: Json) => one.in === 'query' && one.name === name)
    expect(query('/channels/{channel}/messages', 'get', 'limit')).toMatchObject({
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 1000 },
    })
    expect(query('/channels/{channel}/messages', 'delete', 'retained')).toMatchObject({ required: true })
    expect(query('/api/v1/things', 'get', 'metadata')).toMatchObject({ style: 'deepObject', explode: true })
    const { post } = document.paths['/api/v1/channels']
    expect(post.requestBody).toEqual({
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/ChannelDraft' } } },
    })
    expect(document.components.schemas.ChannelDraft).toMatchObject({
      type: 'object',
      required: ['name'],
      additionalProperties: false,
      properties: { record: { enum: ['all', 'acked', 'none'] } },
    })
    expect(Object.keys(document.components.securitySchemes)).toEqual(['thing', 'bearer', 'basic'])
    expect(document.info.version).toBe('1.2.3')
  })
})
