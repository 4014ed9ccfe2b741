import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parseTables } from '../report/compare.ts'

const FLAGS = ['--conditions=@thingmesh/source', '--wasm-wrapper-tiering-budget=1000000000']
const SMALL = ['--seconds', '0.3', '--warmup', '0.2', '--latency', '0.3', '--settle', '0']
const FEW = ['--connections', '20', '--filters', '1000', '--queued', '2000']

function bench(...args: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const child = spawn(process.execPath, [...FLAGS, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    said += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => (code === 0 ? resolve(said) : reject(new Error(`exit code ${code}: ${errors}`))))
  })
}

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
