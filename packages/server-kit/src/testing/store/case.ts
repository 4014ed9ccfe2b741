import type { Store } from '../../contracts/index.ts'

/**
 * `restart`: what was stored is there when the store is opened again. A store without it runs the other cases.
 */
export type StoreCapability = 'restart'

export interface StoreCase {
  readonly name: string
  readonly needs?: StoreCapability
  /** `open` gives a started store: an empty one at first, and after that one was stopped another one on the same data. */
  run(open: () => Promise<Store>): Promise<void>
}
