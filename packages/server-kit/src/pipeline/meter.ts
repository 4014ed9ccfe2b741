import type { Counter, Histogram, Labels, Meter, MetricFamily } from '../contracts/index.ts'

interface Series {
  readonly labels: Labels
  samples(): MetricFamily['samples']
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: MetricFamily['type']
  readonly series: Map<string, Series>
}

/** The hub's own counts, kept as plain numbers. */
export function createMeter(): Meter {
  const families = new Map<string, Family>()

  function familyOf(name: string, help: string, type: Family['type']): Family {
    let family = families.get(name)
    if (family === undefined) {
      family = { name, help, type, series: new Map() }
      families.set(name, family)
    }
    if (family.type !== type) throw new TypeError(`metric ${name} is a ${family.type}, not a ${type}`)
    return family
  }

  /** Whoever asks for one again goes on where it is. */
  function series<S extends Series>(
    name: string,
    help: string,
    type: Family['type'],
    labels: Labels,
    make: () => S,
  ): S {
    const family = familyOf(name, help, type)
    const key = keyOf(labels)
    const known = family.series.get(key)
    if (known !== undefined) return known as S
    const made = make()
    family.series.set(key, made)
    return made
  }

  return {
    counter(name, help, labels = {}): Counter {
      return series(name, help, 'counter', labels, () => counterSeries(labels))
    },
    gauge(name, help, read, labels = {}) {
      // What was read before is gone: a door that opened again is another one.
      const samples = () => [{ suffix: '', labels, value: read() }]
      familyOf(name, help, 'gauge').series.set(keyOf(labels), { labels, samples })
    },
    histogram(name, help, bounds, labels = {}): Histogram {
      return series(name, help, 'histogram', labels, () => histogramSeries(bounds, labels))
    },
    collect() {
      return [...families.values()].map(({ name, help, type, series }) => ({
        name,
        help,
        type,
        samples: [...series.values()].flatMap(one => one.samples()),
      }))
    },
  }
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function counterSeries(labels: Labels): Series & Counter {
  const counter = { labels, value: 0, samples: () => [{ suffix: '', labels, value: counter.value }] }
  return counter
}

function histogramSeries(bounds: readonly number[], labels: Labels): Series & Histogram {
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  return {
    labels,
    observe(value) {
      let bucket = 0
      while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1
      counts[bucket]! += 1
      sum += value
    },
    samples() {
      let total = 0
      const buckets = Array.from(counts, (count, i) => {
        total += count
        const le = i < bounds.length ? String(bounds[i]) : '+Inf'
        return { suffix: '_bucket', labels: { ...labels, le }, value: total }
      })
      return [...buckets, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: total }]
    },
  }
}
