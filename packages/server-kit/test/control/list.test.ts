import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, startRegistry } from './fixture.ts'

describe('lists', () => {
  it('are in the order of names, page by page, whatever comes and goes in between', async () => {
    const { control } = await startRegistry()
    await control.things.createMany(['d', 'b', 'a', 'e', 'c'].map(name => ({ name })))
    const first = await control.things.list({ limit: 2 })
    expect(first.items.map(item => item.name)).toEqual(['a', 'b'])
    await control.things.remove('b')
    await control.things.create({ name: 'aa' })
    await control.things.create({ name: 'bb' })
    const second = await control.things.list({ limit: 3, cursor: first.next })
    expect(second.items.map(item => item.name)).toEqual(['bb', 'c', 'd'])
    const third = await control.things.list({ limit: 3, cursor: second.next })
    expect(third.items.map(item => item.name)).toEqual(['e'])
    expect(third.next).toBeUndefined()
    expect((await control.things.list({ limit: 6 })).next).toBeUndefined()
  })

  it('have 100 items by default', async () => {
    const { control } = await startRegistry()
    await control.channels.createMany(Array.from({ length: 101 }, (_, i) => ({ name: `c${1000 + i}` })))
    const page = await control.channels.list()
    expect(page.items).toHaveLength(100)
    expect((await control.channels.list({ cursor: page.next })).items.map(item => item.name)).toEqual(['c1100'])
  })

  it('refuse limits and cursors that are none', async () => {
    const { control } = await startRegistry()
    for (const query of [{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }, { cursor: '' }, { cursor: 'ä' }]) {
      for (const list of [
        () => control.things.list(query),
        () => control.channels.list(query),
        () => control.grants.list(query),
        () => control.tokens.list(query),
        () => control.domains.list(query),
      ]) {
        expect(await codeOf(list())).toBe('invalid-argument')
      }
    }
  })

  it('filter by name, tag and metadata', async () => {
    const { control } = await startRegistry()
    await control.things.createMany([
      { name: 'lamp-1', tags: ['light', 'hall'], metadata: { floor: 1, at: { x: 1, y: [1, 2] } } },
      { name: 'lamp-2', tags: ['light'], metadata: { floor: 2, at: { y: [1, 2], x: 1 } } },
      { name: 'lock-1', tags: ['hall'], metadata: { floor: 1 } },
    ])
    const names = async (query: Parameters<typeof control.things.list>[0]) =>
      (await control.things.list(query)).items.map(item => item.name)
    expect(await names({ name: 'la' })).toEqual(['lamp-1', 'lamp-2'])
    expect(await names({ name: 'lamp-2' })).toEqual(['lamp-2'])
    expect(await names({ name: 'z' })).toEqual([])
    expect(await names({ tag: 'hall' })).toEqual(['lamp-1', 'lock-1'])
    expect(await names({ tag: 'hal' })).toEqual([])
    expect(await names({ metadata: { floor: 1 } })).toEqual(['lamp-1', 'lock-1'])
    expect(await names({ metadata: { floor: 1, at: { x: 1, y: [1, 2] } } })).toEqual(['lamp-1'])
    expect(await names({ metadata: { at: { x: 1, y: [1, 2] } } })).toEqual(['lamp-1', 'lamp-2'])
    expect(await names({ metadata: { at: { x: 1, y: [2, 1] } } })).toEqual([])
    expect(await names({ metadata: { toString: null } })).toEqual([])
    const page = await control.things.list({ tag: 'hall', limit: 1 })
    expect(await names({ tag: 'hall', limit: 1, cursor: page.next })).toEqual(['lock-1'])
  })

  it('give every item that matches once, in order, for any names, prefix and page size', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀'), minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 60 }),
        fc.array(fc.nat(59), { maxLength: 20 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 2 }),
        fc.integer({ min: 1, max: 7 }),
        async (names, removed, prefix, limit) => {
          const { control } = await startRegistry()
          const left = new Set(names)
          await control.things.createMany(names.slice(0, 40).map(item => ({ name: item })))
          for (const item of names.slice(40)) await control.things.create({ name: item })
          for (const index of removed) {
            const item = names[index]
            if (item !== undefined && left.delete(item)) await control.things.remove(item)
          }
          const seen: string[] = []
          let cursor: string | undefined
          do {
            const page = await control.things.list({ name: prefix, limit, cursor })
            expect(page.items.length).toBeLessThanOrEqual(limit)
            seen.push(...page.items.map(item => item.name))
            cursor = page.next
          } while (cursor !== undefined)
          const expected = [...left].filter(item => item.startsWith(prefix)).sort((a, b) => (a < b ? -1 : 1))
          expect(seen).toEqual(expected)
        },
      ),
      { numRuns: 50 },
    )
  })
})
