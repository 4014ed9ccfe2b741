import type { LogId } from '@thingmesh/core'
import type { LogEpoch } from '../contracts/index.ts'

/** Which epoch of the log each of its sequences was given out in, and so each of its positions lies in. */
export class Lineage {
  /** Oldest first. */
  readonly logs: readonly LogId[]
  readonly #firsts: readonly number[]
  readonly #currentFirst: number

  /** There is at least one, and they ascend. */
  constructor(origin: string, epochs: readonly LogEpoch[]) {
    this.logs = epochs.map(({ epoch }) => ({ origin, epoch }))
    this.#firsts = epochs.map(({ first }) => first)
    this.#currentFirst = this.#firsts.at(-1)!
  }

  /** The index of the epoch of a position; that of the oldest one for what lies before all that are known. */
  indexAt(position: number): number {
    const newest = this.#firsts.length - 1
    if (position >= this.#currentFirst) return newest
    let low = 0
    let high = newest
    // The lowest one that begins above it.
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#firsts[middle]! > position) high = middle
      else low = middle + 1
    }
    return Math.max(0, low - 1)
  }

  /** The log as it was called when the sequence was given out; `undefined` where that is no longer known. */
  logOf(sequence: number): LogId | undefined {
    return sequence < this.#firsts[0]! ? undefined : this.logs[this.indexAt(sequence)]
  }

  /** The last position of an epoch, as far as this log goes on from it; without end for the newest one. */
  endOf(index: number): number {
    const next = this.#firsts[index + 1]
    return next === undefined ? Number.POSITIVE_INFINITY : next - 1
  }
}
