import type { JsonObject } from '@thingmesh/core'
import { describe, expect, it } from 'vitest'
import type { ChannelDraft, ThingDraft } from '../../src/contracts/index.ts'
import { codeOf, createThing, startRegistry } from './fixture.ts'

describe('things', () => {
  it('are created with defaults and a key, found by id and by name', async () => {
    const { control } = await startRegistry()
    const created = await createThing(control, { name: 'sensor-1' })
    const { key, ...thing } = created
    expect(thing).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      domain: 'default',
      name: 'sensor-1',
      metadata: {},
      tags: [],
      enabled: true,
      createdAtMs: 1_700_000_000_000,
      updatedAtMs: 1_700_000_000_000,
    })
    expect(key.secret).toMatch(new RegExp(`^tmk_${key.id}_[A-Za-z0-9_-]{43}$`))
    expect(key.thing).toBe(thing.id)
    expect(await control.things.create({ name: 'sensor-0' })).toHaveProperty('key.secret')
    expect(await control.things.get('sensor-1')).toEqual(thing)
    expect(await control.things.get(thing.id)).toEqual(thing)
    expect(await codeOf(control.things.get('sensor-2'))).toBe('not-found')
  })

  it('change what is given and nothing else', async () => {
    const { control, clock } = await startRegistry()
    await control.things.create({ name: 'a', metadata: { floor: 1 }, tags: ['x'] })
    clock.nowMs += 5
    const renamed = await control.things.update('a', { name: 'b' })
    expect(renamed).toMatchObject({ name: 'b', metadata: { floor: 1 }, tags: ['x'], enabled: true })
    expect(renamed.updatedAtMs - renamed.createdAtMs).toBe(5)
    expect(await codeOf(control.things.get('a'))).toBe('not-found')
    expect(await control.things.update(renamed.id, { metadata: { floor: 2 }, tags: [] })).toMatchObject({
      name: 'b',
      metadata: { floor: 2 },
      tags: [],
    })
    await control.things.create({ name: 'c' })
    expect(await codeOf(control.things.update('c', { name: 'b' }))).toBe('conflict')
    expect(await control.things.update('b', { name: 'b' })).toMatchObject({ name: 'b' })
  })

  it('cannot take the id of another as a name', async () => {
    const { control } = await startRegistry()
    const victim = await control.things.create({ name: 'victim' })
    expect(await codeOf(control.things.create({ name: victim.id }))).toBe('conflict')
    const other = await control.things.create({ name: 'other' })
    expect(await codeOf(control.things.update(other.id, { name: victim.id }))).toBe('conflict')
  })

  it('may be called what objects inherit', async () => {
    const { control } = await startRegistry()
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(await codeOf(control.things.get(name))).toBe('not-found')
      const { id } = await control.things.create({ name })
      expect((await control.things.get(name)).id).toBe(id)
      await control.channels.create({ name })
    }
    expect((await control.things.list()).items).toHaveLength(4)
  })

  it('do not change with the objects they were made from, nor by who reads them', async () => {
    const { control } = await startRegistry()
    const metadata = { nested: { value: 1 } }
    const tags = ['a']
    const creating = control.things.create({ name: 'a', metadata, tags })
    metadata.nested.value = 2
    tags.push('b')
    await creating
    const thing = await control.things.get('a')
    expect(thing).toMatchObject({ metadata: { nested: { value: 1 } }, tags: ['a'] })
    expect(() => Object.assign(thing.metadata, { x: 1 })).toThrow(TypeError)
    expect(() => Object.assign(thing, { enabled: false })).toThrow(TypeError)
  })

  it('are created many at once, all or none, in one write', async () => {
    const { control, records } = await startRegistry()
    const before = records.writes
    const drafts = Array.from({ length: 100 }, (_, i) => ({ name: `t${i}` }))
    const created = await control.things.createMany(drafts)
    expect(records.writes - before).toBe(1)
    expect(created.map(thing => thing.name)).toEqual(drafts.map(draft => draft.name))
    expect(new Set(created.map(thing => thing.key.secret)).size).toBe(100)

    await expect(control.things.createMany([{ name: 'x' }, { name: 'y' }, { name: 't5' }])).rejects.toMatchObject({
      code: 'conflict',
      details: { index: 2 },
    })
    await expect(control.things.createMany([{ name: 'x' }, { name: 'x' }])).rejects.toMatchObject({ code: 'conflict' })
    await expect(control.things.createMany([{ name: 'x' }, { name: 'a/b' }])).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { index: 1 },
    })
    expect(await codeOf(control.things.get('x'))).toBe('not-found')
    expect(await control.things.createMany([])).toEqual([])
  })
})

