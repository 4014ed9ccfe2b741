import { quantile } from '../quantile.ts'
import type { LatencyResult } from './job.ts'

/** Collects one figure per delivery; percentiles are exact, from all of them. */
export class LatencySamples {
  #samples = new Float64Array(65_536)
  #count = 0

  add(ms: number): void {
    if (this.#count === this.#samples.length) {
      const larger = new Float64Array(this.#samples.length * 2)
      larger.set(this.#samples)
      this.#samples = larger
    }
    this.#samples[this.#count++] = ms
  }

  result(): LatencyResult {
    const sorted = this.#samples.subarray(0, this.#count).sort()
    const [p50Ms, p99Ms, maxMs] = [quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 1)]
    return { samples: this.#count, p50Ms, p99Ms, maxMs }
  }
}

/**
 * Calls `send(publisher, dueMs)` at a fixed rate, round robin, whatever comes back (open loop). `dueMs` is when the
 * message was due, so that a late generator counts against the figure instead of hiding it (coordinated omission).
 * It spins on the event loop: a timer's 1 ms steps are longer than what is measured.
 */
export function runOpenLoop(options: {
  publishers: number
  messagesPerSecond: number
  durationMs: number
  send: (publisher: number, dueMs: number) => void
}): Promise<void> {
  const { publishers, messagesPerSecond, durationMs, send } = options
  const intervalMs = 1_000 / messagesPerSecond
  const startMs = performance.now()
  const total = Math.floor(durationMs / intervalMs)
  let sent = 0
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        const nowMs = performance.now()
        while (sent < total && startMs + sent * intervalMs <= nowMs) {
          send(sent % publishers, startMs + sent * intervalMs)
          sent++
        }
      } catch (error) {
        reject(error)
        return
      }
      if (sent < total) setImmediate(turn)
      else resolve()
    }
    turn()
  })
}
