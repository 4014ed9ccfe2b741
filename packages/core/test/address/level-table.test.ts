import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashLevel, LevelTable } from '../../src/address/level-table.ts'

interface Item {
  readonly level: string
  readonly number: number
}

const get = (table: LevelTable<Item>, level: string) => table.get(`a/${level}/b`, 2, 2 + level.length)

/** Against a Map, over whatever comes and goes. */
function agrees(table: LevelTable<Item>, steps: readonly { readonly level: string; readonly sets: boolean }[]): void {
  const map = new Map<string, Item>()
  for (const [number, { level, sets }] of steps.entries()) {
    if (sets) {
      table.set({ level, number })
      map.set(level, { level, number })
    } else {
      table.delete(level)
      map.delete(level)
    }
    expect(table.size).toBe(map.size)
    expect(get(table, level)).toEqual(map.get(level))
  }
  for (const { level } of steps) expect(get(table, level)).toEqual(map.get(level))
}

describe('LevelTable', () => {
  it('has what a Map has, whatever comes and goes', () => {
    const level = fc.oneof(
      fc.constantFrom('', 'a', '__proto__', 'temperature', 'é', '\u{1f321}'),
      fc.string({ maxLength: 2 }),
    )
    const step = fc.record({ level, sets: fc.boolean() })
    fc.assert(fc.property(fc.array(step, { maxLength: 300 }), steps => agrees(new LevelTable(), steps)))
  })

  it('grows and shrinks', () => {
    const levels = Array.from({ length: 10_000 }, (_, n) => `room${n}`)
    const steps = [true, false].flatMap(sets => levels.map(level => ({ level, sets })))
    agrees(new LevelTable(), [...steps, ...steps.slice(0, 100)])
  })

  it('has what a Map has where somebody has found names that collide', () => {
    const seed = 12_345
    const colliding: string[] = []
    for (let n = 0; colliding.length < 200; n++) {
      const level = `n${n}`
      if ((hashLevel(seed, level, 0, level.length) & 0x3ff) === 0) colliding.push(level)
    }
    const steps = [true, false, true].flatMap(sets => colliding.map(level => ({ level, sets })))
    agrees(new LevelTable(seed), steps)
  })
})
