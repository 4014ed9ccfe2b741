import { type Action, actions, type NewKey, type Principal, ThingmeshError } from '@thingmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RegistryControl } from '../../src/contracts/index.ts'
import { Registry } from '../../src/control/index.ts'
import { codeOf, createThing, type Fixture, peer, startRegistry } from './fixture.ts'
import { MemoryRecords } from './memory-records.ts'

const names = ['a', 'b', 'c', '__proto__', 'constructor'] as const
const patterns = ['#', 'x', '+/x', 'x/#'] as const
const topics = names.flatMap(name => [name, `${name}/x`, `${name}/y/x`, `${name}/x/y/z`])

const nameOf = fc.constantFrom(...names)
const actionsOf = fc.uniqueArray(fc.constantFrom(...actions), { minLength: 1, maxLength: 3 })
const metadataOf = fc.dictionary(fc.constantFrom('p', 'q'), fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<null>)

type Operation = (control: RegistryControl, fixture: Fixture) => Promise<unknown>

/** Grants have no names: one of those there are, by number. */
const nthGrant = async (control: RegistryControl, n: number): Promise<string> => {
  const { items } = await control.grants.list()
  return items[n % Math.max(items.length, 1)]?.id ?? 'none'
}
const nthToken = async (control: RegistryControl, n: number): Promise<string> => {
  const { items } = await control.tokens.list()
  return items[n % Math.max(items.length, 1)]?.id ?? 'none'
}

const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ name: nameOf, metadata: metadataOf, tags: fc.uniqueArray(nameOf), enabled: fc.boolean() }).chain(draft =>
    fc.constantFrom<Operation>(
      control => control.things.create(draft),
      control => control.channels.create(draft),
      control => control.things.createMany([draft, { name: `${draft.name}2` }]),
      control => control.channels.createMany([{ name: `${draft.name}2` }, draft]),
    ),
  ),
  fc.tuple(nameOf, nameOf, fc.boolean()).chain(([name, other, enabled]) =>
    fc.constantFrom<Operation>(
      control => control.things.update(name, { enabled }),
      control => control.things.update(name, { name: other, tags: [other] }),
      control => control.channels.update(name, { enabled, record: 'acked', retention: { bytesMax: 7 } }),
      control => control.things.remove(name),
      control => control.channels.remove(name),
    ),
  ),
  fc
    .tuple(nameOf, nameOf, actionsOf, fc.constantFrom(...patterns), fc.nat(20))
    .chain(([thing, channel, some, pattern, n]) =>
      fc.constantFrom<Operation>(
        control => control.grants.create({ thing, channel, actions: some, pattern }),
        control => control.grants.createMany([{ thing, channel, actions: some }]),
        async control => control.grants.update(await nthGrant(control, n), { pattern, actions: some }),
        async control => control.grants.remove(await nthGrant(control, n)),
      ),
    ),
  fc.tuple(nameOf, fc.integer({ min: 1, max: 20 })).chain(([thing, n]) =>
    fc.constantFrom<Operation>(
      control => control.keys.create(thing, { expiresInSeconds: n }),
      control => control.keys.create(thing),
      control => control.keys.rotate(thing),
      control => control.keys.rotate(thing, { graceSeconds: n }),
      async control => control.keys.revoke(thing, (await control.keys.list(thing))[0]?.id ?? 'none'),
      control => control.tokens.create({ name: thing, scope: { channels: [thing] }, expiresInSeconds: n }),
      control => control.tokens.create({ name: thing, scope: 'admin' }),
      async control => control.tokens.revoke(await nthToken(control, n)),
      control => control.domains.create({ name: thing }),
      (_, fixture) => fixture.registry.bootstrap(),
      async (_, fixture) => {
        fixture.clock.nowMs += n * 500
      },
      async (_, fixture) => fixture.records.failNext(new Error('disk full')),
    ),
  ),
)

/** Everything that can be seen of a registry. */
async function seen(control: RegistryControl, registry: Registry, secrets: readonly string[]): Promise<unknown> {
  const things = (await control.things.list()).items
  const channels = (await control.channels.list()).items
  const rights = things.map(thing => {
    const principal: Principal = { id: `thing:${thing.id}`, kind: 'thing', domain: 'default' }
    const compiled = registry.authorizer.compile(principal)
    return topics.map(topic => [
      actions.map(action => compiled.may(action, topic)),
      actions.map(action => compiled.mayOnSome(action, topic.replace('/y', '/+'))),
    ])
  })
  return {
    things,
    rights,
    channels,
    found: names.map(name => registry.channels.find('default', name)),
    grants: (await control.grants.list()).items,
    grantsByThing: await Promise.all(things.map(thing => control.grants.list({ thing: thing.id }))),
    grantsByChannel: await Promise.all(channels.map(channel => control.grants.list({ channel: channel.id }))),
    keys: await Promise.all(things.map(thing => control.keys.list(thing.id))),
    tokens: (await control.tokens.list()).items,
    domains: (await control.domains.list()).items,
    proved: secrets.map(secret => registry.credentials.prove(secret)),
  }
}

