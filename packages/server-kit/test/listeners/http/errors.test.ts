import { type ErrorCode, errorCodes, ThingmeshError } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { errorReply, statusByCode } from '../../../src/listeners/http/errors.ts'
import { asThing, caller } from './caller.ts'

describe('failures', () => {
  it('each have a status of their own class', () => {
    expect(Object.keys(statusByCode)).toEqual([...errorCodes])
    for (const code of errorCodes) {
      const reply = errorReply(new ThingmeshError(code, 'why', { details: { limit: 'x' } }))
      expect(reply.status).toBe(statusByCode[code])
      const { error } = JSON.parse(String(reply.body)) as { error: { code: ErrorCode; message: string } }
      expect(error.code).toBe(code)
      expect(error.message).toBe(code === 'internal' ? 'internal error' : 'why')
      expect('retry-after' in reply.headers).toBe(code === 'rate-limited' || code === 'unavailable')
      expect('www-authenticate' in reply.headers).toBe(code === 'unauthenticated')
    }
  })

  it.each([
    ['nowhere', 404, 'not-found'],
    ['secret', 403, 'permission-denied'],
    ['busy', 503, 'unavailable'],
  ])('from the hub come as they are: %s', async (channel, status, code) => {
    const answer = await caller()('POST', `/channels/${channel}/messages`, { body: 'x' })
    expect([answer.status, answer.json.error.code]).toEqual([status, code])
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '3' : null)
  })

  it('that nobody foresaw say nothing, and are reported', async () => {
    const call = caller()
    const { status, text } = await call('POST', '/channels/broken/messages', { body: 'x' })
    expect([status, JSON.parse(text)]).toEqual([500, { error: { code: 'internal', message: 'internal error' } }])
    expect(call.hub.faults).toEqual([expect.objectContaining({ message: 'a stack of secrets' })])
    expect(call.hub.counters.get('thingmesh_http_requests_total internal')?.value).toBe(1)
  })

  it('of a rejected commit are the answer', async () => {
    const call = caller()
    call.hub.beforeCommit = () => Promise.reject(new ThingmeshError('unavailable', 'the disk is full'))
    const { status, json } = await call('POST', '/channels/a/messages', { body: 'x' })
    expect([status, json.error.message]).toEqual([503, 'the disk is full'])
  })
})

describe('methods', () => {
  it('that a path does not have are refused with those that it has', async () => {
    const call = caller()
    const { status, headers, json } = await call('PUT', '/api/v1/things/a')
    expect([status, headers.get('allow'), json.error.code]).toEqual([
      405,
      'HEAD, OPTIONS, GET, PATCH, DELETE',
      'unsupported',
    ])
    expect((await call('DELETE', '/channels/a/messages/b/c')).headers.get('allow')).toBe(null)
    const options = await call('OPTIONS', '/channels/a/messages/b/c', { authorization: null })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'HEAD, OPTIONS, GET, POST, DELETE'])
  })

  it.each(['/', '/nothing', '/channels/a', '/channels/a/messages/', '/api/v1/things/', '/api/v1/things/a/b', '//'])(
    '%s is not found',
    async path => {
      const { status, json } = await caller()('GET', path)
      expect([status, json.error.code]).toEqual([404, 'not-found'])
    },
  )

  it('HEAD is GET without the body', async () => {
    const { status, text, headers } = await caller()('HEAD', '/health', { authorization: null })
    expect([status, text, headers.get('content-type')]).toEqual([200, '', 'application/health+json'])
  })
})

describe('cross-origin calls', () => {
  const origin = 'https://app.example'
  const preflight = { origin, 'access-control-request-method': 'POST' }

  it('are not let in unless told', async () => {
    const { headers } = await caller()('OPTIONS', '/channels/a/messages', { authorization: null, headers: preflight })
    expect([...headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
  })

  it('are let in from the origins listed', async () => {
    const call = caller({ corsOrigins: [origin] })
    const asked = await call('OPTIONS', '/channels/a/messages', { authorization: null, headers: preflight })
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin)
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST')
    const allowed = asked.headers.get('access-control-allow-headers')?.split(', ')
    // Scripts that read event streams by `fetch`, to set a header, say themselves where they were.
    expect(allowed).toEqual(['authorization', 'content-type', 'idempotency-key', 'last-event-id'])
    const failed = await call('GET', '/channels/a/messages', { authorization: null, headers: { origin } })
    expect([failed.status, failed.headers.get('access-control-allow-origin')]).toEqual([401, origin])
    const other = await call('GET', '/health', { headers: { origin: 'https://evil.example' } })
    expect([other.headers.get('access-control-allow-origin'), other.headers.get('vary')]).toEqual([null, 'origin'])
  })
})

describe('a thing', () => {
  it('has no business in the control api', async () => {
    const { status, json } = await caller()('GET', '/api/v1/things', { authorization: asThing })
    expect([status, json.error.code]).toEqual([403, 'permission-denied'])
  })
})

describe('a request that another site made a browser send', () => {
  const forged = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }
  const publish = { body: 'x', headers: forged, authorization: asThing }

  it('is refused, whatever credentials the browser added', async () => {
    const call = caller()
    expect((await call('POST', '/channels/a/messages', publish)).status).toBe(403)
    expect(call.hub.opened).toEqual([])
    const own = { ...publish, headers: { 'sec-fetch-site': 'same-origin' } }
    expect((await call('POST', '/channels/a/messages', own)).status).toBe(202)
  })

  it('is let in where its origin is', async () => {
    const call = caller({ corsOrigins: ['https://app.example'] })
    const from = (origin: string) => ({ ...publish, headers: { ...forged, origin } })
    expect((await call('POST', '/channels/a/messages', from('https://app.example'))).status).toBe(202)
    expect((await call('POST', '/channels/a/messages', from('https://evil.example'))).status).toBe(403)
  })
})
