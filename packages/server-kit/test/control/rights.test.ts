import { type Action, actions, type Principal } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import type { GrantDraft } from '../../src/contracts/index.ts'
import { codeOf, createThing, principalOfKey, startRegistry } from './fixture.ts'

const start = async () => {
  const fixture = await startRegistry()
  const { control, registry } = fixture
  const thing = await createThing(control, { name: 'sensor' })
  await control.channels.createMany([{ name: 'telemetry' }, { name: 'commands' }])
  const principal = await principalOfKey(fixture, thing.key.secret)
  const may = (action: Action, topic: string) => registry.authorizer.compile(principal).may(action, topic)
  const mayOnSome = (action: Action, filter: string) => registry.authorizer.compile(principal).mayOnSome(action, filter)
  return { ...fixture, thing, principal, may, mayOnSome }
}

describe('grants', () => {
  it('give nothing where there are none', async () => {
    const { may, mayOnSome } = await start()
    for (const action of actions) {
      expect(may(action, 'telemetry/a')).toBe(false)
      expect(mayOnSome(action, '#')).toBe(false)
    }
  })

  it('cover the whole channel by default, bare name included, and nothing next to it', async () => {
    const { control, may, mayOnSome } = await start()
    const grant = await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    expect(grant.pattern).toBe('#')
    expect(may('publish', 'telemetry')).toBe(true)
    expect(may('publish', 'telemetry/a/b')).toBe(true)
    expect(may('publish', 'telemetry2/a')).toBe(false)
    expect(may('publish', 'commands/a')).toBe(false)
    expect(may('subscribe', 'telemetry/a')).toBe(false)
    expect(mayOnSome('publish', '#')).toBe(true)
    expect(mayOnSome('publish', '+/x')).toBe(true)
    expect(mayOnSome('publish', 'commands/#')).toBe(false)
    expect(mayOnSome('read', '#')).toBe(false)
  })

  it('cover what the pattern matches', async () => {
    const { control, may, mayOnSome } = await start()
    await control.grants.create({
      thing: 'sensor',
      channel: 'commands',
      actions: ['subscribe', 'read'],
      pattern: 'room1/+/set',
    })
    expect(may('subscribe', 'commands/room1/lamp/set')).toBe(true)
    expect(may('read', 'commands/room1/lamp/set')).toBe(true)
    expect(may('publish', 'commands/room1/lamp/set')).toBe(false)
    expect(may('subscribe', 'commands/room2/lamp/set')).toBe(false)
    expect(may('subscribe', 'commands')).toBe(false)
    expect(mayOnSome('subscribe', 'commands/#')).toBe(true)
    expect(mayOnSome('subscribe', 'commands/room2/#')).toBe(false)
  })

  it('change and go, at once, and say whom it concerns', async () => {
    const { control, may, announced, thing } = await start()
    announced.length = 0
    const changed = { kind: 'changed', domain: 'default', principal: `thing:${thing.id}` }
    const grant = await control.grants.create({ thing: thing.id, channel: 'telemetry', actions: ['publish'] })
    expect(announced).toEqual([{ ...changed, widens: true }])
    const narrowed = await control.grants.update(grant.id, { pattern: 'a' })
    expect(narrowed).toMatchObject({ actions: ['publish'], pattern: 'a' })
    expect(may('publish', 'telemetry/b')).toBe(false)
    expect(may('publish', 'telemetry/a')).toBe(true)
    await control.grants.update(grant.id, { actions: ['read'] })
    expect(may('publish', 'telemetry/a')).toBe(false)
    expect(may('read', 'telemetry/a')).toBe(true)
    await control.grants.remove(grant.id)
    expect(may('read', 'telemetry/a')).toBe(false)
    expect(announced).toEqual([{ ...changed, widens: true }, changed, changed, changed])
    expect(await codeOf(control.grants.get(grant.id))).toBe('not-found')
    expect(await codeOf(control.grants.remove(grant.id))).toBe('not-found')
  })

  it('refuse what is none', async () => {
    const { control } = await start()
    const good: GrantDraft = { thing: 'sensor', channel: 'telemetry', actions: ['publish'] }
    const created = await control.grants.create(good)
    for (const change of [
      { actions: [] },
      { actions: ['publish', 'publish'] },
      { actions: ['fly'] },
      { actions: 'publish' },
      { pattern: '' },
      { pattern: 'a#' },
      { pattern: '#/a' },
      { pattern: 'a/b+' },
      { pattern: 'a\nb' },
      { pattern: 'x'.repeat(257) },
      { pattern: Array.from({ length: 16 }, () => 'a').join('/') },
      { pattern: 5 },
    ]) {
      expect(await codeOf(control.grants.create({ ...good, ...change } as GrantDraft))).toBe('invalid-argument')
      expect(await codeOf(control.grants.update(created.id, change as Partial<GrantDraft>))).toBe('invalid-argument')
    }
    expect(await codeOf(control.grants.create({ ...good, thing: 'nobody' }))).toBe('not-found')
    expect(await codeOf(control.grants.create({ ...good, channel: 'nowhere' }))).toBe('not-found')
    expect(await control.grants.get(created.id)).toEqual(created)
  })

  it.each([
    ['a/#/b', "filter has '#' at index 2, which is not allowed there"],
    ['a/b+', "filter has '+' at index 3, which is not allowed there"],
    ['a\nb', 'filter has U+000A at index 1, which is not allowed there'],
    [Array.from({ length: 16 }, () => 'a').join('/'), 'filter has 17 levels, the limit is 16'],
  ])('say where in the pattern it is that %j is wrong', async (pattern, said) => {
    const { control } = await start()
    const asked = control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'], pattern })
    await expect(asked).rejects.toThrow(`pattern of the grant: ${said}`)
  })

  it('are listed by thing and by channel', async () => {
    const { control } = await start()
    await control.things.create({ name: 'other' })
    const grant = (thing: string, channel: string): GrantDraft => ({ thing, channel, actions: ['read'] })
    const created = await control.grants.createMany([
      grant('sensor', 'telemetry'),
      grant('sensor', 'commands'),
      grant('other', 'telemetry'),
    ])
    const ids = async (query: Parameters<typeof control.grants.list>[0]) =>
      (await control.grants.list(query)).items.map(item => item.id)
    const sorted = (...indexes: number[]) => indexes.map(index => created[index]!.id).sort()
    expect(await ids({})).toEqual(sorted(0, 1, 2))
    expect(await ids({ thing: 'sensor' })).toEqual(sorted(0, 1))
    expect(await ids({ channel: 'telemetry' })).toEqual(sorted(0, 2))
    expect(await ids({ thing: 'other', channel: 'commands' })).toEqual([])
    const page = await control.grants.list({ thing: 'sensor', limit: 1 })
    expect(await ids({ thing: 'sensor', limit: 1, cursor: page.next })).toEqual(sorted(0, 1).slice(1))
    expect(await codeOf(control.grants.list({ thing: 'nobody' }))).toBe('not-found')
  })
})

