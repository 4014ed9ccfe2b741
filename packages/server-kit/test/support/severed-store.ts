import type { Store } from '../../src/contracts/index.ts'

export interface SeveredStore extends Store {
  /** From now on nothing that is asked of it happens, as for a hub that was killed. */
  sever(): void
}

/** A hub's way to a store that another hub on the same data goes on with. */
export function severable(store: Store): SeveredStore {
  let isSevered = false
  /** Every method, and no field, stops at the cut. */
  function guard<Part extends object>(part: Part): Part {
    return new Proxy(part, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        return (...args: readonly unknown[]) =>
          isSevered ? Promise.reject(new Error('severed')) : Reflect.apply(member, target, args)
      },
    })
  }
  return {
    durability: store.durability,
    start: () => store.start(),
    // The data goes on.
    stop: () => Promise.resolve(),
    log: guard(store.log),
    retained: guard(store.retained),
    sessions: guard(store.sessions),
    groups: guard(store.groups),
    keys: guard(store.keys),
    registry: guard(store.registry),
    sever() {
      isSevered = true
    },
  }
}