describe('bounds', () => {
  const deep = (levels: number): JsonObject => (levels === 1 ? {} : { a: deep(levels - 1) })
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const bomb = { a: Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => 0)) }

  const refused: readonly (readonly [string, unknown, string | undefined])[] = [
    ['an empty name', { name: '' }, undefined],
    ['a name of 65 bytes', { name: 'x'.repeat(65) }, undefined],
    ['a name of 33 two-byte characters', { name: 'é'.repeat(33) }, undefined],
    ['a slash', { name: 'a/b' }, undefined],
    ['a plus', { name: 'a+' }, undefined],
    ['a hash', { name: '#' }, undefined],
    ['a dollar in front', { name: '$SYS' }, undefined],
    ['a line break', { name: 'a\nb' }, undefined],
    ['a name that is no text', { name: 5 }, undefined],
    ['metadata of 8 KiB and a byte', { name: 'a', metadata: { m: 'x'.repeat(8192 - 7) } }, 'metadataBytesMax'],
    ['metadata whose escapes are long', { name: 'a', metadata: { m: '\u0001'.repeat(2000) } }, 'metadataBytesMax'],
    ['metadata of depth 17', { name: 'a', metadata: deep(17) }, 'metadataDepthMax'],
    ['metadata that contains itself', { name: 'a', metadata: cyclic }, 'metadataDepthMax'],
    ['metadata of many small values', { name: 'a', metadata: bomb }, 'metadataBytesMax'],
    ['metadata with __proto__', { name: 'a', metadata: JSON.parse('{"a":{"__proto__":{"x":1}}}') }, undefined],
    ['metadata with constructor', { name: 'a', metadata: { constructor: 1 } }, undefined],
    ['metadata that is a list', { name: 'a', metadata: [] }, undefined],
    ['metadata with NaN', { name: 'a', metadata: { x: Number.NaN } }, undefined],
    ['metadata with a function', { name: 'a', metadata: { x: () => 1 } }, undefined],
    ['metadata with a date', { name: 'a', metadata: { x: new Date(0) } }, undefined],
    ['33 tags', { name: 'a', tags: Array.from({ length: 33 }, (_, i) => `t${i}`) }, 'tagsMax'],
    ['a tag of 65 bytes', { name: 'a', tags: ['x'.repeat(65)] }, 'tagBytesMax'],
    ['a tag of 33 two-byte characters', { name: 'a', tags: ['é'.repeat(33)] }, 'tagBytesMax'],
    ['an empty tag', { name: 'a', tags: [''] }, undefined],
    ['a tag twice', { name: 'a', tags: ['x', 'x'] }, undefined],
    ['a tag with a line break', { name: 'a', tags: ['x\r\ny'] }, undefined],
    ['a tag with half a pair', { name: 'a', tags: ['\ud800'] }, undefined],
    ['enabled that is no boolean', { name: 'a', enabled: 'no' }, undefined],
  ]

  for (const [what, draft, limit] of refused) {
    it(`refuse ${what}`, async () => {
      const { control, records } = await startRegistry()
      const before = records.text
      for (const create of [
        () => control.things.create(draft as ThingDraft),
        () => control.channels.create(draft as ChannelDraft),
      ]) {
        await expect(create()).rejects.toMatchObject({
          code: 'invalid-argument',
          ...(limit !== undefined && { details: { limit, max: expect.any(Number), found: expect.any(Number) } }),
        })
      }
      expect(records.text).toBe(before)
    })
  }

  it('take what is just within them', async () => {
    const { control } = await startRegistry()
    const draft = {
      name: 'é'.repeat(32),
      metadata: { m: 'x'.repeat(8192 - 8) },
      tags: Array.from({ length: 32 }, (_, i) => `${i}`.padStart(64, 't')),
    }
    expect(await control.things.create(draft)).toMatchObject(draft)
    expect((await control.things.create({ name: 'deep', metadata: deep(16) })).metadata).toEqual(deep(16))
  })

  it('count things, channels, tokens, grants, domains and what one call brings', async () => {
    const { control } = await startRegistry({
      limits: { thingsMax: 2, channelsMax: 1, tokensMax: 1, grantsPerThingMax: 1, domainsMax: 2, batchItemsMax: 3 },
    })
    const over = (limit: string) =>
      expect.objectContaining({ code: 'conflict', details: expect.objectContaining({ limit }) })
    await control.things.create({ name: 'a' })
    await expect(control.things.createMany([{ name: 'b' }, { name: 'c' }])).rejects.toEqual(over('thingsMax'))
    await control.channels.create({ name: 'x' })
    await expect(control.channels.create({ name: 'y' })).rejects.toEqual(over('channelsMax'))
    await control.tokens.create({ name: 'one', scope: 'read' })
    await expect(control.tokens.create({ name: 'two', scope: 'read' })).rejects.toEqual(over('tokensMax'))
    const grant = { thing: 'a', channel: 'x', actions: ['publish'] } as const
    await expect(control.grants.createMany([grant, grant])).rejects.toMatchObject({
      details: { limit: 'grantsPerThingMax', index: 1 },
    })
    await control.domains.create({ name: 'other' })
    await expect(control.domains.create({ name: 'third' })).rejects.toEqual(over('domainsMax'))
    const four = Array.from({ length: 4 }, (_, i) => ({ name: `n${i}` }))
    await expect(control.things.createMany(four)).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { limit: 'batchItemsMax', found: 4, max: 3 },
    })
  })
})

