import type { MessageLog, Store } from '@thingmesh/server-kit/contracts'
import { memoryStore } from '@thingmesh/server-kit/memory-store'

export interface GatedStore extends Store {
  /** Appends wait from now on. */
  hold(): void
  /** Lets what waits through, and everything after it. */
  release(): void
  /** The next append fails. */
  failNext(): void
  /** How many appends are waiting. */
  readonly held: number
  readonly appended: () => number
  /** How many calls it took. */
  readonly appends: () => number
}

/** A store whose appends a test holds back or lets fail. */
export function gatedStore(store: Store = memoryStore()): GatedStore {
  const waiting: (() => void)[] = []
  let holding = false
  let failing = false
  let appended = 0
  let appends = 0
  const append: MessageLog['append'] = async (batch, options) => {
    if (holding) await new Promise<void>(resolve => waiting.push(resolve))
    if (failing) {
      failing = false
      throw new Error('disk full')
    }
    await store.log.append(batch, options)
    appended += batch.length
    appends += 1
  }
  const log: MessageLog = {
    get id() {
      return store.log.id
    },
    get lineage() {
      return store.log.lineage
    },
    get nextSequence() {
      return store.log.nextSequence
    },
    append,
    reserve: below => store.log.reserve(below),
    read: query => store.log.read(query),
    prune: plans => store.log.prune(plans),
  }
  return {
    ...store,
    start: () => store.start(),
    stop: () => store.stop(),
    log,
    hold() {
      holding = true
    },
    release() {
      holding = false
      for (const resume of waiting.splice(0)) resume()
    },
    failNext() {
      failing = true
    },
    get held() {
      return waiting.length
    },
    appended: () => appended,
    appends: () => appends,
  }
}
