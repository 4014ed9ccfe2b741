import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Principal } from '@thingmesh/core'
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type TokenAuthenticatorOptions, tokenAuthenticator } from '../../src/auth/index.ts'
import { codeOf, peer } from '../control/fixture.ts'

const nowSeconds = 1_700_000_000
const nowMs = () => nowSeconds * 1000
const secret = 'a secret of thirty-two bytes, ok'
const principal: Principal = { id: 'user:somebody', kind: 'user', domain: 'default' }

const byToken = (options: Partial<TokenAuthenticatorOptions>) => {
  const authenticate = tokenAuthenticator({ nowMs, toPrincipal: () => principal, ...options })
  return (token: string) => authenticate({ kind: 'token', token }, peer)
}

const signed = (
  change: { claims?: Record<string, unknown>; alg?: string; exp?: number | undefined } = {},
  key: Parameters<SignJWT['sign']>[0] = new TextEncoder().encode(secret),
) =>
  new SignJWT({ sub: 'somebody', ...('exp' in change ? {} : { exp: nowSeconds + 60 }), ...change.claims })
    .setProtectedHeader({ alg: change.alg ?? 'HS256' })
    .sign(key)

describe('tokens signed with a shared secret', () => {
  it('stand for whom their claims say, until they end', async () => {
    const seen: unknown[] = []
    const prove = byToken({
      secret,
      toPrincipal: claims => {
        seen.push(claims)
        return { ...principal, id: `user:${claims.sub}` }
      },
    })
    expect(await prove(await signed())).toEqual({
      ...principal,
      id: 'user:somebody',
      expiresAtMs: (nowSeconds + 60 + 30) * 1000,
    })
    expect(seen).toEqual([{ sub: 'somebody', exp: nowSeconds + 60 }])
  })

  it('keep an earlier end that the principal has', async () => {
    const prove = byToken({ secret, toPrincipal: () => ({ ...principal, expiresAtMs: 5 }) })
    expect(await prove(await signed())).toMatchObject({ expiresAtMs: 5 })
  })

  it('may come as a password', async () => {
    const authenticate = tokenAuthenticator({ secret, nowMs, toPrincipal: () => principal })
    const credential = { kind: 'key', identity: 'somebody', secret: await signed() } as const
    expect(await authenticate(credential, peer)).toMatchObject(principal)
  })

  it('are refused where anything is wrong', async () => {
    const prove = byToken({ secret, issuer: 'https://issuer', audience: ['hub', 'mesh'] })
    const claims = { iss: 'https://issuer', aud: 'hub' }
    const good = await signed({ claims })
    expect(await prove(good)).toMatchObject(principal)
    expect(await prove(await signed({ claims: { ...claims, aud: ['x', 'mesh'] } }))).toMatchObject(principal)
    const [head, body, signature] = good.split('.')
    const refused: Record<string, string> = {
      'no end': await signed({ claims, exp: undefined }),
      'an end that is no number': await signed({ claims: { ...claims, exp: 'tomorrow' as unknown as number } }),
      ended: await signed({ claims: { ...claims, exp: nowSeconds - 31 } }),
      'not begun': await signed({ claims: { ...claims, nbf: nowSeconds + 31 } }),
      'another audience': await signed({ claims: { ...claims, aud: 'other' } }),
      'no audience': await signed({ claims: { iss: claims.iss } }),
      'another secret': await signed({ claims }, new TextEncoder().encode(secret.replace('ok', 'no'))),
      'no signature': new UnsecuredJWT({ ...claims, exp: nowSeconds + 60 }).encode(),
      'a signature cut off': `${head}.${body}.`,
      'a signature cut short': `${head}.${body}.${signature!.slice(0, -4)}`,
      'another body': `${head}.${Buffer.from(JSON.stringify({ ...claims, exp: 9e9 })).toString('base64url')}.${signature}`,
      'too long': `${good}${'A'.repeat(16_384)}`,
    }
    for (const [what, token] of Object.entries(refused)) {
      await expect(prove(token), what).rejects.toMatchObject({
        code: 'unauthenticated',
        message: 'the credential is not valid',
        details: {},
      })
    }
  })

  it('bear clocks that differ a little', async () => {
    const prove = byToken({ secret })
    expect(await prove(await signed({ claims: { exp: nowSeconds - 29 } }))).toMatchObject(principal)
    const exact = byToken({ secret, clockToleranceSeconds: 0 })
    expect(await codeOf(exact(await signed({ claims: { exp: nowSeconds - 1 } })))).toBe('unauthenticated')
  })

  it('are refused where the claims stand for nobody', async () => {
    const prove = byToken({ secret, toPrincipal: () => undefined })
    expect(await codeOf(prove(await signed()))).toBe('unauthenticated')
  })

  it('are left to others where they are no JWT, or another issuer’s', async () => {
    const prove = byToken({ secret, issuer: 'https://issuer' })
    expect(await prove(await signed({ claims: { iss: 'https://other' } }))).toBeUndefined()
    expect(await prove(await signed())).toBeUndefined()
    expect(await prove('tmt_0_x')).toBeUndefined()
    expect(await prove('')).toBeUndefined()
    expect(await prove('eyJ.%.x')).toBeUndefined()
    const authenticate = tokenAuthenticator({ secret, toPrincipal: () => principal })
    expect(await authenticate({ kind: 'anonymous' }, peer)).toBeUndefined()
    expect(await authenticate({ kind: 'key', secret: 'password' }, peer)).toBeUndefined()
  })

  it('use an algorithm that the secret is long enough for', async () => {
    const long = new Uint8Array(48).fill(7)
    const prove = byToken({ secret: long })
    expect(await prove(await signed({ alg: 'HS384' }, long))).toMatchObject(principal)
    expect(await codeOf(prove(await signed({ alg: 'HS512' }, new Uint8Array(64).fill(7))))).toBe('unauthenticated')
    const narrow = byToken({ secret: long, algorithms: ['HS256'] })
    expect(await codeOf(narrow(await signed({ alg: 'HS384' }, long)))).toBe('unauthenticated')
  })
})

