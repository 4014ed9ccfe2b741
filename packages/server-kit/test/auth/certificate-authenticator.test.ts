import { describe, expect, it } from 'vitest'
import { certificateAuthenticator } from '../../src/auth/index.ts'
import type { PeerCertificate } from '../../src/contracts/index.ts'
import { codeOf, createThing, peer, startRegistry } from '../control/fixture.ts'

const certificateWith = (names: Partial<PeerCertificate>): PeerCertificate => ({
  uris: [],
  dnsNames: [],
  expiresAtMs: 1_800_000_000_000,
  fingerprint: 'ab'.repeat(32),
  ...names,
})

const start = async () => {
  const fixture = await startRegistry()
  const authenticate = certificateAuthenticator(fixture.registry.credentials)
  const prove = (names: Partial<PeerCertificate>, identity?: string) =>
    authenticate({ kind: 'certificate', certificate: certificateWith(names), identity }, peer)
  return { ...fixture, authenticate, prove }
}

describe('certificates', () => {
  it('prove their thing, and say when they end', async () => {
    const { control, prove } = await start()
    const { id } = await createThing(control, { name: 'sensor' })
    const principal = { id: `thing:${id}`, kind: 'thing', domain: 'default', expiresAtMs: 1_800_000_000_000 }
    expect(await prove({ uris: [`urn:thingmesh:thing:${id}`] })).toEqual(principal)
    expect(await prove({ dnsNames: ['sensor', 'host.example'] }, 'sensor')).toEqual(principal)
  })

  it('name things of every domain by id, and those of the default domain by name', async () => {
    const { control, registry, prove } = await start()
    const { name: domain } = await control.domains.create({ name: 'plant' })
    const there = registry.control({ embedder: true, domain }, () => [])
    const thing = await createThing(there, { name: 'sensor' })
    expect(await prove({ uris: [`urn:thingmesh:thing:${thing.id}`] })).toMatchObject({ domain: thing.domain })
    expect(await codeOf(prove({ dnsNames: ['sensor'] }))).toBe('unauthenticated')
  })

  it('do not change their thing when one of two is disabled', async () => {
    const { control, prove } = await start()
    await createThing(control, { name: 'one' })
    await createThing(control, { name: 'two' })
    expect(await codeOf(prove({ dnsNames: ['one', 'two'] }))).toBe('unauthenticated')
    await control.things.update('one', { enabled: false })
    expect(await codeOf(prove({ dnsNames: ['one', 'two'] }))).toBe('unauthenticated')
    expect(await codeOf(prove({ dnsNames: ['one'] }))).toBe('unauthenticated')
  })

  it('are the one kind of credential that is known here', async () => {
    const { authenticate } = await start()
    expect(await authenticate({ kind: 'anonymous' }, peer)).toBe(undefined)
    expect(await authenticate({ kind: 'key', secret: 'x' }, peer)).toBe(undefined)
    expect(await authenticate({ kind: 'token', token: 'x' }, peer)).toBe(undefined)
  })
})
