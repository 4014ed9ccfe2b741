import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scramMethod as method, scramAuthenticator } from '../../src/auth/scram.ts'
import type { CredentialDirectory, ScramVerifier } from '../../src/contracts/index.ts'
import { deriveScramKeys } from '../../src/control/scram.ts'
import { createThing, startRegistry } from '../control/fixture.ts'
import { ScramClient } from '../support/scram-client.ts'
import { type ExchangeResult, exchange, refused } from './exchange.ts'

const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data)

async function start() {
  const fixture = await startRegistry()
  const thing = await createThing(fixture.control, { name: 'sensor' })
  return { ...fixture, thing, authenticate: scramAuthenticator(fixture.registry.credentials) }
}

type Started = Awaited<ReturnType<typeof start>>

function attempt({ authenticate }: Pick<Started, 'authenticate'>, client: ScramClient): Promise<ExchangeResult> {
  return exchange(authenticate, { method, data: client.first }, challenge => client.final(text(challenge)))
}

const saltOf = ({ challenges }: ExchangeResult) => /,s=([^,]+),/.exec(text(challenges[0]))?.[1]

describe('SCRAM-SHA-256', () => {
  it('goes as in the example of RFC 7677, section 3', async () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    const { storedKey, serverKey } = await deriveScramKeys('pencil', salt)
    const times = { domain: 'default', createdAtMs: 0, updatedAtMs: 0 }
    const verifier: ScramVerifier = {
      key: { ...times, id: 'k', thing: 't', kind: 'secret' },
      thing: { ...times, id: 't', name: 'user', metadata: {}, tags: [], enabled: true },
      domainName: 'default',
      storedKey: Buffer.from(storedKey, 'base64url'),
      serverKey: Buffer.from(serverKey, 'base64url'),
    }
    const asked: string[] = []
    const directory = {
      scramOf(name: string) {
        asked.push(name)
        return { salt, iterations: 4096, verifiers: [verifier] }
      },
    } as Partial<CredentialDirectory> as CredentialDirectory
    const authenticate = scramAuthenticator(directory, () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
    const { principal, challenges, conclusion } = await exchange(
      authenticate,
      { method, data: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO' },
      () =>
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    )
    expect(challenges.map(text)).toEqual([
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    ])
    expect(conclusion).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
    expect(principal).toEqual({
      id: 'thing:t',
      kind: 'thing',
      domain: 'default',
      domainName: 'default',
      credentialId: 'k',
    })
    expect(asked).toEqual(['user'])
  })

  it('proves both ends to each other, with each of two keys, by name and by id', async () => {
    const started = await start()
    const { thing, control } = started
    const second = await control.keys.create('sensor')
    for (const name of ['sensor', thing.id]) {
      for (const key of [thing.key, second]) {
        const client = new ScramClient(name, key.secret)
        const result = await attempt(started, client)
        expect(result.principal).toMatchObject({ id: `thing:${thing.id}`, credentialId: key.id })
        expect(client.accepts(result.conclusion ?? '')).toBe(true)
        expect(result.claimed).toEqual([name])
      }
    }
    const all = [await attempt(started, new ScramClient('sensor', thing.key.secret))]
    for (const { challenges } of all) expect(challenges.map(text).join()).not.toContain(thing.key.secret.slice(-43))
  })

  it('works after a restart, and after a rotation with the new key only', async () => {
    const first = await start()
    await first.registry.stop()
    const second = await startRegistry({ records: first.records })
    const authenticate = scramAuthenticator(second.registry.credentials)
    const old = first.thing.key.secret
    expect((await attempt({ authenticate }, new ScramClient('sensor', old))).principal).toBeDefined()
    const { secret } = await second.control.keys.rotate('sensor')
    expect((await attempt({ authenticate }, new ScramClient('sensor', old))).refusal).toEqual(refused)
    expect((await attempt({ authenticate }, new ScramClient('sensor', secret))).principal).toBeDefined()
  })

  it.each(['y,,', 'n,a=sensor,', 'y,a=sensor,'])('takes the header %s', async header => {
    const started = await start()
    const { principal } = await attempt(started, new ScramClient('sensor', started.thing.key.secret, { header }))
    expect(principal).toBeDefined()
  })

  it('takes names with commas and equals signs for what they are', async () => {
    const started = await start()
    const { claimed } = await attempt(started, new ScramClient('a,b=c=2C', 'x'))
    expect(claimed).toEqual(['a,b=c=2C'])
  })
})

describe('refused alike is', () => {
  it('whoever is unknown, disabled, has no key, an old key, or a wrong one', async () => {
    const started = await start()
    const { control, records, thing, registry } = started
    await control.things.create({ name: 'disabled', enabled: false })
    await control.things.create({ name: 'keyless' })
    const [key] = await control.keys.list('keyless')
    await control.keys.revoke('keyless', key!.id)
    for (const name of ['nobody', 'disabled', 'keyless', 'sensor', '__proto__']) {
      const { refusal, challenges, conclusion } = await attempt(started, new ScramClient(name, 'wrong'))
      expect(refusal).toEqual(refused)
      expect(conclusion).toBeUndefined()
      expect(text(challenges[0])).toMatch(/^r=[!-+\--~]{50,},s=[A-Za-z0-9+/]{22}==,i=4096$/)
    }
    // A key from before there was SCRAM.
    await registry.stop()
    for (const [name, row] of records.rows) {
      const record = JSON.parse(row) as { value: { scram?: unknown } }
      delete record.value.scram
      records.rows.set(name, JSON.stringify(record))
    }
    const again = await startRegistry({ records })
    const authenticate = scramAuthenticator(again.registry.credentials)
    expect((await attempt({ authenticate }, new ScramClient('sensor', thing.key.secret))).refusal).toEqual(refused)
    expect(await again.byKey({ kind: 'key', secret: thing.key.secret }, { address: '' })).toBeDefined()
  })

  it('not told by its salt, which stays the same whoever it is, and is another at another hub', async () => {
    const started = await start()
    const other = await start()
    const salts = async (at: Started, name: string) => {
      const all = [await attempt(at, new ScramClient(name, 'x')), await attempt(at, new ScramClient(name, 'y'))]
      return all.map(saltOf)
    }
    const seen = new Set<string | undefined>()
    for (const at of [started, other]) {
      for (const name of ['sensor', 'nobody', 'somebody']) {
        const [one, two] = await salts(at, name)
        expect(one).toBe(two)
        seen.add(one)
      }
    }
    expect(seen.size).toBe(6)
  })

  it.each([
    ['demands channel binding', 'p=tls-unique,,n=sensor,r=abc'],
    ['acts for another', 'n,a=other,n=sensor,r=abc'],
    ['has a mandatory extension', 'n,,m=1,n=sensor,r=abc'],
    ['has no name', 'n,,n=,r=abc'],
    ['has a name with a bare equals sign', 'n,,n=a=b,r=abc'],
    ['has a name with NUL', 'n,,n=a\0,r=abc'],
    ['has no nonce', 'n,,n=sensor,r='],
    ['has a nonce with a space', 'n,,n=sensor,r=a b'],
    ['has something behind that is nothing', 'n,,n=sensor,r=abc,'],
    ['is empty', ''],
    ['is no UTF-8', Uint8Array.of(0x6e, 0x2c, 0x2c, 0x6e, 0x3d, 0xff, 0x2c, 0x72, 0x3d, 0x61)],
    ['is for SCRAM-SHA-256 only in name', '\0sensor\0password'],
  ])('a first message that %s, before anything is asked', async (_, data) => {
    const { authenticate } = await start()
    const { refusal, challenges } = await exchange(authenticate, { method, data }, () => '')
    expect(refusal).toEqual(refused)
    expect(challenges).toEqual([])
  })

  it.each<[string, (final: string) => string]>([
    ['another nonce', final => final.replace(/r=./, 'r=~')],
    ['a shorter nonce', final => final.replace(/.,p=/, ',p=')],
    ['another header', final => final.replace(/^c=[^,]+/, 'c=eSws')],
    ['channel binding data', final => final.replace(/^c=[^,]+/, `c=${Buffer.from('n,,data').toString('base64')}`)],
    ['an extension that was not signed', final => final.replace(',p=', ',x=y,p=')],
    ['something behind the proof', final => `${final},x=y`],
    ['a proof cut short', final => final.slice(0, -8)],
    ['no proof', final => final.replace(/,p=.*/, '')],
    ['an empty proof', final => final.replace(/,p=.*/, ',p=')],
    ['a proof with a bit turned', final => final.replace(/p=(.)/, (_, first) => `p=${first === 'A' ? 'B' : 'A'}`)],
    ['a proof in another alphabet', final => final.replace(/=$/, '')],
    ['nothing', () => ''],
  ])('a last message with %s', async (_, spoil) => {
    const { authenticate, thing } = await start()
    const client = new ScramClient('sensor', thing.key.secret)
    const { refusal, conclusion } = await exchange(authenticate, { method, data: client.first }, challenge =>
      spoil(client.final(text(challenge))),
    )
    expect(refusal).toEqual(refused)
    expect(conclusion).toBeUndefined()
  })

  it('anything else that a peer might say', async () => {
    const { authenticate } = await start()
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom('n', 'y', 'a=', 'n=sensor', 'r=abc', 'c=biws', 'p=', `p=${'A'.repeat(43)}=`, '', 'm=x'),
    )
    const message = fc.oneof(
      fc.array(word, { maxLength: 6 }).map(words => new TextEncoder().encode(words.join(','))),
      fc.uint8Array({ maxLength: 100 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.constant('n,,n=sensor,r=abc'), message), message, async (data, answer) => {
        const { refusal } = await exchange(authenticate, { method, data }, () => answer)
        expect(refusal).toEqual(refused)
      }),
      { numRuns: 500 },
    )
  })
})
