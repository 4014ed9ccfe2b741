import type { PlaceLimits, Places } from '../contracts/index.ts'
import { addressBlock } from './address-block.ts'

/** Counts connections that nobody has authenticated yet, by whose address they come from. */
export function openPlaces({ connectionsMax, connectionsPerAddressMax }: PlaceLimits): Places {
  const byBlock = new Map<string, number>()
  let taken = 0
  return {
    get taken() {
      return taken
    },
    take(address) {
      const block = addressBlock(address)
      const fromThere = byBlock.get(block) ?? 0
      // First, because it tells an operator more: one neighbour at fault, or the door too small.
      if (fromThere >= connectionsPerAddressMax) return 'connections-per-address'
      if (taken >= connectionsMax) return 'connections'
      taken += 1
      byBlock.set(block, fromThere + 1)
      return () => {
        taken -= 1
        const left = byBlock.get(block)! - 1
        if (left === 0) byBlock.delete(block)
        else byBlock.set(block, left)
      }
    },
  }
}
