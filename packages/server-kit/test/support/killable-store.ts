import { ThingmeshError } from '@thingmesh/core'
import type { Store } from '../../src/contracts/index.ts'

/**
 * A store whose user can be killed: from then on nothing of what that user still does arrives, and the data is as it was. The next user gets a wrapping of its own.
 */
export function killableStore(store: Store): { readonly store: Store; kill(): void } {
  let isKilled = false
  const guarded = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (isKilled) return Promise.reject(new ThingmeshError('unavailable', 'the process is dead'))
          return value.apply(target, args)
        }
      },
    })
  const { durability, log, retained, sessions, registry } = store
  return {
    store: {
      durability,
      start: () => store.start(),
      stop: () => (isKilled ? Promise.resolve() : store.stop()),
      log: guarded(log),
      retained: guarded(retained),
      sessions: guarded(sessions),
      registry: guarded(registry),
    },
    kill() {
      isKilled = true
    },
  }
}
