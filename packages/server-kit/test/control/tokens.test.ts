import { actions, type TokenScope } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import { codeOf, peer, principalOfToken, startRegistry } from './fixture.ts'
import { MemoryRecords } from './memory-records.ts'

describe('tokens', () => {
  it('of scope admin may do everything, of scope read may look', async () => {
    const fixture = await startRegistry()
    const { control, registry } = fixture
    const admin = await principalOfToken(fixture, (await control.tokens.create({ name: 'a', scope: 'admin' })).secret)
    const reader = await principalOfToken(fixture, (await control.tokens.create({ name: 'r', scope: 'read' })).secret)
    expect(admin).toMatchObject({ kind: 'user', domain: 'default', control: 'admin', id: `user:${admin.credentialId}` })
    expect(reader).toMatchObject({ control: 'read' })
    const rightsOf = (principal: typeof admin) => {
      const rights = registry.authorizer.compile(principal)
      return actions.filter(action => rights.may(action, 'any/topic'))
    }
    expect(rightsOf(admin)).toEqual(['publish', 'subscribe', 'read', 'command'])
    expect(rightsOf(reader)).toEqual(['subscribe', 'read'])

    const changes = registry.control(admin, () => [])
    const looks = registry.control(reader, () => [])
    await changes.things.create({ name: 't' })
    await changes.channels.create({ name: 'c' })
    const grant = await changes.grants.create({ thing: 't', channel: 'c', actions: ['read'] })
    expect((await looks.things.list()).items).toHaveLength(1)
    expect(await looks.channels.get('c')).toMatchObject({ name: 'c' })
    expect(await looks.grants.get(grant.id)).toEqual(grant)
    expect(await looks.keys.list('t')).toHaveLength(1)
    expect((await looks.tokens.list()).items.map(token => token.name)).toEqual(['a', 'r'])
    expect(looks.metrics()).toEqual([])
    for (const change of [
      () => looks.things.create({ name: 'x' }),
      () => looks.things.createMany([]),
      () => looks.things.update('t', {}),
      () => looks.things.remove('t'),
      () => looks.channels.create({ name: 'x' }),
      () => looks.channels.createMany([]),
      () => looks.channels.update('c', {}),
      () => looks.channels.remove('c'),
      () => looks.grants.create({ thing: 't', channel: 'c', actions: ['read'] }),
      () => looks.grants.createMany([]),
      () => looks.grants.update(grant.id, {}),
      () => looks.grants.remove(grant.id),
      () => looks.keys.create('t'),
      () => looks.keys.rotate('t'),
      () => looks.keys.revoke('t', 'k'),
      () => looks.tokens.create({ name: 'x', scope: 'admin' }),
      () => looks.tokens.revoke('x'),
      () => looks.domains.create({ name: 'x' }),
      () => looks.domains.list(),
    ]) {
      expect(await codeOf(change())).toBe('permission-denied')
    }
  })

  it('for channels use those and have no control', async () => {
    const fixture = await startRegistry()
    const { control, registry } = fixture
    const scope: TokenScope = { channels: ['telemetry', 'x'] }
    const token = await control.tokens.create({ name: 'app', scope })
    expect(token.scope).toEqual(scope)
    const principal = await principalOfToken(fixture, token.secret)
    expect(principal.control).toBeUndefined()
    const rights = registry.authorizer.compile(principal)
    expect(actions.filter(action => rights.may(action, 'telemetry/a'))).toEqual(['publish', 'subscribe', 'read'])
    expect(rights.may('read', 'x')).toBe(true)
    expect(rights.may('read', 'other/a')).toBe(false)
    expect(() => registry.control(principal, () => [])).toThrowError(
      expect.objectContaining({ code: 'permission-denied' }),
    )
  })

  it('refuse names and scopes that are none', async () => {
    const { control } = await startRegistry()
    for (const draft of [
      { name: '', scope: 'read' },
      { name: 'x'.repeat(65), scope: 'read' },
      { name: 'a\u001bb', scope: 'read' },
      { name: 'a', scope: 'root' },
      { name: 'a', scope: null },
      { name: 'a', scope: { channels: [] } },
      { name: 'a', scope: { channels: ['a', 'a'] } },
      { name: 'a', scope: { channels: ['#'] } },
      { name: 'a', scope: { channels: [['a']] } },
      { name: 'a', scope: { channels: Array.from({ length: 101 }, (_, i) => `c${i}`) } },
      { name: 'a', scope: 'read', expiresInSeconds: 0 },
    ]) {
      expect(await codeOf(control.tokens.create(draft as { name: string; scope: TokenScope }))).toBe('invalid-argument')
    }
  })

  it('may share a name, and are listed without their secrets', async () => {
    const { control, records } = await startRegistry()
    const first = await control.tokens.create({ name: 'app', scope: 'read' })
    const second = await control.tokens.create({ name: 'app', scope: 'read' })
    const page = await control.tokens.list({ limit: 1 })
    const rest = await control.tokens.list({ cursor: page.next })
    expect([...page.items, ...rest.items].map(token => token.id)).toEqual([first.id, second.id].sort())
    expect(JSON.stringify(page)).not.toContain('secret')
    expect(records.text).not.toContain(first.secret)
    expect(await control.tokens.get(first.id)).not.toHaveProperty('secret')
  })

  it('end when they are revoked, with whatever waits or holds their control', async () => {
    const fixture = await startRegistry()
    const { control, registry, announced, records, byToken } = fixture
    const token = await control.tokens.create({ name: 'a', scope: 'admin' })
    const principal = await principalOfToken(fixture, token.secret)
    const theirs = registry.control(principal, () => [])
    await theirs.things.create({ name: 'before' })
    const release = records.hold()
    const revoked = control.tokens.revoke(token.id)
    const behind = codeOf(theirs.things.create({ name: 'behind' }))
    release()
    await revoked
    expect(await behind).toBe('unauthenticated')
    expect(await codeOf(theirs.things.list())).toBe('unauthenticated')
    expect(await codeOf(theirs.things.create({ name: 'after' }))).toBe('unauthenticated')
    expect(announced).toEqual([
      { kind: 'credential-revoked', credentialId: token.id },
      { kind: 'principal-revoked', domain: 'default', principal: `user:${token.id}`, deleted: true },
    ])
    expect(await codeOf(byToken({ kind: 'token', token: token.secret }, peer))).toBe('unauthenticated')
    expect(await codeOf(control.tokens.get(token.id))).toBe('not-found')
    expect(await codeOf(control.tokens.revoke(token.id))).toBe('not-found')
  })

  it('that have expired prove nothing and go when the next one comes', async () => {
    const { control, clock, byToken } = await startRegistry()
    const short = await control.tokens.create({ name: 'short', scope: 'read', expiresInSeconds: 5 })
    const credential = { kind: 'token', token: short.secret } as const
    expect(await byToken(credential, peer)).toMatchObject({ expiresAtMs: clock.nowMs + 5000 })
    clock.nowMs += 5000
    expect(await codeOf(byToken(credential, peer))).toBe('unauthenticated')
    expect((await control.tokens.list()).items).toHaveLength(1)
    await control.tokens.create({ name: 'next', scope: 'read' })
    expect((await control.tokens.list()).items.map(token => token.name)).toEqual(['next'])
  })
})

describe('the first admin token', () => {
  it('is made once, however many ask', async () => {
    const fixture = await startRegistry()
    const made = (await Promise.all(Array.from({ length: 10 }, () => fixture.registry.bootstrap()))).filter(
      token => token !== undefined,
    )
    expect(made).toHaveLength(1)
    expect(await principalOfToken(fixture, made[0]!.secret)).toMatchObject({ control: 'admin', domain: 'default' })
  })

  it('is not made again after it was revoked, nor by a restart', async () => {
    const records = new MemoryRecords()
    const { registry, control } = await startRegistry({ records })
    const token = await registry.bootstrap()
    await control.tokens.revoke(token!.id)
    expect(await registry.bootstrap()).toBeUndefined()
    await registry.stop()
    const again = await startRegistry({ records })
    expect(await again.registry.bootstrap()).toBeUndefined()
  })

  it('is not made where the program that embeds the hub has made one', async () => {
    const { registry, control } = await startRegistry()
    await control.tokens.create({ name: 'reader', scope: 'read' })
    await control.tokens.create({ name: 'mine', scope: 'admin' })
    expect(await registry.bootstrap()).toBeUndefined()
  })
})
