import { type ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Receipt } from '../../contracts/index.ts'

interface Group {
  readonly committed: Promise<void>
  readonly packetIds: number[]
  bytes: number
  settled: boolean
  error: ThingmeshError | undefined
}

/**
 * Publishes of one connection whose commit is under way. Those of one commit batch share a promise and are answered
 * together, so a burst costs one reaction, not one a message. In the order in which they came, as is asked of clients (MQTT 5, section 4.6): what
 * repeats something that was committed long ago waits for what was published before it.
 */
export class PendingPublishes {
  readonly #answer: (packetIds: readonly number[], error: ThingmeshError | undefined) => void
  /** In the order of publishing; the first one is not settled. */
  readonly #groups: Group[] = []
  #count = 0
  #bytes = 0

  constructor(answer: (packetIds: readonly number[], error: ThingmeshError | undefined) => void) {
    this.#answer = answer
  }

  get count(): number {
    return this.#count
  }

  /** Of their payloads. */
  get bytes(): number {
    return this.#bytes
  }

  add({ committed }: Receipt, packetId: number, bytes: number): void {
    this.#count += 1
    this.#bytes += bytes
    const last = this.#groups.at(-1)
    // One that has settled and waits for its turn may have been told so already.
    if (last !== undefined && last.committed === committed && !last.settled) {
      last.packetIds.push(packetId)
      last.bytes += bytes
      return
    }
    const group: Group = { committed, packetIds: [packetId], bytes, settled: false, error: undefined }
    this.#groups.push(group)
    committed.then(
      () => this.#settle(group, undefined),
      error => this.#settle(group, toThingmeshError(error)),
    )
  }

  #settle(group: Group, error: ThingmeshError | undefined): void {
    group.settled = true
    group.error = error
    for (let first = this.#groups[0]; first?.settled; first = this.#groups[0]) {
      this.#groups.shift()
      this.#count -= first.packetIds.length
      this.#bytes -= first.bytes
      this.#answer(first.packetIds, first.error)
    }
  }
}
