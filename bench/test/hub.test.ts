import { expect, it } from 'vitest'
import { parseTables } from '../report/compare.ts'
import { bench } from './support/bench.ts'

const SMALL = ['--seconds', '0.3', '--warmup', '0.2', '--latency', '0.3', '--settle', '0']
const FEW = ['--connections', '20', '--filters', '1000', '--queued', '2000']

it('measures a hub in every shape, and finds no fault in it', async () => {
  const shapes = ['--shapes', 'pairs,persistent,idle,filters,drain']
  const what = ['--brokers', 'thingmesh', '--qos', '1,2', '--profiles', 'disk,record acked']
  const report = await bench('mqtt', ...shapes, ...what, ...SMALL, ...FEW)
  const tables = parseTables(report)
  const cellsOf = (title: string, column: string) => {
    const table = tables.find(candidate => candidate.title === title)!
    return [...table.lines.values()].map(({ cells }) => cells[table.columns.indexOf(column)])
  }
  expect(cellsOf('Rates', 'lost')).toEqual(['0', '0', '0'])
  expect(cellsOf('Rates', 'duplicated')).toEqual(['0', '0', '0'])
  expect(cellsOf('Rates', 'disk p99 ms')).not.toContain('—')
  expect(cellsOf('Idle connections', 'alive')).toEqual(['20'])
  expect(cellsOf('Distinct filters', 'lost')).toEqual(['0'])
  expect(cellsOf('Distinct filters', 'misrouted')).toEqual(['0'])
  expect(cellsOf('Distinct filters', 'many')).toEqual(['1,000'])
  expect(cellsOf('Drain of queues', 'lost')).toEqual(['0'])
  expect(cellsOf('Drain of queues', 'duplicated')).toEqual(['0'])
  expect(cellsOf('The filter trie alone', 'ns/match')).toHaveLength(2)
}, 180_000)