describe('channels', () => {
  it('record everything for 7 days and 1 GiB unless told otherwise', async () => {
    const { control, registry } = await startRegistry()
    const plain = await control.channels.create({ name: 'telemetry' })
    expect(plain).toMatchObject({ record: 'all', retention: { maxAgeSeconds: 604_800, bytesMax: 1_073_741_824 } })
    const own = await control.channels.create({ name: 'video', record: 'none', retention: { bytesMax: 5 } })
    expect(own).toMatchObject({ record: 'none', retention: { maxAgeSeconds: 604_800, bytesMax: 5 } })
    const changed = await control.channels.update('video', { record: 'acked', retention: { maxAgeSeconds: 60 } })
    expect(changed).toMatchObject({ name: 'video', record: 'acked', retention: { maxAgeSeconds: 60, bytesMax: 5 } })
    expect(registry.channels.find('default', 'video')).toEqual(changed)
    expect(registry.channels.find('default', 'nothing')).toBeUndefined()
    expect(registry.channels.find('nowhere', 'video')).toBeUndefined()
    expect([...registry.channels.list()].map(channel => channel.name).sort()).toEqual(['telemetry', 'video'])
    await control.channels.remove('video')
    expect(registry.channels.find('default', 'video')).toBeUndefined()
  })

  it('refuse policies and retentions that are none', async () => {
    const { control } = await startRegistry()
    for (const draft of [
      { record: 'some' },
      { retention: { bytesMax: 0 } },
      { retention: { bytesMax: 1.5 } },
      { retention: { maxAgeSeconds: -1 } },
      { retention: { maxAgeSeconds: Number.POSITIVE_INFINITY } },
    ]) {
      expect(await codeOf(control.channels.create({ name: 'c', ...draft } as ChannelDraft))).toBe('invalid-argument')
    }
  })

  it('are created many at once, all or none', async () => {
    const { control, records, announced } = await startRegistry()
    const before = records.writes
    await control.channels.createMany([{ name: 'a' }, { name: 'b' }])
    expect(records.writes - before).toBe(1)
    expect(announced).toEqual([{ kind: 'changed', domain: 'default', widens: true }])
    expect(await codeOf(control.channels.createMany([{ name: 'c' }, { name: 'a' }]))).toBe('conflict')
    expect((await control.channels.list()).items.map(item => item.name)).toEqual(['a', 'b'])
  })
})
