import type { CoapBenchOptions } from './coap-options.ts'
import { type CoapShape, CROSSING_PAIRS, OBSERVERS_PER_ENDPOINT } from './coap-shapes.ts'
import type { CoapJob } from './load/coap/job.ts'
import type { JobTarget } from './load/job.ts'
import type { RunningServer } from './servers/contract.ts'

// Registering ten thousand observers, on a slow machine.
const REGISTER_MS = 60_000

/** How many endpoints will come, and how many publishers of MQTT. */
export function populationOf({ kind }: CoapShape, bench: CoapBenchOptions): { endpoints: number; publishers: number } {
  switch (kind) {
    case 'requests':
      return { endpoints: bench.endpoints, publishers: 0 }
    case 'observers':
      // One more, who publishes.
      return { endpoints: bench.observers / OBSERVERS_PER_ENDPOINT + 1, publishers: 0 }
    case 'crossing':
      return { endpoints: CROSSING_PAIRS, publishers: CROSSING_PAIRS }
  }
}

/** What the load generator is asked for. */
export function coapJobOf(
  shape: CoapShape,
  bench: CoapBenchOptions,
  running: RunningServer,
  cores: JobTarget['cores'],
): CoapJob {
  const { host, port, pid, asksForProof } = running
  const { payloadBytes } = bench
  const base = { host, port, brokerPid: pid, cores, proves: asksForProof, payloadBytes }
  const { endpoints: count, publishers } = populationOf(shape, bench)
  const each = <T>(length: number, of: (i: number) => T) => Array.from({ length }, (_, i) => of(i))
  const warmupMs = bench.warmupSeconds * 1_000
  const windowMs = bench.seconds * 1_000
  switch (shape.kind) {
    case 'requests':
      return {
        ...base,
        kind: 'requests',
        endpoints: each(count, i => running.endpoint(i)),
        method: shape.method ?? 'get',
        inFlight: bench.inFlight,
        warmupMs,
        windowMs,
      }
    case 'observers':
      return {
        ...base,
        kind: 'observers',
        endpoints: each(count - 1, i => running.shared(i)),
        publisher: running.shared(count - 1),
        confirmable: shape.confirmable ?? true,
        perEndpoint: OBSERVERS_PER_ENDPOINT,
        rounds: bench.rounds,
      }
    case 'crossing': {
      if (running.mqtt === undefined) throw new TypeError('this server has no door for MQTT')
      return {
        ...base,
        kind: 'crossing',
        endpoints: each(count, i => running.endpoint(i)),
        mqtt: running.mqtt,
        publishers: each(publishers, i => running.publisher(i)),
        messagesPerSecond: bench.crossingRate,
        warmupMs,
        durationMs: windowMs,
      }
    }
  }
}

/** How long a job takes at the very most, on top of the proofs and drains that nobody can foresee. */
export function coapPlannedMs(job: CoapJob): number {
  switch (job.kind) {
    case 'requests':
      return job.warmupMs + job.windowMs
    case 'observers':
      return REGISTER_MS + job.rounds * 1_000
    case 'crossing':
      return job.warmupMs + job.durationMs
  }
}
