import { DEFAULT_CROSSING_RATE, DEFAULT_OBSERVERS } from '../coap-shapes.ts'
import type { CrossingResult, ObserversResult, RequestsResult } from '../load/coap/job.ts'
import type { LoadResult } from '../load/work.ts'
import type { Bar, Verdict } from './bars.ts'
import { type CoapRow, findRow, measuredIn, requestsRate, requestsRatio } from './coap-rows.ts'
import { isFaulty } from './remarks.ts'
import { isDisturbed, isLoadBound, slowestSeconds } from './rows.ts'
import { milliseconds, whole } from './text.ts'

/** What the bars are judged by. */
export interface CoapEvidence {
  readonly rows: readonly CoapRow[]
  readonly observers: number
  readonly crossingRate: number
}

interface RateBar {
  readonly shape: 'get' | 'post'
  readonly profile: string
  readonly peer: { readonly name: 'libcoap' | 'node-coap'; readonly shape: 'get' | 'post' }
  readonly times: number
  /** That many a second are enough, whatever the peer does. */
  readonly orPerSecond?: number
}

const libcoap = { name: 'libcoap', shape: 'get' } as const

const RATE_BARS: readonly RateBar[] = [
  { shape: 'get', profile: 'disk', peer: libcoap, times: 0.6 },
  { shape: 'get', profile: 'disk', peer: { name: 'node-coap', shape: 'get' }, times: 5 },
  { shape: 'post', profile: 'memory', peer: libcoap, times: 0.6 },
  { shape: 'post', profile: 'memory', peer: { name: 'node-coap', shape: 'post' }, times: 5 },
  { shape: 'post', profile: 'disk', peer: libcoap, times: 0.3, orPerSecond: 15_000 },
]
const OBSERVERS_SECONDS_MAX = 1
const CROSSING_P50_MS_MAX = 2
const CROSSING_P99_MS_MAX = 15

/** Every bar of which anything was run. */
export function coapBarsOf(evidence: CoapEvidence): Bar[] {
  return [
    ...RATE_BARS.flatMap(bar => rateBar(bar, evidence.rows)),
    ...(['observers', 'observers-non'] as const).flatMap(id => observersBar(id, evidence)),
    ...crossingBars(evidence),
  ]
}

function rateBar({ shape, profile, peer, times, orPerSecond }: RateBar, rows: readonly CoapRow[]): Bar[] {
  const own = findRow(rows, shape, 'thingmesh', profile)
  if (!own) return []
  const what = `${own.shape.title}, ${profile}`
  const either = orPerSecond === undefined ? '' : `${whole(orPerSecond)}/s or `
  const demand = `≥ ${either}${times} × ${peer.name}'s ${peer.shape.toUpperCase()}`
  const measured = measuredIn<RequestsResult>(own)
  if (!measured) return [{ what, demand, measured: 'failed', verdict: 'NOT MET' }]
  const { result } = measured
  const base = measuredIn<RequestsResult>(findRow(rows, peer.shape, peer.name))?.result
  const rate = requestsRate(result)
  const isFast = orPerSecond !== undefined && rate >= orPerSecond
  const found = requestsRatio(result, base)
  const text = base ? `${whole(rate)}/s : ${whole(requestsRate(base))}/s` : `${whole(rate)}/s, no peer`
  const limits = [
    ...(isLoadBound(result) ? [', the load generator was the limit'] : []),
    ...(base && isLoadBound(base) ? [`, the load generator was ${peer.name}'s limit`] : []),
  ].join('')
  const told = found === undefined ? text : `${found.toFixed(2)} × (${text})${limits}`
  if (isFast && !isDisturbed(result)) return [{ what, demand, measured: told, verdict: verdictOn(own, true) }]
  if (found === undefined) return [{ what, demand, measured: told, verdict: base ? 'not comparable' : 'not measured' }]
  return [{ what, demand, measured: told, verdict: verdictOn(own, found >= times) }]
}

function observersBar(id: 'observers' | 'observers-non', { rows, observers }: CoapEvidence): Bar[] {
  const row = findRow(rows, id, 'thingmesh', 'disk')
  if (!row) return []
  const what = `${whole(observers)} ${row.shape.title}`
  const demand = `last notified in ≤ ${OBSERVERS_SECONDS_MAX} s`
  const result = measuredIn<ObserversResult>(row)?.result
  if (!result) return [{ what, demand, measured: 'failed', verdict: 'NOT MET' }]
  const seconds = slowestSeconds(result)
  const isToSize = observers >= DEFAULT_OBSERVERS
  const verdict = isToSize ? judged(row, result, seconds <= OBSERVERS_SECONDS_MAX) : 'not comparable'
  return [{ what, demand, measured: `${seconds.toFixed(3)} s, the slowest round`, verdict }]
}

function crossingBars({ rows, crossingRate }: CoapEvidence): Bar[] {
  const row = findRow(rows, 'crossing', 'thingmesh', 'disk')
  if (!row) return []
  const result = measuredIn<CrossingResult>(row)?.result
  const bars = [
    ['p50Ms', CROSSING_P50_MS_MAX],
    ['p99Ms', CROSSING_P99_MS_MAX],
  ] as const
  return bars.map(([name, max]) => {
    const what = `${name.slice(0, 3)}, ${row.shape.title}, disk`
    const demand = `≤ ${max} ms at ${whole(crossingRate)}/s`
    if (!result) return { what, demand, measured: 'failed', verdict: 'NOT MET' }
    const ms = result.latency[name]
    const isToSize = crossingRate >= DEFAULT_CROSSING_RATE
    const verdict = isToSize ? judged(row, result, ms <= max) : 'not comparable'
    return { what, demand, measured: `${milliseconds(ms)} ms`, verdict }
  })
}

function judged(row: CoapRow, result: LoadResult, isMet: boolean): Verdict {
  return isDisturbed(result) ? 'not comparable' : verdictOn(row, isMet)
}

function verdictOn(row: CoapRow, isMet: boolean): Verdict {
  return isMet && !isFaulty(row) ? 'met' : 'NOT MET'
}
