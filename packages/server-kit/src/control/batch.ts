import { isThingmeshError, ThingmeshError } from '@thingmesh/core'
import { checkLimit, type RegistryLimits } from './limits.ts'

/** Throws `invalid-argument` where `createMany` is asked for more than one call may bring. */
export function checkBatch(limits: RegistryLimits, what: string, drafts: readonly unknown[]): void {
  checkLimit(limits, 'batchItemsMax', what, drafts.length)
}

/** Like `map`, and an error says which item it is about where there is more than one. */
export function mapItems<Item, Result>(items: readonly Item[], toResult: (item: Item) => Result): Result[] {
  return items.map((item, index) => {
    try {
      return toResult(item)
    } catch (error) {
      if (items.length === 1 || !isThingmeshError(error)) throw error
      throw new ThingmeshError(error.code, `item ${index}: ${error.message}`, { details: { ...error.details, index } })
    }
  })
}
