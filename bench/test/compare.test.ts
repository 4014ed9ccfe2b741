import { describe, expect, it } from 'vitest'
import { compare, parseTables } from '../report/compare.ts'
import { tablesOf } from '../report/tables.ts'
import { flowOf, idleOf, loadBound, rowOf } from './support/results.ts'

const report = (rate: number, ...more: ReturnType<typeof rowOf>[]) =>
  tablesOf([rowOf('pairs', 1, ['thingmesh', 'disk'], flowOf(rate)), ...more]).join('\n')

describe('compare', () => {
  it('reads the tables that the bench writes', () => {
    const [rates, idle] = parseTables(report(1_234_567, rowOf('idle', 0, ['nats', 'memory'], idleOf(5_000, 2.5))))
    expect(rates).toMatchObject({ title: 'Rates', keys: ['shape', 'QoS', 'broker', 'profile'] })
    expect(rates!.columns[0]).toBe('msg/s')
    expect(rates!.lines.get('1:1 (10 pairs) | 1 | thingmesh | disk')?.cells[0]).toBe('1,234,567')
    expect(idle!.lines.get('nats | memory')?.cells.slice(0, 2)).toEqual(['5,000', '2.5'])
  })

  it('puts figures of the same line side by side, and says nothing of lines that only one has', () => {
    const before = report(1_000, rowOf('pairs', 1, ['nats', 'file'], flowOf(1)))
    const after = report(2_500, rowOf('pairs', 1, ['aedes', 'memory'], flowOf(1)))
    const text = compare(parseTables(before), parseTables(after))
    expect(text).toContain('| 1:1 (10 pairs) | 1 | thingmesh | disk | 1,000 → 2,500 (× 2.50) |')
    expect(text).not.toContain('nats')
    expect(text).not.toContain('aedes')
  })

  it('sees the figure before a mark, and none in a range', () => {
    const marked = tablesOf([
      rowOf('pairs', 1, ['thingmesh', 'disk'], flowOf(500, { window: loadBound }), flowOf(500, { window: loadBound })),
    ]).join('\n')
    const text = compare(parseTables(report(1_000)), parseTables(marked))
    expect(text).toContain('| 1,000 → 500 * (× 0.50) | — → 500–500 |')
  })
})
