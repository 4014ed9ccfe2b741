import type { DrainResult, FiltersResult, FlowResult, IdleResult, Qos } from '../load/job.ts'
import type { LoadResult } from '../load/work.ts'
import { DEFAULT_SIZES, type FlowShape, type Sizes } from '../shapes.ts'
import type { TrieReading } from '../trie.ts'
import { isFaulty } from './remarks.ts'
import {
  bytesPerConnection,
  figureOf,
  isDisturbed,
  isLoadBound,
  type Measured,
  medianOf,
  OTHERS_SHARE_MAX,
  type Row,
} from './rows.ts'
import { drainGrowthBytes, filterCostRatio, ratio } from './tables.ts'
import { kibibytes, mebibytes, milliseconds, whole } from './text.ts'

export type Verdict = 'met' | 'NOT MET' | 'not comparable' | 'not measured'

/** One thing that is demanded of a hub's speed, and what came of it. */
export interface Bar {
  readonly what: string
  readonly demand: string
  readonly measured: string
  readonly verdict: Verdict
}

/** What the bars are judged by. */
export interface Evidence {
  readonly rows: readonly Row[]
  readonly sizes: Sizes
  readonly trie: TrieReading | undefined
}

const LATENCY_FACTOR = 2
const LATENCY_SLACK_MS = 3
const CONNECTION_BYTES_MAX = 12 * 1_024
const CONNECT_SECONDS_MAX = 3
const FILTER_COST_RATIO_MAX = 3
const DRAIN_RATE_MIN = 50_000
const DRAIN_GROWTH_BYTES_MAX = 150 * 1_048_576

interface RateBar {
  readonly shape: FlowShape['id']
  readonly qos: Qos
  readonly profile: string
  readonly peer: 'mosquitto' | 'nats'
  readonly times: number
}

const RATE_BARS: readonly RateBar[] = [
  ...(['pairs', 'fan-in', 'fan-out'] as const).flatMap((shape): RateBar[] => [
    { shape, qos: 0, profile: 'record acked', peer: 'mosquitto', times: 5 },
    { shape, qos: 0, profile: 'record acked', peer: 'nats', times: 0.8 },
    { shape, qos: 1, profile: 'memory', peer: 'mosquitto', times: 3 },
    { shape, qos: 1, profile: 'disk', peer: 'mosquitto', times: shape === 'fan-out' ? 5 : 2.5 },
    { shape, qos: 1, profile: 'disk', peer: 'nats', times: 3 },
    { shape, qos: 2, profile: 'disk', peer: 'mosquitto', times: 1 },
  ]),
  { shape: 'persistent', qos: 1, profile: 'disk', peer: 'mosquitto', times: 3 },
]

/** Every bar of which anything was run, in the order of the table they come from. */
export function barsOf(evidence: Evidence): Bar[] {
  return [
    ...[...RATE_BARS].sort((a, b) => a.qos - b.qos).flatMap(bar => rateBar(bar, evidence.rows)),
    ...latencyBars(evidence.rows),
    ...idleBars(evidence),
    ...filterBars(evidence),
    ...drainBars(evidence),
  ]
}

function rateBar(bar: RateBar, rows: readonly Row[]): Bar[] {
  const own = find(rows, bar.shape, 'thingmesh', bar.profile, bar.qos)
  if (!own) return []
  const what = `${own.shape.title}, QoS ${bar.qos}, ${bar.profile}`
  const demand = `≥ ${bar.times} × ${bar.peer}`
  const peer = rows.find(row => row.broker === bar.peer && row.shape.id === bar.shape && row.qos === bar.qos)
  const measured = measuredIn<FlowResult>(own)
  const base = peer && measuredIn<FlowResult>(peer)
  if (!measured) return [{ what, demand, measured: 'failed', verdict: 'NOT MET' }]
  if (!base) return [{ what, demand, measured: `${perSecond(measured.result)}, no peer`, verdict: 'not measured' }]
  const times = ratio(measured.result, base.result)
  const text = `${perSecond(measured.result)} : ${perSecond(base.result)}`
  if (times === undefined) return [{ what, demand, measured: text, verdict: 'not comparable' }]
  const isMet = times >= bar.times
  const limit = !isMet && isLoadBound(measured.result) ? ', the load generator was the limit' : ''
  return [{ what, demand, measured: `${times.toFixed(2)} × (${text})${limit}`, verdict: verdictOn(own, isMet) }]
}

function latencyBars(rows: readonly Row[]): Bar[] {
  const row = find(rows, 'pairs', 'thingmesh', 'disk', 1)
  const measured = row && measuredIn<FlowResult>(row)
  if (!row || !measured) return []
  const { result, disk } = measured
  const { latency } = result
  return (['p50Ms', 'p99Ms'] as const).map(name => {
    const what = `latency ${name.slice(0, 3)}, ${row.shape.title}, QoS 1, disk`
    const demand = `≤ ${LATENCY_FACTOR} × bare disk + ${LATENCY_SLACK_MS} ms`
    if (!disk || !latency || 'missing' in latency) {
      return { what, demand, measured: 'none', verdict: 'not measured' }
    }
    const max = disk[name] * LATENCY_FACTOR + LATENCY_SLACK_MS
    const text = `${milliseconds(latency[name])} ms (disk ${milliseconds(disk[name])} ms, so at most ${milliseconds(max)} ms)`
    return { what, demand, measured: text, verdict: judged(row, result, latency[name] <= max) }
  })
}

