import type { DrainResult, FiltersResult, FlowResult, IdleResult } from '../load/job.ts'
import type { LoadResult } from '../load/work.ts'
import {
  bytesPerConnection,
  costPerMessage,
  figureOf,
  isDisturbed,
  isLoadBound,
  medianFlow,
  type Row,
  rateOf,
} from './rows.ts'
import { cpuCells, type Table as RowTable, rangeOf, tableOf } from './table.ts'
import { kibibytes, mebibytes, milliseconds, NONE, optional, percent, whole } from './text.ts'

type Table<R extends LoadResult> = RowTable<R, Row>

/** The rows of one kind of shape, as Markdown; nothing where there are none. */
export function tablesOf(rows: readonly Row[]): string[] {
  return [
    ...tableOf('Rates', FLOW, 'flow', rows),
    ...tableOf('Idle connections', IDLE, 'idle', rows),
    ...tableOf('Distinct filters', FILTERS, 'filters', rows),
    ...tableOf('Drain of queues', DRAIN, 'drain', rows),
  ]
}

const who = { keys: ['broker', 'profile'], keysOf: (row: Row) => [row.broker, row.profile] }

const FLOW: Table<FlowResult> = {
  keys: ['shape', 'QoS', ...who.keys],
  keysOf: row => [row.shape.title, String(row.qos), ...who.keysOf(row)],
  columns: [
    'msg/s',
    'range',
    '× mosquitto',
    'broker µs/msg',
    'broker CPU %',
    'load CPU %',
    'others CPU %',
    'p50 ms',
    'p99 ms',
    'disk p50 ms',
    'disk p99 ms',
    'RSS MiB',
    'peak MiB',
    'lost',
    'duplicated',
  ],
  cells: ({ result, disk }, row, rows) => {
    const { window } = result
    const latency = result.latency && 'p50Ms' in result.latency ? result.latency : undefined
    return [
      `${whole(rateOf(result))}${isLoadBound(result) ? ' *' : ''}`,
      rangeOf(row),
      optional(ratioToMosquitto(result, row, rows), value => value.toFixed(2)),
      optional(costPerMessage(window, result.delivered), value => value.toFixed(2)),
      ...cpuCells(window),
      optional(latency?.p50Ms, milliseconds),
      optional(latency?.p99Ms, milliseconds),
      optional(disk?.p50Ms, milliseconds),
      optional(disk?.p99Ms, milliseconds),
      optional(window.brokerRssBytes, mebibytes),
      optional(window.brokerRssPeakBytes, mebibytes),
      result.drained ? whole(result.tally.lost) : NONE,
      whole(result.tally.duplicated),
    ]
  },
}

const IDLE: Table<IdleResult> = {
  ...who,
  columns: [
    'connections',
    'KiB each',
    'KiB each, collected',
    'connect s',
    'CONNECT/s',
    'broker CPU %',
    'load CPU %',
    'others CPU %',
    'RSS before MiB',
    'RSS after MiB',
    'alive',
  ],
  cells: ({ result }) => [
    whole(result.connections),
    optional(bytesPerConnection(result), kibibytes),
    optional(bytesPerConnection({ ...result, rssAfterBytes: result.rssCollectedBytes }), kibibytes),
    result.window.seconds.toFixed(2),
    whole(result.connections / result.window.seconds),
    ...cpuCells(result.window),
    optional(result.rssBeforeBytes, mebibytes),
    optional(result.rssAfterBytes, mebibytes),
    whole(result.alive),
  ],
}

const FILTERS: Table<FiltersResult> = {
  ...who,
  columns: [
    'few',
    'many',
    'msg/s few',
    'msg/s many',
    'broker µs/msg few',
    'broker µs/msg many',
    'cost ratio',
    'load CPU % few',
    'load CPU % many',
    'subscribe s many',
    'RSS MiB',
    'lost',
    'misrouted',
  ],
  cells: ({ result }) => {
    const { few, many } = result
    return [
      whole(few.filters),
      whole(many.filters),
      whole(few.delivered / few.window.seconds),
      whole(many.delivered / many.window.seconds),
      optional(costPerMessage(few.window, few.delivered), value => value.toFixed(2)),
      optional(costPerMessage(many.window, many.delivered), value => value.toFixed(2)),
      optional(filterCostRatio(result), value => value.toFixed(2)),
      percent(few.window.loadCpuSeconds, few.window.seconds),
      percent(many.window.loadCpuSeconds, many.window.seconds),
      many.subscribeSeconds.toFixed(2),
      optional(many.window.brokerRssBytes, mebibytes),
      whole(result.lost),
      whole(result.misrouted),
    ]
  },
}

const DRAIN: Table<DrainResult> = {
  ...who,
  columns: [
    'queued',
    'queued/s',
    'drained/s',
    'growth MiB',
    'RSS empty MiB',
    'RSS full MiB',
    'RSS peak MiB',
    'broker CPU %',
    'load CPU %',
    'others CPU %',
    'lost',
    'duplicated',
  ],
  cells: ({ result }) => [
    whole(result.queued),
    whole(result.queued / result.fillSeconds),
    whole(figureOf(result)),
    optional(drainGrowthBytes(result), mebibytes),
    optional(result.rssEmptyBytes, mebibytes),
    optional(result.rssFullBytes, mebibytes),
    optional(result.rssPeakBytes, mebibytes),
    ...cpuCells(result.window),
    whole(result.queued - result.delivered),
    whole(result.duplicated),
  ],
}

function ratioToMosquitto(result: FlowResult, row: Row, rows: readonly Row[]): number | undefined {
  const peer = rows.find(other => other.broker === 'mosquitto' && other.shape === row.shape && other.qos === row.qos)
  return ratio(result, medianFlow(peer)?.result)
}

/** `undefined` where one of them is missing, or was disturbed. */
export function ratio(result: FlowResult, base: FlowResult | undefined): number | undefined {
  if (base === undefined || isDisturbed(base) || isDisturbed(result)) return undefined
  return rateOf(result) / rateOf(base)
}

/** What a message costs with many filters, in terms of what it costs with few. */
export function filterCostRatio({ few, many }: FiltersResult): number | undefined {
  const [base, cost] = [costPerMessage(few.window, few.delivered), costPerMessage(many.window, many.delivered)]
  return base && cost && cost / base
}

/** What the return of the sessions added, at its highest, to what the broker had resident. */
export function drainGrowthBytes({ rssFullBytes, rssPeakBytes }: DrainResult): number | undefined {
  if (rssFullBytes === undefined || rssPeakBytes === undefined) return undefined
  return rssPeakBytes - rssFullBytes
}
