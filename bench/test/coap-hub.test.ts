import { expect, it } from 'vitest'
import { parseTables } from '../report/compare.ts'
import { bench } from './support/bench.ts'

const SMALL = ['--seconds', '0.3', '--warmup', '0.2', '--endpoints', '4', '--observers', '64', '--rounds', '2']

it('measures a hub and node-coap in every shape, and finds no fault in the hub', async () => {
  const report = await bench('coap', '--servers', 'thingmesh,node-coap', ...SMALL, '--rate', '200')
  const tables = parseTables(report)
  const cellsOf = (title: string, column: string) => {
    const table = tables.find(candidate => candidate.title === title)!
    return [...table.lines].map(([name, { cells }]) => [name, cells[table.columns.indexOf(column)]])
  }
  const requests = [
    'GET of a last value | thingmesh | disk',
    'GET of a last value | node-coap | memory',
    'POST | thingmesh | memory',
    'POST | thingmesh | disk',
    'POST | node-coap | memory',
  ]
  expect(cellsOf('Requests', 'lost')).toEqual(requests.map(name => [name, '0']))
  expect(cellsOf('Requests', 'refused')).toEqual(requests.map(name => [name, '0']))
  expect(cellsOf('Observers', 'missing').map(([, missing]) => missing)).toEqual(['0', '0'])
  expect(cellsOf('Observers', 'observers').map(([, count]) => count)).toEqual(['64', '64'])
  expect(cellsOf('MQTT to CoAP', 'lost').map(([, lost]) => lost)).toEqual(['0', '0'])
  expect(report).not.toContain('not as they should be')
}, 120_000)
