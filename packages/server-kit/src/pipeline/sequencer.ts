import { ThingmeshError } from '@thingmesh/core'
import type { MessageLog } from '../contracts/index.ts'

/** How many sequences are reserved at a time: at a million messages a second the next reservation has eight seconds. */
const block = 2 ** 24

/**
 * Gives out sequences. Messages that are never recorded take one as well, so the log alone does not remember how far the
 * numbers went: the store is asked to reserve them ahead, and a restart goes on above the reservation. No id is given twice.
 */
export class Sequencer {
  readonly #log: MessageLog
  readonly #onFault: (error: unknown) => void
  #next = 0
  #reserved = 0
  #reserving = false

  constructor(log: MessageLog, onFault: (error: unknown) => void) {
    this.#log = log
    this.#onFault = onFault
  }

  async start(): Promise<void> {
    this.#next = this.#log.nextSequence
    await this.#log.reserve(this.#next + block)
    this.#reserved = this.#next + block
  }

  /** The last one that was given out. */
  get last(): number {
    return this.#next - 1
  }

  /** Throws `unavailable` where the store did not answer for a whole block. */
  next(): number {
    if (this.#next > this.#reserved - block / 2 && !this.#reserving) this.#reserveMore()
    if (this.#next >= this.#reserved)
      throw new ThingmeshError('unavailable', 'the store does not answer: no message can be numbered')
    return this.#next++
  }

  #reserveMore(): void {
    this.#reserving = true
    const bound = this.#reserved + block
    this.#log
      .reserve(bound)
      .then(() => {
        this.#reserved = bound
      }, this.#onFault)
      .finally(() => {
        this.#reserving = false
      })
  }
}
