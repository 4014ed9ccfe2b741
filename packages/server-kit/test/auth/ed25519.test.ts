import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ed25519Authenticator, ed25519Message, ed25519Method as method } from '../../src/auth/ed25519.ts'
import { createThing, startRegistry } from '../control/fixture.ts'
import { exchange, refused } from './exchange.ts'

const hub = 'hub-1'
/** The order of the group (RFC 8032, section 5.1). */
const order = 2n ** 252n + 27742317777372353535851937790883648493n

const newPair = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { text: publicKey.export({ format: 'jwk' }).x!, publicKey, privateKey }
}

async function start() {
  const fixture = await startRegistry()
  const thing = await createThing(fixture.control, { name: 'sensor' })
  const pair = newPair()
  const key = await fixture.control.keys.register('sensor', { publicKey: pair.text })
  const authenticate = ed25519Authenticator(fixture.registry.credentials, () => hub)
  return { ...fixture, thing, pair, key, authenticate }
}

interface Claim {
  readonly identity?: string
  readonly clientId?: string
  readonly hub?: string
}

/** As a client would: the challenge is the hub's id and 32 bytes. */
function signed(privateKey: KeyObject, { identity = 'sensor', clientId = 'client', ...pinned }: Claim = {}) {
  return (challenge: Uint8Array): Buffer => {
    const length = (challenge[0]! << 8) | challenge[1]!
    const said = Buffer.from(challenge.subarray(2, 2 + length)).toString()
    const nonce = challenge.subarray(2 + length)
    expect(nonce).toHaveLength(32)
    return sign(null, ed25519Message({ hub: pinned.hub ?? said, identity, clientId, nonce }), privateKey)
  }
}

/** The same signature with another number that means the same: S + L, little-endian. */
function malleated(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
  return Buffer.concat([signature.subarray(0, 32), bytes])
}

describe('the platform', () => {
  it('signs and verifies as RFC 8032, section 7.1, says', () => {
    const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'
    const x = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString(
      'base64url',
    )
    const signature =
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
    const jwk = { kty: 'OKP', crv: 'Ed25519', x }
    const key = { key: { ...jwk, d: Buffer.from(seed, 'hex').toString('base64url') }, format: 'jwk' } as const
    expect(sign(null, Buffer.alloc(0), key).toString('hex')).toBe(signature)
    expect(verify(null, Buffer.alloc(0), { key: jwk, format: 'jwk' }, Buffer.from(signature, 'hex'))).toBe(true)
  })
})

describe('a thing that signs', () => {
  it('is who it says, by name and by id', async () => {
    const { authenticate, pair, thing, key } = await start()
    for (const identity of ['sensor', thing.id]) {
      const { principal, challenges } = await exchange(
        authenticate,
        { method, identity },
        signed(pair.privateKey, { identity }),
      )
      expect(principal).toEqual({
        id: `thing:${thing.id}`,
        kind: 'thing',
        domain: 'default',
        domainName: 'default',
        credentialId: key.id,
      })
      expect(challenges).toHaveLength(1)
    }
  })

  it('may have two keys, while it changes one for the other', async () => {
    const { authenticate, pair, control, thing } = await start()
    await control.keys.revoke('sensor', thing.key.id)
    const second = newPair()
    await control.keys.register('sensor', { publicKey: second.text })
    for (const { privateKey } of [pair, second]) {
      const { principal } = await exchange(authenticate, { method, identity: 'sensor' }, signed(privateKey))
      expect(principal?.id).toBe(`thing:${thing.id}`)
    }
  })

  it('is found by its id in another domain, and by its name in none but the first', async () => {
    const { authenticate, registry, control } = await start()
    const { id } = await control.domains.create({ name: 'other' })
    const elsewhere = registry.control({ embedder: true, domain: id }, () => [])
    const thing = await createThing(elsewhere, { name: 'elsewhere' })
    const { text, privateKey } = newPair()
    await elsewhere.keys.register('elsewhere', { publicKey: text })
    const as = (identity: string) => exchange(authenticate, { method, identity }, signed(privateKey, { identity }))
    expect((await as(thing.id)).principal).toMatchObject({ domain: id })
    expect((await as('elsewhere')).refusal).toEqual(refused)
  })

  it('leaves other methods to others', async () => {
    const { authenticate } = await start()
    const { principal, refusal, challenges } = await exchange(authenticate, { method: 'OTHER' }, () => '')
    expect([principal, refusal, challenges]).toEqual([undefined, undefined, []])
  })
})

