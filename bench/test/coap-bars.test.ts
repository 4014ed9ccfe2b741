import { describe, expect, it } from 'vitest'
import { COAP_SHAPES, type CoapShape } from '../coap-shapes.ts'
import type { CoapResult, CrossingResult, ObserversResult, RequestsResult } from '../load/coap/job.ts'
import { coapBarsOf } from '../report/coap-bars.ts'
import type { CoapRow } from '../report/coap-rows.ts'
import { disturbed, loadBound, windowOf } from './support/results.ts'

const calm = windowOf()

const tally = { sent: 500, answered: 500, refused: 0, lost: 0, resent: 0, duplicated: 0, corrupt: 0 }
const latency = (p50Ms: number, p99Ms: number) => ({ samples: 9, p50Ms, p99Ms, maxMs: p99Ms })

/** So many requests in a second. */
function requestsOf(answered: number, change: Partial<RequestsResult> = {}): RequestsResult {
  return { kind: 'requests', window: calm, answered, latency: latency(1, 1), tally, ...change }
}

function observersOf(roundsMs: readonly number[], change: Partial<ObserversResult> = {}): ObserversResult {
  const notified = 10_000 * roundsMs.length
  const counts = { observers: 10_000, registerSeconds: 1, notified, duplicated: 0, corrupt: 0 }
  return { kind: 'observers', window: calm, roundsMs, ...counts, ...change }
}

function crossingOf(p50Ms: number, p99Ms: number): CrossingResult {
  const counts = { sent: 9, acked: 9, expected: 9, delivered: 9, lost: 0 }
  const none = { duplicated: 0, reordered: 0, corrupt: 0, unreleased: 0, misused: 0 }
  return { kind: 'crossing', window: calm, latency: latency(p50Ms, p99Ms), tally: { ...counts, ...none } }
}

function row(id: CoapShape['id'], server: string, profile: string, result: CoapResult | { failed: string }): CoapRow {
  const shape = COAP_SHAPES.find(one => one.id === id)!
  return { shape, server, profile, outcomes: ['failed' in result ? result : { result }] }
}

function verdicts(rows: readonly CoapRow[], change = {}): Record<string, string> {
  const bars = coapBarsOf({ rows, observers: 10_000, crossingRate: 1_000, ...change })
  return Object.fromEntries(bars.map(({ what, demand, verdict }) => [`${what} ${demand}`, verdict]))
}

describe('bars on requests', () => {
  const libcoap = row('get', 'libcoap', 'memory', requestsOf(1_000))
  const bar = "GET of a last value, disk ≥ 0.6 × libcoap's GET"
  const of = (result: RequestsResult | { failed: string }, peer = libcoap) =>
    verdicts([row('get', 'thingmesh', 'disk', result), peer])[bar]

  it('are met from the demanded multiple of the peer on', () => {
    expect(of(requestsOf(600))).toBe('met')
    expect(of(requestsOf(599))).toBe('NOT MET')
  })

  it('hold a POST to the GET of one peer, and to the POST of the other', () => {
    const rows = [
      row('post', 'thingmesh', 'memory', requestsOf(600)),
      libcoap,
      row('get', 'node-coap', 'memory', requestsOf(1)),
      row('post', 'node-coap', 'memory', requestsOf(121)),
    ]
    expect(verdicts(rows)).toEqual({
      "POST, memory ≥ 0.6 × libcoap's GET": 'met',
      "POST, memory ≥ 5 × node-coap's POST": 'NOT MET',
    })
  })

  it('take one of two for a POST that is on disk', () => {
    const either = (rate: number, peer: number) =>
      Object.values(
        verdicts([
          row('post', 'thingmesh', 'disk', requestsOf(rate)),
          row('get', 'libcoap', 'memory', requestsOf(peer)),
        ]),
      )
    expect(either(15_000, 1_000_000)).toEqual(['met'])
    expect(either(14_999, 1_000_000)).toEqual(['NOT MET'])
    expect(either(300, 1_000)).toEqual(['met'])
  })

  it.each(['lost', 'refused', 'duplicated', 'corrupt'] as const)('are not met by a hub with requests %s', fault => {
    expect(of(requestsOf(900, { tally: { ...tally, [fault]: 1 } }))).toBe('NOT MET')
  })

  it('are not met by a hub that leaves requests without an answer, or failed', () => {
    expect(of(requestsOf(900, { tally: { ...tally, answered: 499 } }))).toBe('NOT MET')
    expect(of({ failed: 'died' })).toBe('NOT MET')
  })

  it('are not comparable where either was disturbed, and not measured without the peer', () => {
    expect(of(requestsOf(900, { window: disturbed }))).toBe('not comparable')
    expect(of(requestsOf(900), row('get', 'libcoap', 'memory', requestsOf(1, { window: disturbed })))).toBe(
      'not comparable',
    )
    expect(of(requestsOf(900), row('get', 'libcoap', 'memory', { failed: 'died' }))).toBe('not measured')
  })

  it('say where the load generator kept one of them from more', () => {
    const bound = row('get', 'libcoap', 'memory', requestsOf(1_000, { window: loadBound }))
    const rows = [row('get', 'thingmesh', 'disk', requestsOf(700)), bound]
    const [found] = coapBarsOf({ rows, observers: 10_000, crossingRate: 1_000 })
    expect(found!.measured).toBe("0.70 × (700/s : 1,000/s), the load generator was libcoap's limit")
  })
})

describe('bars on time', () => {
  it('hold observers to their slowest round', () => {
    const of = (result: ObserversResult) => Object.values(verdicts([row('observers', 'thingmesh', 'disk', result)]))
    expect(of(observersOf([10, 1_000, 20]))).toEqual(['met'])
    expect(of(observersOf([10, 1_001, 20]))).toEqual(['NOT MET'])
    expect(of(observersOf([10], { notified: 9_999 }))).toEqual(['NOT MET'])
    expect(of(observersOf([10, Number.POSITIVE_INFINITY]))).toEqual(['NOT MET'])
  })

  it('hold the way from MQTT to both quantiles', () => {
    const of = (p50: number, p99: number) =>
      Object.values(verdicts([row('crossing', 'thingmesh', 'disk', crossingOf(p50, p99))]))
    expect(of(2, 15)).toEqual(['met', 'met'])
    expect(of(2.1, 15.1)).toEqual(['NOT MET', 'NOT MET'])
  })

  it('are not judged by less than they ask for', () => {
    const rows = [
      row('observers', 'thingmesh', 'disk', observersOf([10])),
      row('crossing', 'thingmesh', 'disk', crossingOf(1, 1)),
    ]
    const small = { observers: 160, crossingRate: 100 }
    expect(new Set(Object.values(verdicts(rows, small)))).toEqual(new Set(['not comparable']))
  })
})