describe('what was changed', () => {
  it('is the same after a restart, whatever was done, and whatever failed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operations, { maxLength: 60, size: 'max' }), async steps => {
        const fixture = await startRegistry()
        const { control, registry, records, clock } = fixture
        const secrets: string[] = []
        // Something to begin with, so that few of the steps find nothing to act on.
        for (const name of names.slice(0, 3)) {
          await control.things.create({ name })
          await control.channels.create({ name })
        }
        for (const step of steps) {
          const result = await step(control, fixture).catch(error => {
            if (!(error instanceof ThingmeshError)) throw error
          })
          for (const made of [result].flat() as Partial<NewKey & { key: NewKey }>[]) {
            const secret = made?.secret ?? made?.key?.secret
            if (secret !== undefined) secrets.push(secret)
          }
        }
        const before = await seen(control, registry, secrets)
        await registry.stop()
        const again = new Registry({ records, nowMs: () => clock.nowMs })
        await again.start()
        expect(
          await seen(
            again.control({ embedder: true }, () => []),
            again,
            secrets,
          ),
        ).toEqual(before)
        await again.stop()
      }),
      { numRuns: 100 },
    )
  })

  it('is in the records before it is in force, and not at all where the write fails', async () => {
    const { control, registry, records, announced, byKey } = await startRegistry()
    const thing = await createThing(control, { name: 'sensor', tags: ['x'] })
    await control.channels.create({ name: 'telemetry' })
    const grant = await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    const token = await control.tokens.create({ name: 'ops', scope: 'admin' })
    const before = await seen(control, registry, [thing.key.secret, token.secret])
    const text = records.text
    announced.length = 0
    const changes: (() => Promise<unknown>)[] = [
      () => control.things.create({ name: 'other' }),
      () => control.things.createMany([{ name: 'other' }, { name: 'more' }]),
      () => control.things.update('sensor', { name: 'other', enabled: false }),
      () => control.things.remove('sensor'),
      () => control.channels.create({ name: 'other' }),
      () => control.channels.update('telemetry', { enabled: false }),
      () => control.channels.remove('telemetry'),
      () => control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['read'] }),
      () => control.grants.update(grant.id, { actions: ['read'] }),
      () => control.grants.remove(grant.id),
      () => control.keys.create('sensor'),
      () => control.keys.rotate('sensor'),
      () => control.keys.revoke('sensor', thing.key.id),
      () => control.tokens.create({ name: 'other', scope: 'read' }),
      () => control.tokens.revoke(token.id),
      () => control.domains.create({ name: 'acme' }),
    ]
    for (const change of changes) {
      records.failNext(new Error('disk full'))
      expect(await codeOf(change())).toBe('unavailable')
      expect(await seen(control, registry, [thing.key.secret, token.secret])).toEqual(before)
      expect(records.text).toBe(text)
    }
    expect(announced).toEqual([])
    expect(await codeOf(byKey({ kind: 'key', secret: thing.key.secret }, peer))).toBe('settled')

    const own = new ThingmeshError('conflict', 'another hub has the data')
    records.failNext(own)
    await expect(control.things.create({ name: 'other' })).rejects.toBe(own)

    const release = records.hold()
    const writes = records.writes
    const creating = control.things.create({ name: 'other' })
    await expect.poll(() => records.writes).toBe(writes + 1)
    expect(await codeOf(control.things.get('other'))).toBe('not-found')
    release()
    await creating
    expect(await codeOf(control.things.get('other'))).toBe('settled')
  })
})

describe('changes at the same time', () => {
  it('give one name to one of fifty', async () => {
    const { control } = await startRegistry()
    const kinds = [
      () => control.things.create({ name: 'a' }),
      () => control.channels.create({ name: 'a' }),
      () => control.domains.create({ name: 'a' }),
    ]
    for (const create of kinds) {
      const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf(create())))
      expect(codes.filter(code => code === 'settled')).toHaveLength(1)
      expect(codes.filter(code => code === 'conflict')).toHaveLength(49)
    }
  })

  it('leave a thing with two keys, and with no grant to what is gone', async () => {
    const { control } = await startRegistry()
    await control.things.create({ name: 'sensor' })
    await control.channels.create({ name: 'telemetry' })
    const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf(control.keys.create('sensor'))))
    expect(codes.filter(code => code === 'settled')).toHaveLength(1)
    expect(await control.keys.list('sensor')).toHaveLength(2)
    const grant = () => codeOf(control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['read'] }))
    expect(await Promise.all([grant(), codeOf(control.channels.remove('telemetry')), grant()])).toEqual([
      'settled',
      'settled',
      'not-found',
    ])
    expect((await control.grants.list()).items).toEqual([])
  })

  it('that wait are bounded', async () => {
    const { control, records } = await startRegistry({ limits: { waitingChangesMax: 3 } })
    const release = records.hold()
    const creating = Array.from({ length: 5 }, (_, i) => codeOf(control.things.create({ name: `t${i}` })))
    expect(await Promise.all(creating.slice(3))).toEqual(['unavailable', 'unavailable'])
    release()
    expect(await Promise.all(creating.slice(0, 3))).toEqual(['settled', 'settled', 'settled'])
    expect(await codeOf(control.things.create({ name: 't4' }))).toBe('settled')
  })
})

