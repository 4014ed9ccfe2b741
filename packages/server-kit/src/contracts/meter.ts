/**
 * Counts. Asking for a counter by name and labels happens once, at start; counting is one addition.
 * Names and label values are ours, never a peer's: a peer cannot make new ones.
 */
export interface Meter {
  /** Goes up only. `name` in Prometheus style with its unit: `thingmesh_messages_dropped_total`. */
  counter(name: string, help: string, labels?: Labels): Counter
  /** Read when somebody looks. Registered again under the same labels it takes the place of the one before. */
  gauge(name: string, help: string, read: () => number, labels?: Labels): void
  /** Counts observations into the buckets given, upper bounds ascending. */
  histogram(name: string, help: string, bounds: readonly number[], labels?: Labels): Histogram
  collect(): readonly MetricFamily[]
}

export type Labels = Readonly<Record<string, string>>

export interface Counter {
  value: number
}

export interface Histogram {
  observe(value: number): void
}

export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly { readonly suffix: string; readonly labels: Labels; readonly value: number }[]
}
