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

/** What a publish has come to, once it is kept: an outbox's record is one. */
interface Kept {
  readonly stored: { readonly promise: Promise<void> }
  readonly acked: { readonly promise: Promise<Published> }
}

/**
 * Promises that nobody looks at are no unhandled rejections: the client's events tell of what failed, too. They are made when they
 * are looked at, because most are not.
 */
export function toReceipt(kept: Kept | Promise<Kept>, durable: boolean): Receipt {
  if (kept instanceof Promise) kept.catch(ignore)
  const promised = <Value>(pick: (kept: Kept) => Promise<Value>): Promise<Value> => {
    const promise = kept instanceof Promise ? kept.then(pick) : pick(kept)
    promise.catch(ignore)
    return promise
  }
  const stored = (): Promise<void> => promised(({ stored }) => stored.promise)
  const acked = (): Promise<Published> => promised(({ acked }) => acked.promise)
  return {
    get stored() {
      return stored()
    },
    get acked() {
      return acked()
    },
    // biome-ignore lint/suspicious/noThenProperty: to be awaited is what a receipt is for
    then: (fulfilled, rejected) => (durable ? stored().then((): Published => ({})) : acked()).then(fulfilled, rejected),
  }
}

function ignore(): void {}
