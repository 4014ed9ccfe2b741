import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyTable } from '../../src/pipeline/key-table.ts'

interface Item {
  readonly record: { readonly key: string }
  gone: boolean
}

it('knows what was added and has not gone, however much came and went', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), key: fc.integer({ min: 0, max: 300 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('evict' as const, 'take back' as const) }) },
  )
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 300, maxLength: 1_500, size: 'max' }),
      fc.integer({ min: 1, max: 200 }),
      (steps, sizeMax) => {
        const table = new KeyTable<Item>()
        const line: Item[] = []
        const evict = (): void => {
          const oldest = line.shift()
          if (oldest === undefined) return
          oldest.gone = true
          table.left()
        }
        for (const one of steps) {
          if (one.do === 'add') {
            const key = `${one.key}`
            if (table.get(key) !== undefined) continue
            const item = { record: { key }, gone: false }
            table.add(item)
            if (line.push(item) > sizeMax) evict()
          } else if (one.do === 'evict') {
            evict()
          } else {
            const newest = line.pop()
            if (newest === undefined) continue
            newest.gone = true
            table.left()
          }
        }
        const model = new Map(line.map(item => [item.record.key, item]))
        expect(table.size).toBe(model.size)
        for (let key = 0; key <= 300; key++) expect(table.get(`${key}`)).toBe(model.get(`${key}`))
      },
    ),
  )
})
