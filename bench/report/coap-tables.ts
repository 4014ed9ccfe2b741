import type { CrossingResult, ObserversResult, RequestsResult } from '../load/coap/job.ts'
import { type CoapRow, findRow, measuredIn, requestsRate, requestsRatio } from './coap-rows.ts'
import { costPerMessage, isLoadBound, slowestSeconds } from './rows.ts'
import { cpuCells, rangeOf, type Table, tableOf } from './table.ts'
import { mebibytes, milliseconds, optional, whole } from './text.ts'

export function coapTablesOf(rows: readonly CoapRow[]): string[] {
  return [
    ...tableOf('Requests', REQUESTS, 'requests', rows),
    ...tableOf('Observers', OBSERVERS, 'observers', rows),
    ...tableOf('MQTT to CoAP', CROSSING, 'crossing', rows),
  ]
}

const keys = {
  keys: ['shape', 'server', 'profile'],
  keysOf: ({ shape, server, profile }: CoapRow) => [shape.title, server, profile],
}

const REQUESTS: Table<RequestsResult, CoapRow> = {
  ...keys,
  columns: [
    'requests/s',
    'range',
    "× libcoap's GET",
    'server µs/request',
    'server CPU %',
    'load CPU %',
    'others CPU %',
    'p50 ms',
    'p99 ms',
    'RSS MiB',
    'peak MiB',
    'lost',
    'resent',
    'refused',
  ],
  cells: ({ result }, row, rows) => {
    const { window, latency, tally } = result
    const base = measuredIn<RequestsResult>(findRow(rows, 'get', 'libcoap'))?.result
    return [
      `${whole(requestsRate(result))}${isLoadBound(result) ? ' *' : ''}`,
      rangeOf(row),
      optional(requestsRatio(result, base), value => value.toFixed(2)),
      optional(costPerMessage(window, result.answered), value => value.toFixed(2)),
      ...cpuCells(window),
      milliseconds(latency.p50Ms),
      milliseconds(latency.p99Ms),
      optional(window.brokerRssBytes, mebibytes),
      optional(window.brokerRssPeakBytes, mebibytes),
      whole(tally.lost),
      whole(tally.resent),
      whole(tally.refused),
    ]
  },
}

const OBSERVERS: Table<ObserversResult, CoapRow> = {
  ...keys,
  columns: [
    'observers',
    'register s',
    'fastest s',
    'median s',
    'slowest s',
    'server µs/notification',
    'server CPU %',
    'load CPU %',
    'others CPU %',
    'RSS MiB',
    'missing',
    'duplicated',
  ],
  cells: ({ result }) => {
    const { window, roundsMs, observers, notified } = result
    const ascending = [...roundsMs].sort((a, b) => a - b)
    return [
      whole(observers),
      result.registerSeconds.toFixed(2),
      (ascending[0]! / 1_000).toFixed(3),
      (ascending[(ascending.length - 1) >> 1]! / 1_000).toFixed(3),
      slowestSeconds(result).toFixed(3),
      optional(costPerMessage(window, notified), value => value.toFixed(2)),
      ...cpuCells(window),
      optional(window.brokerRssBytes, mebibytes),
      whole(observers * roundsMs.length - notified),
      whole(result.duplicated),
    ]
  },
}

const CROSSING: Table<CrossingResult, CoapRow> = {
  ...keys,
  columns: [
    'messages',
    'p50 ms',
    'p99 ms',
    'max ms',
    'server µs/message',
    'server CPU %',
    'load CPU %',
    'others CPU %',
    'lost',
    'duplicated',
    'reordered',
  ],
  cells: ({ result }) => {
    const { window, latency, tally } = result
    return [
      whole(latency.samples),
      milliseconds(latency.p50Ms),
      milliseconds(latency.p99Ms),
      milliseconds(latency.maxMs),
      optional(costPerMessage(window, latency.samples), value => value.toFixed(2)),
      ...cpuCells(window),
      whole(tally.lost),
      whole(tally.duplicated),
      whole(tally.reordered),
    ]
  },
}
