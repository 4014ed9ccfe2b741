import type { ThingmeshError } from '@thingmesh/core'

/** Peers that keep asking are not to keep telling. */
const tellAgainMs = 60_000

/**
 * A fault of the embedding program's own code that any peer can bring about again: told at most once a minute, and the same
 * error for all who come meanwhile.
 */
export class StandingFault {
  readonly #toError: (cause: unknown) => ThingmeshError
  readonly #onFault: (error: ThingmeshError) => void
  #told: ThingmeshError | undefined
  #toldAtMs = 0

  constructor(toError: (cause: unknown) => ThingmeshError, onFault: (error: ThingmeshError) => void) {
    this.#toError = toError
    this.#onFault = onFault
  }

  /** What the peer is refused with. Its cause is that of the one that was told. */
  of(cause: unknown): ThingmeshError {
    const nowMs = performance.now()
    if (this.#told !== undefined && nowMs < this.#toldAtMs + tellAgainMs) return this.#told
    this.#told = this.#toError(cause)
    this.#toldAtMs = nowMs
    this.#onFault(this.#told)
    return this.#told
  }
}