describe('refused alike is', () => {
  it.each<[string, Claim]>([
    ['the signature of another client id', { clientId: 'other' }],
    ['the signature for another hub', { hub: 'hub-2' }],
    ['the signature of another claim', { identity: 'other' }],
  ])('%s', async (_, claim) => {
    const { authenticate, pair } = await start()
    const { refusal } = await exchange(authenticate, { method, identity: 'sensor' }, signed(pair.privateKey, claim))
    expect(refusal).toEqual(refused)
  })

  it.each<[string, (signature: Buffer) => Uint8Array]>([
    ['a malleated one', malleated],
    ['a truncated one', signature => signature.subarray(0, 63)],
    ['half of one', signature => signature.subarray(0, 32)],
    ['a longer one', signature => Buffer.concat([signature, Buffer.alloc(1)])],
    ['none', () => new Uint8Array(0)],
    ['zeros', () => new Uint8Array(64)],
    ['the neutral point and zero', () => Uint8Array.of(1, ...new Uint8Array(63))],
    ['one with a bit turned', signature => Buffer.from(signature.map((byte, i) => (i === 40 ? byte ^ 4 : byte)))],
  ])('instead of a signature %s', async (_, spoil) => {
    const { authenticate, pair } = await start()
    const answer = signed(pair.privateKey)
    const { refusal } = await exchange(authenticate, { method, identity: 'sensor' }, challenge =>
      spoil(answer(challenge)),
    )
    expect(refusal).toEqual(refused)
  })

  it('a signature of the time before', async () => {
    const { authenticate, pair } = await start()
    let before: Uint8Array = new Uint8Array(0)
    await exchange(authenticate, { method, identity: 'sensor' }, challenge => {
      before = signed(pair.privateKey)(challenge)
      return before
    })
    const { refusal } = await exchange(authenticate, { method, identity: 'sensor' }, () => before)
    expect(refusal).toEqual(refused)
  })

  it('whoever is unknown, unnamed, disabled, expired, revoked, or has no public key', async () => {
    const { authenticate, pair, control, clock, key } = await start()
    await createThing(control, { name: 'keyless' })
    const attempt = async (identity?: string, data = '') =>
      (
        await exchange(
          authenticate,
          { method, data, ...(identity !== undefined && { identity }) },
          signed(pair.privateKey, { identity: identity ?? '' }),
        )
      ).refusal
    expect(await attempt('sensor')).toBeUndefined()
    for (const identity of [undefined, '', 'nobody', 'keyless', '__proto__'])
      expect(await attempt(identity)).toEqual(refused)
    expect(await attempt('sensor', 'data that the method does not know')).toEqual(refused)
    await control.things.update('sensor', { enabled: false })
    expect(await attempt('sensor')).toEqual(refused)
    await control.things.update('sensor', { enabled: true })
    await control.keys.revoke('sensor', key.id)
    expect(await attempt('sensor')).toEqual(refused)
    await control.keys.register('sensor', { publicKey: pair.text, expiresInSeconds: 1 })
    expect(await attempt('sensor')).toBeUndefined()
    clock.nowMs += 1_000
    expect(await attempt('sensor')).toEqual(refused)
  })

  it('anything else that a peer might say', async () => {
    const { authenticate } = await start()
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 100 }),
        fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 64, maxLength: 64 })),
        fc.oneof(fc.constant('sensor'), fc.string({ unit: 'binary' })),
        async (data, answer, identity) => {
          const { refusal } = await exchange(authenticate, { method, data, identity }, () => answer)
          expect(refusal).toEqual(refused)
        },
      ),
      { numRuns: 200 },
    )
  })
})
