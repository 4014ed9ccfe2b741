import { type ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Receipt } from '../../contracts/index.ts'

/**
 * Publishes of one connection whose commit is under way. Those of one commit batch share a promise and are answered
 * together, so a burst costs one reaction, not one a message.
 */
export class PendingPublishes {
  readonly #answer: (packetIds: readonly number[], error: ThingmeshError | undefined) => void
  #committed: Promise<void> | undefined
  #packetIds: number[] = []
  #count = 0

  constructor(answer: (packetIds: readonly number[], error: ThingmeshError | undefined) => void) {
    this.#answer = answer
  }

  get count(): number {
    return this.#count
  }

  add({ committed }: Receipt, packetId: number): void {
    this.#count += 1
    if (committed === this.#committed) {
      this.#packetIds.push(packetId)
      return
    }
    const packetIds = [packetId]
    this.#committed = committed
    this.#packetIds = packetIds
    committed.then(
      () => this.#settle(packetIds, undefined),
      error => this.#settle(packetIds, toThingmeshError(error)),
    )
  }

  #settle(packetIds: readonly number[], error: ThingmeshError | undefined): void {
    // A transfer that is repeated has the receipt, and so the promise, that it had: it is answered anew.
    if (packetIds === this.#packetIds) this.#committed = undefined
    this.#count -= packetIds.length
    this.#answer(packetIds, error)
  }
}
