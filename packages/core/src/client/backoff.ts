import { resolveOptions, timerMsMax } from './option-rules.ts'

/** How long to wait before the next attempt. */
export interface Backoff {
  /** The most that the first wait may be. */
  readonly firstMs: number
  /** The most that any wait may be. */
  readonly maxMs: number
}

export const defaultBackoff: Backoff = { firstMs: 250, maxMs: 30_000 }

/** Throws `TypeError` for a wait that is none. */
export function resolveBackoff(backoff: Backoff = defaultBackoff): Backoff {
  // Both have to be given.
  const rule = [Number.NaN, 1, timerMsMax] as const
  return resolveOptions(backoff, { firstMs: rule, maxMs: rule })
}

/**
 * Milliseconds to wait after the given number of failures in a row, from 1. Doubles with each of them up to the
 * maximum, and draws evenly from the upper half of that: many clients that lost one hub at the same moment come back
 * spread out, and none of them at once. What the hub asked for is the least that is waited.
 */
export function backoffMs(
  failures: number,
  backoff: Backoff,
  retryAfterSeconds = 0,
  random: () => number = Math.random,
): number {
  // Doubling stops mattering long before 2 ** 30, and the shift stays a safe number there.
  const ceiling = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30))
  return Math.min(timerMsMax, Math.max(retryAfterSeconds * 1000, Math.round(ceiling * (0.5 + random() / 2))))
}
