import { isThingmeshError, ThingmeshError } from '@thingmesh/core'

/**
 * Carries out one change after the other. A check made inside a change therefore holds until that change is in force:
 * of many that want the same name, one gets it.
 */
export class WriteQueue {
  readonly #waitingMax: number
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax
  }

  run<Result>(change: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= this.#waitingMax) {
      return Promise.reject(
        new ThingmeshError(
          'unavailable',
          `${this.#waiting} changes wait for the store, the limit waitingChangesMax is ${this.#waitingMax}`,
          {
            details: { limit: 'waitingChangesMax', found: this.#waiting, max: this.#waitingMax },
            retryAfterSeconds: 1,
          },
        ),
      )
    }
    this.#waiting++
    const settled = this.#tail.then(change).finally(() => {
      this.#waiting--
    })
    this.#tail = settled.catch(() => undefined)
    return settled
  }

  /** Settles when everything that was asked for before is done. */
  async drained(): Promise<void> {
    await this.#tail
  }
}

/** What the records threw, as the caller of a change sees it. */
export function toWriteError(error: unknown): ThingmeshError {
  return isThingmeshError(error)
    ? error
    : new ThingmeshError('unavailable', 'the registry could not be written', { cause: error })
}