describe('what takes rights away', () => {
  it('a disabled thing has none, until it is enabled again', async () => {
    const { control, may, announced, thing, principal, registry } = await start()
    await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    announced.length = 0
    await control.things.update('sensor', { enabled: false })
    expect(may('publish', 'telemetry/a')).toBe(false)
    const withMore: Principal = { ...principal, grants: [{ actions: ['publish'], filter: '#' }] }
    expect(registry.authorizer.compile(withMore).may('publish', 'telemetry/a')).toBe(false)
    await control.things.update('sensor', { enabled: false })
    await control.things.update('sensor', { enabled: true })
    expect(may('publish', 'telemetry/a')).toBe(true)
    expect(announced).toEqual([
      { kind: 'principal-revoked', domain: 'default', principal: `thing:${thing.id}`, deleted: false },
      { kind: 'changed', domain: 'default', principal: `thing:${thing.id}`, widens: true },
    ])
  })

  it('a deleted thing takes its keys and grants along', async () => {
    const { control, may, announced, thing, registry, byKey } = await start()
    const grant = await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    announced.length = 0
    await control.things.remove('sensor')
    expect(announced).toEqual([
      { kind: 'principal-revoked', domain: 'default', principal: `thing:${thing.id}`, deleted: true },
    ])
    expect(may('publish', 'telemetry/a')).toBe(false)
    expect(await codeOf(control.grants.get(grant.id))).toBe('not-found')
    expect(registry.credentials.isValid(thing.key.id)).toBe(false)
    const credential = { kind: 'key', secret: thing.key.secret } as const
    expect(await codeOf(byKey(credential, { address: '::1' }))).toBe('unauthenticated')
    expect(await codeOf(control.things.remove('sensor'))).toBe('not-found')
    await control.things.create({ name: 'sensor' })
    expect((await control.grants.list({ thing: 'sensor' })).items).toEqual([])
  })

  it('a deleted channel takes its grants along; its name made again gives none back', async () => {
    const { control, may, announced } = await start()
    await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    announced.length = 0
    await control.channels.remove('telemetry')
    expect(announced).toEqual([{ kind: 'changed', domain: 'default' }])
    await control.channels.create({ name: 'telemetry' })
    expect(may('publish', 'telemetry/a')).toBe(false)
    expect((await control.grants.list()).items).toEqual([])
  })

  it('changes of a channel concern everybody in the domain', async () => {
    const { control, announced } = await start()
    announced.length = 0
    await control.channels.update('telemetry', { enabled: false })
    expect(announced).toEqual([{ kind: 'changed', domain: 'default', widens: true }])
  })
})