describe('start and stop', () => {
  it('are idempotent; a stopped registry finishes what was asked for and takes no more', async () => {
    const { control, registry, records } = await startRegistry()
    await registry.start()
    const release = records.hold()
    const creating = Array.from({ length: 3 }, (_, i) => control.things.create({ name: `t${i}` }))
    const stopping = registry.stop()
    const late = stopping.then(() => codeOf(control.things.create({ name: 'late' })))
    release()
    await Promise.all(creating)
    await stopping
    await registry.stop()
    expect(await late).toBe('unavailable')
    expect(records.text).toContain('"t2"')
    await registry.start()
    expect((await control.things.list()).items).toHaveLength(3)
    expect(await codeOf(control.things.create({ name: 'late' }))).toBe('settled')
  })

  it('before the start nobody gets in and nothing can be changed', async () => {
    const registry = new Registry({ records: new MemoryRecords() })
    expect(registry.credentials.prove(`tmk_${'0'.repeat(32)}_${'A'.repeat(43)}`)).toBeUndefined()
    expect(registry.channels.find('default', 'a')).toBeUndefined()
    expect(() => registry.control({ embedder: true }, () => [])).toThrowError(
      expect.objectContaining({ code: 'unavailable' }),
    )
    expect(await codeOf(registry.bootstrap())).toBe('unavailable')
  })

  it('a start that failed can be tried again', async () => {
    const records = new MemoryRecords()
    records.failNext(new Error('disk full'))
    const registry = new Registry({ records })
    expect(await codeOf(registry.start())).toBe('unavailable')
    expect(await codeOf(registry.start())).toBe('settled')
    expect(await codeOf(registry.bootstrap())).toBe('settled')
  })

  it('leave the records of others alone and refuse to start on their own that cannot be read', async () => {
    const { records, control, registry } = await startRegistry()
    const thing = await createThing(control, { name: 'sensor' })
    await control.channels.create({ name: 'telemetry' })
    await control.grants.create({ thing: 'sensor', channel: 'telemetry', actions: ['publish'] })
    await control.tokens.create({ name: 'ops', scope: { channels: ['telemetry'] } })
    await registry.stop()
    await records.write([{ op: 'put', record: { kind: 'weather', id: 'x', value: 'rain' } }])
    const again = new Registry({ records })
    expect(await codeOf(again.start())).toBe('settled')
    await again.stop()
    expect(records.rows.has('weather x')).toBe(true)

    const damages: readonly (readonly [RegExp, (value: Record<string, unknown>) => unknown])[] = [
      [/^thing /, value => ({ ...value, item: 5 })],
      [/^thing /, value => ({ item: { ...(value.item as object), enabled: 1 } })],
      [/^thing /, value => ({ item: { ...(value.item as object), domain: 'nowhere' } })],
      [/^channel /, value => ({ item: { ...(value.item as object), record: 'some' } })],
      [/^grant /, value => ({ item: { ...(value.item as object), actions: ['fly'] } })],
      [/^grant /, value => ({ item: { ...(value.item as object), thing: 'nobody' } })],
      [/^key /, value => ({ ...value, hash: undefined })],
      [/^token /, value => ({ ...value, item: { ...(value.item as object), scope: 'root' } })],
      [/^secret /, () => 'text'],
    ]
    for (const [which, damage] of damages) {
      const broken = new MemoryRecords()
      for (const [key, text] of records.rows) {
        const record = JSON.parse(text) as { value: Record<string, unknown> }
        const value = which.test(key) ? damage(record.value) : record.value
        broken.rows.set(key, JSON.stringify({ ...record, value }))
      }
      const error = await new Registry({ records: broken }).start().catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'internal' })
      expect(String(error)).not.toContain(thing.name)
    }
  })
})

describe('rights', () => {
  it('tell a thousand channels apart', async () => {
    const { control, registry } = await startRegistry()
    const channels = Array.from({ length: 1000 }, (_, i) => ({ name: `c${i}` }))
    await control.channels.createMany(channels)
    const thing = await createThing(control, { name: 'app' })
    const some: readonly Action[] = ['publish']
    await control.grants.createMany(channels.map(channel => ({ thing: 'app', channel: channel.name, actions: some })))
    const rights = registry.authorizer.compile({ id: `thing:${thing.id}`, kind: 'thing', domain: 'default' })
    expect(channels.every(({ name }) => rights.may('publish', `${name}/x`))).toBe(true)
    expect(channels.some(({ name }) => rights.may('publish', `${name}x`))).toBe(false)
  })
})
