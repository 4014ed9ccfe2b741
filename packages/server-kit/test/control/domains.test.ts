import type { Principal } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { codeOf, createThing, peer, principalOfKey, principalOfToken, startRegistry } from './fixture.ts'

const start = async () => {
  const fixture = await startRegistry()
  const { control, registry } = fixture
  const acme = await control.domains.create({ name: 'acme' })
  const admin = await principalOfToken(fixture, acme.token.secret)
  return { ...fixture, acme, admin, theirs: registry.control(admin, () => []) }
}

describe('domains', () => {
  it('are made by admins of the default one, each with its first admin token', async () => {
    const { control, acme, admin, theirs, registry } = await start()
    expect(acme).toMatchObject({ name: 'acme', id: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(admin).toMatchObject({ domain: acme.id, control: 'admin' })
    expect((await control.domains.list()).items.map(domain => domain.name)).toEqual(['acme', 'default'])
    expect((await control.domains.list()).items[0]).not.toHaveProperty('token')
    expect(control.domain).toBe('default')
    expect(theirs.domain).toBe(acme.id)
    expect(await codeOf(theirs.domains.create({ name: 'more' }))).toBe('permission-denied')
    expect(await codeOf(theirs.domains.list())).toBe('permission-denied')
    expect(await codeOf(control.domains.create({ name: 'acme' }))).toBe('conflict')
    expect(await codeOf(control.domains.create({ name: acme.id }))).toBe('conflict')
    expect(await codeOf(control.domains.create({ name: 'a/b' }))).toBe('invalid-argument')
    expect(registry.control({ embedder: true, domain: 'acme' }, () => []).domain).toBe(acme.id)
    expect(registry.control({ embedder: true, domain: acme.id }, () => []).domain).toBe(acme.id)
    expect(() => registry.control({ embedder: true, domain: 'nowhere' }, () => [])).toThrowError(
      expect.objectContaining({ code: 'not-found' }),
    )
  })

  it('are closed to principals that claim one that is not there', async () => {
    const { registry, admin } = await start()
    const stranger: Principal = { ...admin, domain: 'nowhere' }
    expect(() => registry.control(stranger, () => [])).toThrowError(
      expect.objectContaining({ code: 'permission-denied' }),
    )
  })

  it('see and name nothing of each other, whichever way', async () => {
    const fixture = await start()
    const { control, theirs, registry, announced, acme } = fixture
    const ours = await createThing(control, { name: 'sensor' })
    const channel = await control.channels.create({ name: 'telemetry' })
    const grant = await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    const token = await control.tokens.create({ name: 'ops', scope: 'read' })
    announced.length = 0

    for (const list of [theirs.things, theirs.channels, theirs.grants]) {
      expect((await list.list()).items).toEqual([])
    }
    expect((await theirs.tokens.list()).items.map(item => item.id)).toEqual([acme.token.id])
    for (const attempt of [
      () => theirs.things.get(ours.id),
      () => theirs.things.get('sensor'),
      () => theirs.things.update(ours.id, { enabled: false }),
      () => theirs.things.remove(ours.id),
      () => theirs.channels.get(channel.id),
      () => theirs.channels.update(channel.id, { enabled: false }),
      () => theirs.channels.remove('telemetry'),
      () => theirs.grants.get(grant.id),
      () => theirs.grants.update(grant.id, { actions: ['read'] }),
      () => theirs.grants.remove(grant.id),
      () => theirs.grants.list({ thing: ours.id }),
      () => theirs.grants.list({ channel: channel.id }),
      () => theirs.keys.list(ours.id),
      () => theirs.keys.create(ours.id),
      () => theirs.keys.rotate('sensor'),
      () => theirs.keys.revoke(ours.id, ours.key.id),
      () => theirs.tokens.get(token.id),
      () => theirs.tokens.revoke(token.id),
    ]) {
      expect(await codeOf(attempt())).toBe('not-found')
    }
    const thing = await createThing(theirs, { name: 'sensor' })
    await theirs.channels.create({ name: 'telemetry' })
    expect(await codeOf(theirs.grants.create({ thing: ours.id, channel: 'telemetry', actions: ['read'] }))).toBe(
      'not-found',
    )
    expect(await codeOf(theirs.grants.create({ thing: 'sensor', channel: channel.id, actions: ['read'] }))).toBe(
      'not-found',
    )
    expect(await codeOf(theirs.keys.revoke(thing.id, ours.key.id))).toBe('not-found')
    // The same names, other things: changing theirs changes theirs.
    await theirs.things.update('sensor', { enabled: false })
    await theirs.channels.remove('telemetry')
    expect(await control.things.get('sensor')).toMatchObject({ id: ours.id, enabled: true })
    expect(registry.channels.find('default', 'telemetry')).toEqual(channel)
    expect(registry.channels.find(acme.id, 'telemetry')).toBeUndefined()
    expect(announced.every(change => 'domain' in change && change.domain === acme.id)).toBe(true)
    const principal = await principalOfKey(fixture, ours.key.secret)
    expect(principal.domain).toBe('default')
    expect(registry.authorizer.compile(principal).may('publish', 'telemetry/a')).toBe(true)
    // The name is the other one's, the key is not.
    const credential = { kind: 'key', identity: thing.id, secret: ours.key.secret } as const
    expect(await codeOf(fixture.byKey(credential, peer))).toBe('unauthenticated')
  })
})
