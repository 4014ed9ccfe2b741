/** In slots: a hash and what has it, side by side, so that looking one up reads memory in one place. */
type Slots<Item> = (number | Item | undefined)[]

/** A power of two: slots that a table begins with. */
const capacityMin = 4
/** With half of the slots free a search that goes on for so long is no accident. */
const probesMax = 64

/**
 * What is filed under the levels of topics, found by a piece of a topic without cutting it out. A `Map` would do, and is
 * what takes over where somebody has chosen names that collide; but a search in a large one reads memory in twice as many places,
 * none of which is in a cache.
 */
export class LevelTable<Item extends { readonly level: string }> {
  readonly #seed: number
  #slots: Slots<Item> = emptySlots(capacityMin)
  /** One less than the number of slots. */
  #mask = capacityMin - 1
  #size = 0
  #map: Map<string, Item> | undefined

  /** The seed is drawn so that nobody knows which names collide. */
  constructor(seed = Math.trunc(Math.random() * 0x7fffffff)) {
    this.#seed = seed
  }

  get size(): number {
    return this.#map?.size ?? this.#size
  }

  /** The item of the level that goes from `start` to `end`. */
  get(text: string, start: number, end: number): Item | undefined {
    if (this.#map !== undefined) return this.#map.get(text.slice(start, end))
    const hash = hashLevel(this.#seed, text, start, end)
    const slots = this.#slots
    const mask = this.#mask
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = slots[2 * slot]
      if (found === undefined) return undefined
      if (found === hash) {
        const item = slots[2 * slot + 1] as Item
        if (isLevel(item.level, text, start, end)) return item
      }
    }
  }

  /** In the place of the one with the same level, if there is one. */
  set(item: Item): void {
    if (this.#map === undefined && !this.#put(item)) this.#giveWay()
    if (this.#map !== undefined) this.#map.set(item.level, item)
    else if (2 * this.#size > this.#mask + 1) this.#resize(2 * (this.#mask + 1))
  }

  delete(level: string): void {
    if (this.#map !== undefined) {
      this.#map.delete(level)
      return
    }
    const slots = this.#slots
    const mask = this.#mask
    const hash = hashLevel(this.#seed, level, 0, level.length)
    let hole = hash & mask
    while (slots[2 * hole] !== hash || (slots[2 * hole + 1] as Item).level !== level) {
      if (slots[2 * hole] === undefined) return
      hole = (hole + 1) & mask
    }
    // What stands behind moves up, or a search for it would end at the hole.
    for (let slot = (hole + 1) & mask; slots[2 * slot] !== undefined; slot = (slot + 1) & mask) {
      const home = (slots[2 * slot] as number) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[2 * hole] = slots[2 * slot]
      slots[2 * hole + 1] = slots[2 * slot + 1]
      hole = slot
    }
    slots[2 * hole] = undefined
    slots[2 * hole + 1] = undefined
    this.#size--
    if (8 * this.#size < mask + 1 && mask + 1 > capacityMin) this.#resize((mask + 1) / 2)
  }

  /** False where the search for a place went on for too long. */
  #put(item: Item): boolean {
    const { level } = item
    const hash = hashLevel(this.#seed, level, 0, level.length)
    const slots = this.#slots
    const mask = this.#mask
    let slot = hash & mask
    for (let probes = 0; probes < probesMax; probes++) {
      const found = slots[2 * slot]
      if (found === undefined || (found === hash && (slots[2 * slot + 1] as Item).level === level)) {
        slots[2 * slot] = hash
        slots[2 * slot + 1] = item
        if (found === undefined) this.#size++
        return true
      }
      slot = (slot + 1) & mask
    }
    return false
  }

  #resize(capacity: number): void {
    const items = this.#items()
    this.#slots = emptySlots(capacity)
    this.#mask = capacity - 1
    this.#size = 0
    for (const item of items) {
      if (this.#put(item)) continue
      this.#map = new Map(items.map(item => [item.level, item]))
      this.#slots = []
      return
    }
  }

  #giveWay(): void {
    this.#map = new Map(this.#items().map(item => [item.level, item]))
    this.#slots = []
  }

  #items(): Item[] {
    return this.#slots.filter((held): held is Item => typeof held === 'object')
  }
}

/** FNV-1a, and then a stir, for it is the low bits that choose the slot. 30 bits: V8 keeps such a number in its place. */
export function hashLevel(seed: number, text: string, start: number, end: number): number {
  let hash = seed
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 12)) & 0x3fffffff
}

function emptySlots<Item>(capacity: number): Slots<Item> {
  return new Array<undefined>(2 * capacity).fill(undefined)
}

function isLevel(level: string, text: string, start: number, end: number): boolean {
  if (level.length !== end - start) return false
  for (let at = 0; at < level.length; at++) if (level.charCodeAt(at) !== text.charCodeAt(start + at)) return false
  return true
}