describe('compiling', () => {
  it('adds what a principal brings, for principals that are not in the registry too', async () => {
    const { registry } = await start()
    const visitor: Principal = {
      id: 'user:visitor',
      kind: 'user',
      domain: 'default',
      grants: [{ actions: ['subscribe'], filter: 'telemetry/#' }],
    }
    const rights = registry.authorizer.compile(visitor)
    expect(rights.may('subscribe', 'telemetry/a')).toBe(true)
    expect(rights.may('publish', 'telemetry/a')).toBe(false)
    const wrong = { ...visitor, grants: [{ actions: ['read'] as const, filter: 'a/#/b' }] }
    expect(() => registry.authorizer.compile(wrong)).toThrowError(expect.objectContaining({ code: 'invalid-argument' }))
  })

  it('gives the grants of a thing to nobody who is called like it elsewhere', async () => {
    const { registry, control, principal, thing } = await start()
    await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    const compiled = (change: Partial<Principal>) =>
      registry.authorizer.compile({ ...principal, ...change }).may('publish', 'telemetry/a')
    expect(compiled({})).toBe(true)
    expect(compiled({ domain: 'elsewhere' })).toBe(false)
    expect(compiled({ kind: 'user' })).toBe(false)
    expect(compiled({ id: `users:${thing.id}` })).toBe(false)
    expect(compiled({ id: `user:.${thing.id}` })).toBe(false)
    expect(compiled({ id: `thing:${thing.name}` })).toBe(false)
  })

  it('does not give `#` what starts with a dollar', async () => {
    const { registry, principal } = await start()
    const rights = registry.authorizer.compile({ ...principal, grants: [{ actions: ['read'], filter: '#' }] })
    expect(rights.may('read', '$SYS/broker')).toBe(false)
    expect(rights.mayOnSome('read', '$SYS/#')).toBe(false)
    expect(rights.may('read', '__proto__')).toBe(true)
    expect(rights.may('constructor' as Action, 'telemetry')).toBe(false)
  })
})

describe('listeners', () => {
  it('hear of a change after it is in force and before the call settles; one that fails stops nobody', async () => {
    const faults: unknown[] = []
    const { registry, control, records } = await startRegistry({ onFault: error => faults.push(error) })
    const failure = new Error('listener')
    const order: string[] = []
    registry.authorizer.onChange(() => {
      throw failure
    })
    const stop = registry.authorizer.onChange(() => {
      const known = registry.channels.find('default', 'telemetry') !== undefined
      order.push(`heard, known ${known}, stored ${records.text.includes('telemetry')}`)
    })
    await control.channels.create({ name: 'telemetry' }).then(() => order.push('settled'))
    expect(order).toEqual(['heard, known true, stored true', 'settled'])
    expect(faults).toEqual([failure])
    stop()
    await control.channels.create({ name: 'more' })
    expect(order).toHaveLength(2)
  })
})
