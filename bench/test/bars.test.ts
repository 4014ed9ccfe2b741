import { describe, expect, it } from 'vitest'
import { barsOf, type Evidence } from '../report/bars.ts'
import { disturbed, drainOf, filtersOf, flowOf, idleOf, loadBound, rowOf } from './support/results.ts'

const sizes = { connections: 5_000, filters: 100_000, queued: 1_000_000 }
const hub = (profile: string) => ['thingmesh', profile] as const
const mosquitto = ['mosquitto', 'memory'] as const

function verdicts(evidence: Partial<Evidence>): Record<string, string> {
  const bars = barsOf({ rows: [], sizes, trie: undefined, ...evidence })
  return Object.fromEntries(bars.map(({ what, demand, verdict }) => [`${what} ${demand}`, verdict]))
}

describe('bars on rates', () => {
  const bar = 'fan-out 1→200, QoS 1, disk ≥ 5 × mosquitto'
  const verdictOn = (own: Parameters<typeof rowOf>[3], peer: Parameters<typeof rowOf>[3]) =>
    verdicts({ rows: [rowOf('fan-out', 1, hub('disk'), own), rowOf('fan-out', 1, mosquitto, peer)] })[bar]

  it('are met from the demanded multiple of the peer on', () => {
    expect(verdictOn(flowOf(500), flowOf(100))).toBe('met')
    expect(verdictOn(flowOf(499), flowOf(100))).toBe('NOT MET')
  })

  it('are judged between rows of the same shape and QoS only', () => {
    const rows = [
      rowOf('fan-out', 1, hub('disk'), flowOf(500)),
      rowOf('fan-out', 0, mosquitto, flowOf(1)),
      rowOf('pairs', 1, mosquitto, flowOf(1)),
    ]
    expect(verdicts({ rows })[bar]).toBe('not measured')
  })

  it('are not met by a hub that lost messages, however fast', () => {
    const { tally } = flowOf(500)
    expect(verdictOn(flowOf(500, { tally: { ...tally, lost: 1 } }), flowOf(100))).toBe('NOT MET')
    expect(verdictOn(flowOf(500, { tally: { ...tally, duplicated: 1 } }), flowOf(100))).toBe('NOT MET')
    expect(verdictOn(flowOf(500, { tally: { ...tally, acked: 499 } }), flowOf(100))).toBe('NOT MET')
  })

  it('are not met by a hub that died, and not measured where the peer did', () => {
    expect(verdictOn({ failed: 'died' }, flowOf(100))).toBe('NOT MET')
    expect(verdictOn(flowOf(500), { failed: 'died' })).toBe('not measured')
  })

  it('are not comparable where either run was disturbed', () => {
    expect(verdictOn(flowOf(500, { window: disturbed }), flowOf(100))).toBe('not comparable')
    expect(verdictOn(flowOf(500), flowOf(100, { window: disturbed }))).toBe('not comparable')
  })

  it('say when the load generator kept the hub from more', () => {
    const rows = [
      rowOf('fan-out', 1, hub('disk'), flowOf(400, { window: loadBound })),
      rowOf('fan-out', 1, mosquitto, flowOf(100)),
    ]
    const found = barsOf({ rows, sizes, trie: undefined }).find(({ demand }) => demand === '≥ 5 × mosquitto')
    expect(found).toMatchObject({
      measured: '4.00 × (400/s : 100/s), the load generator was the limit',
      verdict: 'NOT MET',
    })
  })

  it('are judged by the median run', () => {
    const rows = [
      rowOf('fan-out', 1, hub('disk'), flowOf(9_000), flowOf(100), flowOf(490)),
      rowOf('fan-out', 1, mosquitto, flowOf(100), flowOf(100), flowOf(100)),
    ]
    expect(verdicts({ rows })[bar]).toBe('NOT MET')
  })
})

describe('bars on latency', () => {
  const disk = { writes: 10, bytesPerWrite: 4_096, p50Ms: 1, p99Ms: 4 }
  const latency = (p50Ms: number, p99Ms: number) => flowOf(1, { latency: { samples: 9, p50Ms, p99Ms, maxMs: p99Ms } })
  const of = (p50Ms: number, p99Ms: number) =>
    Object.entries(verdicts({ rows: [rowOf('pairs', 1, hub('disk'), { result: latency(p50Ms, p99Ms), disk })] }))
      .filter(([name]) => name.startsWith('latency'))
      .map(([, verdict]) => verdict)

  it('allow twice the bare disk and 3 ms, for each quantile by its own', () => {
    expect(of(5, 11)).toEqual(['met', 'met'])
    expect(of(5.01, 11)).toEqual(['NOT MET', 'met'])
    expect(of(5, 11.01)).toEqual(['met', 'NOT MET'])
  })

  it('take a measured disk and a measured latency', () => {
    const without = rowOf('pairs', 1, hub('disk'), latency(1, 1))
    expect(Object.values(verdicts({ rows: [without] }))).not.toContain('met')
    const missing = flowOf(1, { latency: { missing: 'the flood never drained' } })
    expect(
      Object.values(verdicts({ rows: [rowOf('pairs', 1, hub('disk'), { result: missing, disk })] })),
    ).not.toContain('met')
  })
})

describe('bars on size and time', () => {
  it('hold idle connections to their memory and their time', () => {
    const of = (each: number, seconds: number) =>
      Object.values(verdicts({ rows: [rowOf('idle', 0, hub('disk'), idleOf(5_000, each, seconds))] }))
    expect(of(12, 3)).toEqual(['met', 'met'])
    expect(of(12.1, 3)).toEqual(['NOT MET', 'met'])
    expect(of(12, 3.1)).toEqual(['met', 'NOT MET'])
  })

  it('hold many filters to the cost of few, through the hub and alone', () => {
    const trie = (nanoseconds: number, othersShare = 0) => ({
      few: { filters: 100, nanoseconds: 100 },
      many: { filters: 100_000, nanoseconds },
      othersShare,
    })
    const of = (delivered: number, nanoseconds: number) =>
      Object.values(
        verdicts({
          rows: [rowOf('filters', 0, hub('record acked'), filtersOf(300, delivered))],
          trie: trie(nanoseconds),
        }),
      )
    expect(of(100, 300)).toEqual(['met', 'met'])
    expect(of(99, 300)).toEqual(['NOT MET', 'met'])
    expect(of(100, 301)).toEqual(['met', 'NOT MET'])
    expect(Object.values(verdicts({ trie: trie(300, 0.1) }))).toEqual(['not comparable'])
  })

  it('hold a drain to its rate and its growth', () => {
    const of = (seconds: number, growth: number) =>
      Object.values(verdicts({ rows: [rowOf('drain', 1, hub('disk'), drainOf(1_000_000, seconds, growth))] }))
    expect(of(20, 150)).toEqual(['met', 'met'])
    expect(of(20.1, 150)).toEqual(['NOT MET', 'met'])
    expect(of(20, 151)).toEqual(['met', 'NOT MET'])
  })

  it('are not judged by less than they ask for', () => {
    const rows = [
      rowOf('idle', 0, hub('disk'), idleOf(500, 1)),
      rowOf('filters', 0, hub('record acked'), filtersOf(100, 100)),
      rowOf('drain', 1, hub('disk'), drainOf(1_000, 1, 1)),
    ]
    const small = { connections: 500, filters: 1_000, queued: 1_000 }
    expect(new Set(Object.values(verdicts({ rows, sizes: small })))).toEqual(new Set(['not comparable']))
  })
})
