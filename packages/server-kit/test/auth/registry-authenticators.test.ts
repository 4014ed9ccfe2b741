import { describe, expect, it } from 'vitest'
import { authenticateAll, keyAuthenticator, operatorTokenAuthenticator } from '../../src/auth/index.ts'
import type { Authenticate, Credential } from '../../src/contracts/index.ts'
import { codeOf, createThing, peer, startRegistry } from '../control/fixture.ts'

const start = async () => {
  const fixture = await startRegistry()
  const { control, registry } = fixture
  const thing = await createThing(control, { name: 'sensor' })
  const token = await control.tokens.create({ name: 'ops', scope: 'admin' })
  const authenticate = authenticateAll([
    keyAuthenticator(registry.credentials),
    operatorTokenAuthenticator(registry.credentials),
  ])
  return { ...fixture, thing, token, authenticate }
}

/** Every difference that a peer could see between two refusals. */
const refusalOf = async (authenticate: Authenticate, credential: Credential) => {
  const error = await authenticate(credential, peer).catch((thrown: unknown) => thrown)
  const { code, message, details, retryAfterSeconds, cause } = error as Record<string, unknown>
  return { code, message, details, retryAfterSeconds, cause }
}

describe('keys of things', () => {
  it('prove their thing: with its name, its id, or nothing', async () => {
    const { thing, byKey } = await start()
    const domain = { domain: 'default', domainName: 'default' }
    const principal = { id: `thing:${thing.id}`, kind: 'thing', ...domain, credentialId: thing.key.id }
    const { secret } = thing.key
    for (const identity of ['sensor', thing.id, undefined]) {
      expect(await byKey({ kind: 'key', identity, secret }, peer)).toEqual(principal)
    }
  })

  it('carry their end', async () => {
    const { control, clock, byKey } = await start()
    const { secret } = await control.keys.create('sensor', { expiresInSeconds: 60 })
    expect(await byKey({ kind: 'key', secret }, peer)).toMatchObject({ expiresAtMs: clock.nowMs + 60_000 })
  })

  it('are refused with one and the same answer, whatever is wrong', async () => {
    const { control, clock, thing, token, authenticate } = await start()
    const { secret } = thing.key
    const other = await createThing(control, { name: 'other' })
    const disabled = await createThing(control, { name: 'disabled' })
    await control.things.update('disabled', { enabled: false })
    const removed = await createThing(control, { name: 'removed' })
    await control.things.remove('removed')
    const expired = await control.keys.create('sensor', { expiresInSeconds: 1 })
    clock.nowMs += 1000
    const flipped = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`
    // The last character has two bits that base64url ignores: text that decodes alike is another secret all the same.
    const twins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map(character => `${secret.slice(0, -1)}${character}`)
      .filter(text => text !== secret)
    const crossed = `tmk_${other.key.id}_${secret.slice(-43)}`
    const refused: readonly Credential[] = [
      { kind: 'anonymous' },
      { kind: 'key', secret: '' },
      { kind: 'key', secret: 'password' },
      { kind: 'key', identity: 'sensor', secret: 'tmk_' },
      { kind: 'key', identity: 'sensor', secret: flipped },
      ...twins.map((text): Credential => ({ kind: 'key', secret: text })),
      { kind: 'key', secret: secret.slice(0, -1) },
      { kind: 'key', secret: `${secret} ` },
      { kind: 'key', secret: `${secret}\n` },
      { kind: 'key', secret: secret.toUpperCase() },
      { kind: 'key', secret: crossed },
      { kind: 'key', secret: secret.replace('tmk_', 'tmt_') },
      { kind: 'key', secret: `tmk_${'0'.repeat(32)}_${'A'.repeat(43)}` },
      { kind: 'key', secret: `tmk_${thing.key.id}_${'A'.repeat(43)}` },
      { kind: 'key', secret: `tmk_${'x'.repeat(300_000)}` },
      { kind: 'key', identity: 'other', secret },
      { kind: 'key', identity: '', secret },
      { kind: 'key', identity: 'SENSOR', secret },
      { kind: 'key', identity: '+', secret },
      { kind: 'key', identity: '__proto__', secret },
      { kind: 'key', secret: disabled.key.secret },
      { kind: 'key', secret: removed.key.secret },
      { kind: 'key', secret: expired.secret },
      { kind: 'token', token: '' },
      { kind: 'token', token: `tmt_${token.id}_${'A'.repeat(43)}` },
      { kind: 'token', token: token.secret.slice(0, -1) },
      { kind: 'token', token: token.secret.replace('tmt_', 'tmk_') },
      { kind: 'token', token: 'eyJhbGciOiJub25lIn0.e30.' },
    ]
    const answer = {
      code: 'unauthenticated',
      message: 'the credential is not valid',
      details: {},
      retryAfterSeconds: undefined,
      cause: undefined,
    }
    for (const credential of refused) expect(await refusalOf(authenticate, credential)).toEqual(answer)
    expect(await codeOf(authenticate({ kind: 'key', secret }, peer))).toBe('settled')
  })

  it('do not open another hub', async () => {
    const first = await start()
    const second = await start()
    const credential = { kind: 'key', secret: first.thing.key.secret } as const
    expect(await codeOf(second.authenticate(credential, peer))).toBe('unauthenticated')
  })
})

describe('the form of a secret', () => {
  it('tells what it is, whatever field it came in', async () => {
    const { thing, token, authenticate } = await start()
    const asPassword = await authenticate({ kind: 'key', identity: 'anybody', secret: token.secret }, peer)
    expect(asPassword).toMatchObject({ id: `user:${token.id}`, control: 'admin', credentialId: token.id })
    const asBearer = await authenticate({ kind: 'token', token: thing.key.secret }, peer)
    expect(asBearer).toMatchObject({ id: `thing:${thing.id}`, kind: 'thing' })
    expect(asBearer).not.toHaveProperty('control')
  })

  it('leaves what is not of this hub to the next authenticator', async () => {
    const { byKey, byToken } = await start()
    for (const credential of [
      { kind: 'anonymous' },
      { kind: 'key', identity: 'a', secret: 'password' },
      { kind: 'token', token: 'eyJhbGciOiJub25lIn0.e30.' },
    ] as const) {
      expect(await byKey(credential, peer)).toBeUndefined()
      expect(await byToken(credential, peer)).toBeUndefined()
    }
  })
})

describe('authenticators in a row', () => {
  const nobody: Authenticate = async () => undefined
  const named =
    (id: string): Authenticate =>
    async () => ({ id, kind: 'user', domain: 'default' })

  it('give the word to the first that knows', async () => {
    const authenticate = authenticateAll([nobody, named('user:1'), named('user:2')])
    expect(await authenticate({ kind: 'anonymous' }, peer)).toMatchObject({ id: 'user:1' })
  })

  it('ask nobody after a refusal', async () => {
    const { byKey, thing } = await start()
    const authenticate = authenticateAll([byKey, named('user:2')])
    const wrong = `tmk_${thing.key.id}_${'A'.repeat(43)}`
    expect(await codeOf(authenticate({ kind: 'key', secret: wrong }, peer))).toBe('unauthenticated')
  })

  it('let nobody in where there are none, or none knows', async () => {
    for (const list of [[], [nobody, nobody]]) {
      expect(await codeOf(authenticateAll(list)({ kind: 'anonymous' }, peer))).toBe('unauthenticated')
    }
  })
})

describe('whoever has waited since', () => {
  it('can ask whether a key or token is still valid', async () => {
    const { control, registry, thing, token, clock } = await start()
    const { credentials } = registry
    const short = await control.keys.create('sensor', { expiresInSeconds: 1 })
    const valid = () => [thing.key.id, short.id, token.id].map(id => credentials.isValid(id))
    expect(valid()).toEqual([true, true, true])
    clock.nowMs += 1000
    expect(valid()).toEqual([true, false, true])
    await control.things.update('sensor', { enabled: false })
    await control.tokens.revoke(token.id)
    expect(valid()).toEqual([false, false, false])
    await control.things.update('sensor', { enabled: true })
    expect(valid()).toEqual([true, false, false])
    expect(credentials.isValid('__proto__')).toBe(false)
  })
})
