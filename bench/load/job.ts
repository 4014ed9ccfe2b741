/** One MQTT connection of the load generator. `topic` is what it publishes to, or the filter it subscribes to. */
export interface ClientSpec {
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  readonly topic: string
}

export type Qos = 0 | 1

/** What the parent asks of one generator process: plain data, sent over the fork's channel. */
export interface LoadJob {
  readonly host: string
  readonly port: number
  /** Read in /proc at both ends of the measured window. */
  readonly brokerPid: number
  /** Where both are pinned, to see who else was there; `undefined` when they are not. */
  readonly cores: { readonly broker: number; readonly load: number } | undefined
  readonly qos: Qos
  readonly publishers: readonly ClientSpec[]
  readonly subscribers: readonly ClientSpec[]
  /** How many subscribers get each message. */
  readonly copiesPerMessage: number
  readonly payloadBytes: number
  /** Undelivered messages per publisher. */
  readonly inFlight: number
  /** QoS 1: PUBLISH packets without a PUBACK, per publisher. */
  readonly ackWindow: number
  readonly warmupMs: number
  readonly windowMs: number
  /** Deliveries a second in the latency phase, over all subscribers; 0 leaves the phase out. */
  readonly latencyRate: number
  readonly latencyMs: number
}

export interface LatencyResult {
  readonly samples: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** How every message that was sent came out, judged after the generator stopped and the broker went quiet. */
export interface Tally {
  readonly sent: number
  /** QoS 1 only. */
  readonly acked: number
  readonly expected: number
  readonly delivered: number
  /** Expected deliveries that never came; at QoS 1 only those of acknowledged messages. */
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
  readonly corrupt: number
}

export interface LoadResult {
  readonly windowSeconds: number
  /** Deliveries inside the window. */
  readonly delivered: number
  readonly brokerCpuSeconds: number | undefined
  readonly brokerRssBytes: number | undefined
  readonly brokerRssPeakBytes: number | undefined
  readonly loadCpuSeconds: number
  /** What anybody else used of the two cores inside the window. Above a few per cent the row is not to be trusted. */
  readonly othersCpuSeconds: { readonly brokerCore: number; readonly loadCore: number } | undefined
  /** How often a publisher waited 500 ms for deliveries that did not come. */
  readonly stalls: number
  readonly tally: Tally
  /** False when deliveries were still coming as the bench gave up: then what is missing is late, not proved lost. */
  readonly drained: boolean
  readonly latency: LatencyResult | { readonly missing: string } | undefined
}

export type LoadReport =
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly phase: string; readonly reason: string; readonly delivered: number }
