import type { Presence, PresenceUpdate, PrincipalId } from '@thingmesh/core'

const updateItemsMax = 500
/** Between two updates. Whoever comes and goes meanwhile is told of once, as it is then. */
const intervalMs = 100

/** Where a follower looks up what it was told has changed. */
interface Board {
  find(domain: string, id: PrincipalId): Presence | undefined
  known(domain: string): Generator<Presence, void, undefined>
}

/** One reader of presences. It holds the names of those that changed, so a slow one holds no more than there are principals. */
export class PresenceFollower {
  readonly #board: Board
  readonly #domain: string
  readonly #changed = new Set<PrincipalId>()
  #ended = false
  #wake: (() => void) | undefined

  constructor(board: Board, domain: string) {
    this.#board = board
    this.#domain = domain
  }

  note(id: PrincipalId): void {
    this.#changed.add(id)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *updates(): AsyncGenerator<PresenceUpdate, void, undefined> {
    yield* this.#snapshot()
    while (!this.#ended) {
      if (this.#changed.size === 0) await this.#woken()
      else {
        yield this.#take()
        await this.#woken(intervalMs)
      }
    }
  }

  *#snapshot(): Generator<PresenceUpdate, void, undefined> {
    let reset = true
    let items: Presence[] = []
    for (const presence of this.#board.known(this.#domain)) {
      if (this.#ended) return
      items.push(presence)
      if (items.length < updateItemsMax) continue
      yield { reset, items, gone: [] }
      reset = false
      items = []
    }
    if (reset || items.length > 0) yield { reset, items, gone: [] }
  }

  #take(): PresenceUpdate {
    const items: Presence[] = []
    const gone: PrincipalId[] = []
    for (const id of this.#changed) {
      this.#changed.delete(id)
      const presence = this.#board.find(this.#domain, id)
      if (presence === undefined) gone.push(id)
      else items.push(presence)
      if (items.length + gone.length === updateItemsMax) break
    }
    return { reset: false, items, gone }
  }

  /** Settles with the next change, or, where a time is given, when that is over; with the end in any case. */
  #woken(afterMs?: number): Promise<void> {
    return new Promise(resolve => {
      const timer = afterMs === undefined ? undefined : setTimeout(resolve, afterMs)
      this.#wake = () => {
        if (timer !== undefined && !this.#ended) return
        clearTimeout(timer)
        resolve()
      }
      if (this.#ended) this.#wake()
    })
  }
}