describe('tokens signed with a private key', () => {
  const pair = async (alg: string, kid: string) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
  }

  it('are checked with the keys given', async () => {
    const es = await pair('ES256', 'one')
    const ed = await pair('EdDSA', 'two')
    const stranger = await pair('ES256', 'one')
    const prove = byToken({ jwks: { keys: [es.jwk, ed.jwk] } })
    expect(await prove(await signed({ alg: 'ES256' }, es.privateKey))).toMatchObject(principal)
    expect(await prove(await signed({ alg: 'EdDSA' }, ed.privateKey))).toMatchObject(principal)
    expect(await codeOf(prove(await signed({ alg: 'ES256' }, stranger.privateKey)))).toBe('unauthenticated')
    expect(await codeOf(prove(new UnsecuredJWT({ exp: nowSeconds + 60 }).encode()))).toBe('unauthenticated')
  })

  it('cannot be made with the public key as a shared secret', async () => {
    const rs = await pair('RS256', 'one')
    const shared = Buffer.from(JSON.stringify(rs.jwk))
    const oct = { kty: 'oct', k: shared.toString('base64url'), kid: 'one' }
    const prove = byToken({ jwks: { keys: [rs.jwk, oct] } as JSONWebKeySet })
    expect(await codeOf(prove(await signed({ alg: 'HS256' }, shared)))).toBe('unauthenticated')
    expect(await prove(await signed({ alg: 'RS256' }, rs.privateKey))).toMatchObject(principal)
  })

  it('are checked with keys that are fetched; without them the answer is to try again', async () => {
    const es = await pair('ES256', 'one')
    let answers = false
    const server = createServer((_, response) => {
      response.writeHead(answers ? 200 : 503, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ keys: [es.jwk] }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
      const prove = byToken({ jwks: url })
      const token = await signed({ alg: 'ES256' }, es.privateKey)
      await expect(prove(token)).rejects.toMatchObject({ code: 'unavailable', retryable: true })
      answers = true
      expect(await prove(token)).toMatchObject(principal)
      const stranger = await pair('RS256', 'two')
      expect(await codeOf(prove(await signed({ alg: 'RS256' }, stranger.privateKey)))).toBe('unauthenticated')
    } finally {
      await new Promise(resolve => server.close(resolve))
    }
  })
})

describe('options that do not go together', () => {
  const wrong: readonly (readonly [string, Partial<TokenAuthenticatorOptions>])[] = [
    ['neither keys nor a secret', {}],
    ['both', { secret, jwks: { keys: [] } }],
    ['a secret of 31 bytes', { secret: secret.slice(1) }],
    ['bytes that are too few', { secret: new Uint8Array(31) }],
    ['an asymmetric algorithm with a secret', { secret, algorithms: ['RS256'] }],
    ['HS512 with a secret of 32 bytes', { secret, algorithms: ['HS512'] }],
    ['HS256 with public keys', { jwks: { keys: [] }, algorithms: ['HS256'] }],
    ['none', { secret, algorithms: ['none'] }],
    ['no algorithm', { secret, algorithms: [] }],
    ['keys from afar without TLS', { jwks: 'http://issuer.example/jwks.json' }],
    ['keys from a file', { jwks: new URL('file:///etc/jwks.json') }],
    ['keys from nowhere', { jwks: 'issuer' }],
    ['keys that are none', { jwks: { keys: 'x' } as unknown as JSONWebKeySet }],
  ]
  for (const [what, options] of wrong) {
    it(`are refused: ${what}`, () => {
      expect(() => tokenAuthenticator({ toPrincipal: () => principal, ...options })).toThrow(TypeError)
    })
  }
})
