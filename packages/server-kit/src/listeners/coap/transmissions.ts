import type { Counter } from '../../contracts/index.ts'
import type { CoapLimits } from './options.ts'
import type { Outcome } from './remote.ts'

/** A confirmable message of ours that is not answered yet. */
interface Transmission {
  readonly key: number
  readonly send: () => void
  readonly onOutcome: (outcome: Outcome) => void
  timeoutMs: number
  dueAtMs: number
  count: number
}

/** Sends confirmable messages again until they are answered (RFC 7252, section 4.2). */
export class Transmissions {
  readonly #waiting = new Map<number, Transmission>()
  readonly #limits: CoapLimits
  readonly #random: () => number
  readonly #retransmissions: Counter

  constructor(limits: CoapLimits, random: () => number, retransmissions: Counter) {
    this.#limits = limits
    this.#random = random
    this.#retransmissions = retransmissions
  }

  get size(): number {
    return this.#waiting.size
  }

  has(key: number): boolean {
    return this.#waiting.has(key)
  }

  /** Sends now, and again as long as nothing comes back under the key. */
  start(key: number, nowMs: number, send: () => void, onOutcome: (outcome: Outcome) => void): void {
    const { ackTimeoutMs, ackRandomFactor } = this.#limits
    const timeoutMs = ackTimeoutMs * (1 + this.#random() * (ackRandomFactor - 1))
    this.#waiting.set(key, { key, send, onOutcome, timeoutMs, dueAtMs: nowMs + timeoutMs, count: 0 })
    send()
  }

  /** False where nothing waits under the key. */
  settle(key: number, outcome: Outcome): boolean {
    const transmission = this.#waiting.get(key)
    if (transmission === undefined) return false
    this.#waiting.delete(key)
    transmission.onOutcome(outcome)
    return true
  }

  tick(nowMs: number): void {
    for (const transmission of this.#waiting.values()) {
      if (transmission.dueAtMs > nowMs) continue
      if (transmission.count >= this.#limits.retransmitMax) {
        this.settle(transmission.key, 'timeout')
        continue
      }
      transmission.count += 1
      transmission.timeoutMs *= 2
      transmission.dueAtMs = nowMs + transmission.timeoutMs
      this.#retransmissions.value += 1
      transmission.send()
    }
  }

  /** Nobody waits for anything any more. */
  clear(): void {
    this.#waiting.clear()
  }
}
