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
export class KeptReceipt implements Receipt {
  readonly #kept: Kept | Promise<Kept>
  readonly #durable: boolean

  constructor(kept: Kept | Promise<Kept>, durable: boolean) {
    this.#kept = kept
    this.#durable = durable
    if (kept instanceof Promise) kept.catch(ignore)
  }

  get stored(): Promise<void> {
    return this.#promised('stored')
  }

  get acked(): Promise<Published> {
    return this.#promised('acked')
  }

  #promised<Name extends keyof Kept>(name: Name): Kept[Name]['promise'] {
    const kept = this.#kept
    if (!(kept instanceof Promise)) return kept[name].promise
    const promise = kept.then(kept => kept[name].promise as Promise<never>)
    promise.catch(ignore)
    return promise
  }

  // biome-ignore lint/suspicious/noThenProperty: to be awaited is what a receipt is for
  then<Fulfilled = Published, Rejected = never>(
    fulfilled?: ((published: Published) => Fulfilled | PromiseLike<Fulfilled>) | null,
    rejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    const safe = this.#durable ? this.stored.then((): Published => ({})) : this.acked
    return safe.then(fulfilled, rejected)
  }
}

function ignore(): void {}
