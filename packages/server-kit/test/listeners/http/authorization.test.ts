import { isThingmeshError } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAuthorization } from '../../../src/listeners/http/authorization.ts'
import { asThing, caller } from './caller.ts'
import { secrets } from './fake-hub.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('credentials', () => {
  it.each([
    ['Thing abc', { kind: 'key', secret: 'abc' }],
    ['thing abc', { kind: 'key', secret: 'abc' }],
    ['Bearer a.b-c_d~e+f/g==', { kind: 'token', token: 'a.b-c_d~e+f/g==' }],
    [basic('sensor:abc'), { kind: 'key', identity: 'sensor', secret: 'abc' }],
    [basic(':abc'), { kind: 'key', secret: 'abc' }],
    [basic('a:b:c'), { kind: 'key', identity: 'a', secret: 'b:c' }],
    [basic('fühler:ä'), { kind: 'key', identity: 'fühler', secret: 'ä' }],
  ])('%s', (header, credential) => {
    expect(parseAuthorization(header)).toEqual(credential)
  })

  it.each([
    null,
    '',
    'Thing',
    'Thing ',
    'Bearer a b',
    'Thing abc, Bearer def',
    'Digest abc',
    'abc',
    'Basic ',
    'Basic !!',
    basic('sensor'),
    basic('sensor:'),
    `Basic ${Buffer.from([0xff, 0x3a, 0x61]).toString('base64')}`,
  ])('%s is refused', async header => {
    const call = caller()
    const { status, json, headers } = await call('GET', '/api/v1/me', { authorization: header })
    expect([status, json.error.code]).toEqual([401, 'unauthenticated'])
    expect(headers.get('www-authenticate')).toBe('Bearer realm="thingmesh", Thing realm="thingmesh"')
    expect(call.hub.opened).toEqual([])
  })

  it('whatever comes is a credential or refused, and never told again', () => {
    fc.assert(
      fc.property(fc.constantFrom('Thing ', 'Basic ', 'Bearer ', ''), fc.string(), (scheme, rest) => {
        try {
          expect(parseAuthorization(scheme + rest).kind).toMatch(/^(key|token)$/)
        } catch (error) {
          expect(isThingmeshError(error) && error.code).toBe('unauthenticated')
          if (rest.length > 12) expect((error as Error).message).not.toContain(rest)
        }
      }),
    )
  })

  it('name and key must fit', async () => {
    const call = caller()
    const me = async (authorization: string) => (await call('GET', '/api/v1/me', { authorization })).status
    expect(await me(basic(`sensor:${secrets.thing}`))).toBe(200)
    expect(await me(basic(`other:${secrets.thing}`))).toBe(401)
    expect(await me(`Thing ${secrets.admin}x`)).toBe(401)
  })
})

describe('the peer', () => {
  it('is who connected, unless a proxy is trusted to say it', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.9, ::ffff:192.0.2.7' }
    const peer = { address: '127.0.0.1', port: 9 }
    const seen = async (trustProxy: boolean, forwarded: Record<string, string>) => {
      const call = caller({ trustProxy })
      await call('GET', '/api/v1/me', { authorization: asThing, headers: forwarded, peer })
      return call.hub.opened[0]!.hello.peer
    }
    expect(await seen(false, headers)).toEqual(peer)
    expect(await seen(true, headers)).toEqual({ address: '192.0.2.7' })
    expect(await seen(true, { 'x-forwarded-for': 'nonsense' })).toEqual(peer)
    expect(await seen(true, {})).toEqual(peer)
  })
})
