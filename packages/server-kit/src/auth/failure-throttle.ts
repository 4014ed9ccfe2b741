import { ThingmeshError } from '@thingmesh/core'
import { checkOptions } from '../contracts/options.ts'
import { addressBlock } from './address-block.ts'

export interface FailureThrottleOptions {
  /** Failures a minute of one identity from one address; 10 by default. */
  readonly perIdentityPerMinute?: number | undefined
  /** Failures a minute from one address, whoever they claim to be; 60 by default. */
  readonly perAddressPerMinute?: number | undefined
  /** The first delay is a minute, each further one twice the one before, up to this; 15 minutes by default. */
  readonly delayMaxMs?: number | undefined
  /** Addresses, and likewise identities, that are remembered; beyond it the longest quiet is forgotten. 100,000 by default. */
  readonly entriesMax?: number | undefined
  /** Monotonic milliseconds. */
  readonly nowMs?: (() => number) | undefined
}

/**
 * Slows guessing down. An identity is counted together with the address it is tried from, so that nobody can lock
 * somebody else out.
 */
export interface FailureThrottle {
  /** Before a credential is looked at. Throws `rate-limited` with `retryAfterSeconds`. */
  check(address: string, identity?: string): void
  /** Attempts that `check` refused are not failures: they are not reported here. */
  failed(address: string, identity?: string): void
  /** Forgets the identity's failures, not the address's: who owns one good key may guess at others. */
  succeeded(address: string, identity?: string): void
  /** How many addresses and identities are remembered. */
  readonly size: number
}

const windowMs = 60_000
/** Of an identity, what is told apart: a peer decides how long it is. */
const identityLengthMax = 128

/** By default as `LIMITS.md` has it. */
export function failureThrottle(options: FailureThrottleOptions = {}): FailureThrottle {
  checkOptions('failureThrottle', options, {
    perIdentityPerMinute: 10,
    perAddressPerMinute: 60,
    delayMaxMs: 900_000,
    entriesMax: 100_000,
    nowMs: true,
  })
  const nowMs = options.nowMs ?? (() => performance.now())
  const delayMaxMs = options.delayMaxMs ?? 15 * 60_000
  const entriesMax = options.entriesMax ?? 100_000
  const identities = new FailureCounts(options.perIdentityPerMinute ?? 10, delayMaxMs, entriesMax)
  const addresses = new FailureCounts(options.perAddressPerMinute ?? 60, delayMaxMs, entriesMax)

  return {
    check(address, identity) {
      const now = nowMs()
      const block = addressBlock(address)
      const byAddress = addresses.waitMs(block, now)
      const byIdentity = identity === undefined ? 0 : identities.waitMs(identityKey(block, identity), now)
      const waitMs = Math.max(byAddress, byIdentity)
      if (waitMs === 0) return
      const limit = byIdentity > byAddress ? 'perIdentityPerMinute' : 'perAddressPerMinute'
      const max = byIdentity > byAddress ? identities.perMinute : addresses.perMinute
      throw new ThingmeshError(
        'rate-limited',
        `too many failed attempts to authenticate: the limit ${limit} is ${max}`,
        {
          retryAfterSeconds: Math.ceil(waitMs / 1000),
          details: { limit, max },
        },
      )
    },

    failed(address, identity) {
      const now = nowMs()
      const block = addressBlock(address)
      addresses.add(block, now)
      if (identity !== undefined) identities.add(identityKey(block, identity), now)
    },

    succeeded(address, identity) {
      if (identity !== undefined) identities.forget(identityKey(addressBlock(address), identity))
    },

    get size() {
      return addresses.size + identities.size
    },
  }
}

function identityKey(block: string, identity: string): string {
  return `${block} ${identity.slice(0, identityLengthMax)}`
}

interface Count {
  failures: number
  windowStartMs: number
  /** Delays so far, without a quiet time of the longest delay in between. */
  delays: number
  blockedUntilMs: number
}

/** Failures by name. Names are kept in the order of their latest failure, so that the first are the first to go. */
class FailureCounts {
  readonly perMinute: number
  readonly #delayMaxMs: number
  readonly #entriesMax: number
  readonly #counts = new Map<string, Count>()
  #releasedAtMs = Number.NEGATIVE_INFINITY

  constructor(perMinute: number, delayMaxMs: number, entriesMax: number) {
    this.perMinute = perMinute
    this.#delayMaxMs = delayMaxMs
    this.#entriesMax = entriesMax
  }

  get size(): number {
    return this.#counts.size
  }

  waitMs(name: string, now: number): number {
    this.#release(now)
    return Math.max((this.#counts.get(name)?.blockedUntilMs ?? 0) - now, 0)
  }

  add(name: string, now: number): void {
    this.#release(now)
    const known = this.#counts.get(name)
    const count =
      known === undefined || this.#isOver(known, now)
        ? { failures: 0, windowStartMs: now, delays: 0, blockedUntilMs: 0 }
        : known
    // One that was under way when the delay began: it must not lengthen it.
    if (count.blockedUntilMs > now) return
    if (now - count.windowStartMs >= windowMs) {
      count.failures = 0
      count.windowStartMs = now
    }
    count.failures++
    if (count.failures >= this.perMinute) {
      count.blockedUntilMs = now + Math.min(windowMs * 2 ** count.delays, this.#delayMaxMs)
      count.delays++
      count.failures = 0
    }
    this.#counts.delete(name)
    this.#counts.set(name, count)
    if (this.#counts.size > this.#entriesMax) this.#counts.delete(this.#counts.keys().next().value!)
  }

  forget(name: string): void {
    this.#counts.delete(name)
  }

  /** Nothing that it says matters any more. */
  #isOver(count: Count, now: number): boolean {
    const quietMs = count.delays === 0 ? windowMs : this.#delayMaxMs
    return now >= Math.max(count.windowStartMs, count.blockedUntilMs) + quietMs
  }

  /** Once a minute, with whatever call comes: what is over does not stay for want of a failure of the same name. */
  #release(now: number): void {
    if (now - this.#releasedAtMs < windowMs) return
    this.#releasedAtMs = now
    for (const [name, count] of this.#counts) if (this.#isOver(count, now)) this.#counts.delete(name)
  }
}