function idleBars({ rows, sizes }: Evidence): Bar[] {
  const row = find(rows, 'idle', 'thingmesh', 'disk')
  if (!row) return []
  const whatBytes = `idle connection, ${whole(sizes.connections)} of them`
  const whatSeconds = `${whole(sizes.connections)} CONNECTs`
  const isToSize = sizes.connections >= DEFAULT_SIZES.connections
  return special<IdleResult>(row, isToSize, [
    {
      what: whatBytes,
      demand: `≤ ${kibibytes(CONNECTION_BYTES_MAX)} KiB each`,
      value: bytesPerConnection,
      text: value => `${kibibytes(value)} KiB`,
      isMet: value => value <= CONNECTION_BYTES_MAX,
    },
    {
      what: whatSeconds,
      demand: `≤ ${CONNECT_SECONDS_MAX} s`,
      value: result => result.window.seconds,
      text: value => `${value.toFixed(2)} s`,
      isMet: value => value <= CONNECT_SECONDS_MAX,
    },
  ])
}

function filterBars({ rows, sizes, trie }: Evidence): Bar[] {
  const row = find(rows, 'filters', 'thingmesh', 'record acked')
  const demand = `≤ ${FILTER_COST_RATIO_MAX} × that with 100`
  const isToSize = sizes.filters >= DEFAULT_SIZES.filters
  const what = `${whole(sizes.filters)} distinct filters`
  const bars: Bar[] = row
    ? special<FiltersResult>(row, isToSize, [
        {
          what: `${what}, a message through the hub`,
          demand,
          value: filterCostRatio,
          text: value => `${value.toFixed(2)} ×`,
          isMet: value => value <= FILTER_COST_RATIO_MAX,
        },
      ])
    : []
  if (!trie) return bars
  const times = trie.many.nanoseconds / trie.few.nanoseconds
  const measured = `${times.toFixed(2)} × (${trie.many.nanoseconds.toFixed(0)} ns : ${trie.few.nanoseconds.toFixed(0)} ns)`
  const isComparable = isToSize && trie.othersShare <= OTHERS_SHARE_MAX
  const verdict: Verdict = !isComparable ? 'not comparable' : times <= FILTER_COST_RATIO_MAX ? 'met' : 'NOT MET'
  return [...bars, { what: `${what}, matching alone`, demand, measured, verdict }]
}

function drainBars({ rows, sizes }: Evidence): Bar[] {
  const row = find(rows, 'drain', 'thingmesh', 'disk')
  if (!row) return []
  const what = `drain of ${whole(sizes.queued)} messages, disk`
  return special<DrainResult>(row, sizes.queued >= DEFAULT_SIZES.queued, [
    {
      what,
      demand: `≥ ${whole(DRAIN_RATE_MIN)}/s`,
      value: figureOf,
      text: value => `${whole(value)}/s`,
      isMet: value => value >= DRAIN_RATE_MIN,
    },
    {
      what: `${what}, memory`,
      demand: `grows ≤ ${mebibytes(DRAIN_GROWTH_BYTES_MAX)} MiB`,
      value: drainGrowthBytes,
      text: value => `${mebibytes(value)} MiB`,
      isMet: value => value <= DRAIN_GROWTH_BYTES_MAX,
    },
  ])
}

/** Bars that rest on one result alone. With less than they ask for, a result meets none of them. */
function special<R extends LoadResult>(
  row: Row,
  isToSize: boolean,
  bars: readonly {
    what: string
    demand: string
    value: (result: R) => number | undefined
    text: (value: number) => string
    isMet: (value: number) => boolean
  }[],
): Bar[] {
  const measured = measuredIn<R>(row)
  return bars.map(({ what, demand, value, text, isMet }) => {
    if (!measured) return { what, demand, measured: 'failed', verdict: 'NOT MET' }
    const found = value(measured.result)
    if (found === undefined) return { what, demand, measured: 'none', verdict: 'not measured' }
    const verdict = isToSize ? judged(row, measured.result, isMet(found)) : 'not comparable'
    return { what, demand, measured: text(found), verdict }
  })
}

function judged(row: Row, result: LoadResult, isMet: boolean): Verdict {
  return isDisturbed(result) ? 'not comparable' : verdictOn(row, isMet)
}

function verdictOn(row: Row, isMet: boolean): Verdict {
  return isMet && !isFaulty(row) ? 'met' : 'NOT MET'
}

function find(rows: readonly Row[], shape: string, broker: string, profile: string, qos?: Qos): Row | undefined {
  return rows.find(
    row =>
      row.shape.id === shape &&
      row.broker === broker &&
      row.profile === profile &&
      (qos === undefined || row.qos === qos),
  )
}

// The shape of a row says which kind of result it has.
function measuredIn<R extends LoadResult>(row: Row): Measured<R> | undefined {
  return medianOf(row.outcomes) as Measured<R> | undefined
}

function perSecond(result: FlowResult): string {
  return `${whole(figureOf(result))}/s`
}
