import type { Published } from './http.ts'

/**
 * What became of a publish. `await` it to know that the message is safe: with the hub, or in an outbox that outlives this
 * process, whichever is promised first. The two can be had apart:
 */
export interface Receipt extends PromiseLike<Published> {
  /** The message is in the outbox, or has been acknowledged. */
  readonly stored: Promise<void>
  /** The hub has the message as durably as its store says; with its id, where the door tells one. */
  readonly acked: Promise<Published>
}

interface Kept {
  readonly stored: Promise<void>
  readonly acked: Promise<Published>
}

/** Promises that nobody looks at are no unhandled rejections: the client's events tell of what failed, too. */
export function toReceipt(kept: Promise<Kept>, durable: boolean): Receipt {
  const stored = kept.then(({ stored }) => stored)
  const acked = kept.then(({ acked }) => acked)
  stored.catch(() => undefined)
  acked.catch(() => undefined)
  const safe = durable ? stored.then((): Published => ({})) : acked
  safe.catch(() => undefined)
  // biome-ignore lint/suspicious/noThenProperty: to be awaited is what a receipt is for
  return { stored, acked, then: (fulfilled, rejected) => safe.then(fulfilled, rejected) }
}
