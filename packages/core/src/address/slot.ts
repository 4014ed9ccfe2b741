/**
 * The values of one filter. Most have one, which stands for itself: among a hundred thousand filters every further object on
 * the way to it is one more that no cache holds.
 */
export type Slot<T> = T | Many<T> | typeof none

export const none: unique symbol = Symbol('none')

class Many<T> {
  readonly values = new Set<T>()
}

/** What the slot is with that value in it, or undefined where it was in there already. */
export function withValue<T>(slot: Slot<T>, value: T): { readonly slot: Slot<T> } | undefined {
  if (slot instanceof Many) {
    if (slot.values.has(value)) return undefined
    slot.values.add(value)
    return { slot }
  }
  if (slot === none) return { slot: value }
  if (isSame(slot, value)) return undefined
  const many = new Many<T>()
  many.values.add(slot as T).add(value)
  return { slot: many }
}

/** What the slot is without it, or undefined where it was not in there. */
export function withoutValue<T>(slot: Slot<T>, value: T): { readonly slot: Slot<T> } | undefined {
  if (slot instanceof Many) {
    if (!slot.values.delete(value)) return undefined
    const [last] = slot.values
    return { slot: slot.values.size === 1 ? (last as T) : slot }
  }
  if (slot === none || !isSame(slot, value)) return undefined
  return { slot: none }
}

export function visitAll<T>(slot: Slot<T>, visit: (value: T) => void): void {
  if (slot instanceof Many) for (const value of slot.values) visit(value)
  else if (slot !== none) visit(slot as T)
}

/** As a `Set` compares. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b)
}
