import type { CoapCounters } from './counters.ts'
import type { CoapLimits } from './options.ts'

/** One request of a peer, from its arrival for as long as it may come again (RFC 7252, section 4.8.2). */
export interface Exchange {
  readonly messageId: number
  readonly token: Uint8Array
  readonly expiresAtMs: number
  /** The peer's exchanges, which this one is in while it is remembered. */
  readonly siblings: Map<number, Exchange>
  /** What the same request is answered with when it comes again: once there is something. */
  reply: Uint8Array | undefined
}

/** The requests that are remembered, the oldest first. What a peer repeats beyond the bounds is acted on again. */
export class Exchanges {
  readonly #all = new Set<Exchange>()
  readonly #limits: CoapLimits
  readonly #forgotten: CoapCounters['forgotten']

  constructor(limits: CoapLimits, counters: CoapCounters) {
    this.#limits = limits
    this.#forgotten = counters.forgotten
  }

  get size(): number {
    return this.#all.size
  }

  begin(siblings: Map<number, Exchange>, messageId: number, token: Uint8Array, nowMs: number): Exchange {
    const { exchangesMax, exchangesPerPeerMax, exchangeLifetimeMs } = this.#limits
    const earlier = siblings.get(messageId)
    if (earlier !== undefined) this.forget(earlier)
    if (siblings.size >= exchangesPerPeerMax) this.#forgetFirst(siblings.values(), 'exchanges-per-peer')
    if (this.#all.size >= exchangesMax) this.#forgetFirst(this.#all, 'exchanges')
    const expiresAtMs = nowMs + exchangeLifetimeMs
    const exchange: Exchange = { messageId, token: token.slice(), expiresAtMs, siblings, reply: undefined }
    siblings.set(messageId, exchange)
    this.#all.add(exchange)
    return exchange
  }

  forget(exchange: Exchange): void {
    this.#all.delete(exchange)
    if (exchange.siblings.get(exchange.messageId) === exchange) exchange.siblings.delete(exchange.messageId)
  }

  tick(nowMs: number): void {
    for (const exchange of this.#all) {
      if (exchange.expiresAtMs > nowMs) return
      this.forget(exchange)
    }
  }

  #forgetFirst(exchanges: Iterable<Exchange>, limit: 'exchanges' | 'exchanges-per-peer'): void {
    for (const exchange of exchanges) {
      this.forget(exchange)
      this.#forgotten[limit].value += 1
      return
    }
  }
}

/** One that nothing is known of when it comes again. */
export function unremembered(messageId: number, token: Uint8Array): Exchange {
  return { messageId, token, expiresAtMs: 0, siblings: new Map(), reply: undefined }
}
