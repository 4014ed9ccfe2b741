import type { SessionRecords, Store } from '../../src/contracts/index.ts'

type Noted = 'release' | 'receive'

export interface HeldStore extends Store {
  /** Ends of transfers, or receptions, wait from now on. */
  hold(what: Noted): void
  /** Lets what waits through, and everything after it. */
  letGo(): void
  /** The next one fails. */
  failNext(what: Noted): void
  readonly held: number
}

/** A store whose notes on exactly-once exchanges a test holds back or lets fail. */
export function heldRecords(store: Store): HeldStore {
  const waiting: (() => void)[] = []
  let holding: Noted | undefined
  let failing: Noted | undefined
  const pass = async (what: Noted) => {
    if (holding === what) await new Promise<void>(resolve => waiting.push(resolve))
    if (failing !== what) return
    failing = undefined
    throw new Error('disk full')
  }
  const { sessions } = store
  const records: SessionRecords = {
    load: () => sessions.load(),
    save: some => sessions.save(some),
    advance: cursors => sessions.advance(cursors),
    remove: ids => sessions.remove(ids),
    release: async transfers => {
      await pass('release')
      await sessions.release(transfers)
    },
    receive: async receptions => {
      await pass('receive')
      await sessions.receive(receptions)
    },
  }
  return {
    ...store,
    sessions: records,
    hold(what) {
      holding = what
    },
    letGo() {
      holding = undefined
      for (const resolve of waiting.splice(0)) resolve()
    },
    failNext(what) {
      failing = what
    },
    get held() {
      return waiting.length
    },
  }
}
