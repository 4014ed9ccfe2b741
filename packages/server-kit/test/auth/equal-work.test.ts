import { generateKeyPairSync } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { createThing, startRegistry } from '../control/fixture.ts'
import { ScramClient } from '../support/scram-client.ts'
import { exchange } from './exchange.ts'

const done: string[] = []

vi.mock('node:crypto', async importOriginal => {
  const original = await importOriginal<typeof import('node:crypto')>()
  const counted = Object.fromEntries(
    (['verify', 'createHmac', 'createHash', 'timingSafeEqual'] as const).map(name => [
      name,
      (...parameters: unknown[]) => {
        done.push(name)
        return (original[name] as (...all: unknown[]) => unknown)(...parameters)
      },
    ]),
  )
  return { ...original, ...counted }
})

it('whoever is not there costs what somebody costs who is', async () => {
  const { ed25519Authenticator, ed25519Method } = await import('../../src/auth/ed25519.ts')
  const { scramAuthenticator, scramMethod } = await import('../../src/auth/scram.ts')
  const { control, registry } = await startRegistry()
  const one = await createThing(control, { name: 'one' })
  const two = await createThing(control, { name: 'two' })
  await control.keys.create('two')
  for (const name of ['key-1', 'key-2']) {
    const { key } = await createThing(control, { name })
    if (name === 'key-2') await control.keys.revoke(name, key.id)
    for (let i = 0; i < (name === 'key-2' ? 2 : 1); i++) {
      const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!
      await control.keys.register(name, { publicKey })
    }
  }
  const work = async (run: () => Promise<unknown>) => {
    done.length = 0
    await run()
    return [...done].sort()
  }
  const sign = ed25519Authenticator(registry.credentials, () => 'hub')
  const signing = (identity: string) =>
    work(() => exchange(sign, { method: ed25519Method, identity }, () => new Uint8Array(64)))
  const expected = await signing('nobody')
  expect(expected).toEqual(['verify', 'verify'])
  for (const identity of ['one', 'key-1', 'key-2']) expect(await signing(identity)).toEqual(expected)

  const scram = scramAuthenticator(registry.credentials)
  // Its own work done before, so that only the hub's is counted.
  const scramming = (name: string) => {
    const proof = `,p=${'A'.repeat(43)}=`
    return work(() =>
      exchange(scram, { method: scramMethod, data: new ScramClient(name, '').first }, challenge => {
        const nonce = new TextDecoder().decode(challenge).split(',')[0]
        return `c=biws,${nonce}${proof}`
      }),
    )
  }
  const unknown = await scramming('nobody')
  expect(unknown.filter(name => name === 'timingSafeEqual')).toHaveLength(2)
  for (const name of ['one', one.id, 'two', two.id]) expect(await scramming(name)).toEqual(unknown)
})
