/** As many as have gone may stay beside those that have not, and a few more. */
const goneMin = 8

interface Entry {
  readonly record: { readonly key: string }
  readonly gone: boolean
}

/**
 * Items by their keys. What goes is marked, and stays until it is the greater part: then the others move to a new map. Nothing is taken
 * out: a `Map` in which keys come and go is given a new table by V8 again and again, and an old table keeps the next one alive, with
 * all that was in it, until a full collection.
 */
export class KeyTable<Item extends Entry> {
  #items = new Map<string, Item>()
  #size = 0

  /** Those that have not gone. */
  get size(): number {
    return this.#size
  }

  get(key: string): Item | undefined {
    const found = this.#items.get(key)
    return found === undefined || found.gone ? undefined : found
  }

  /** One whose key is not there. */
  add(item: Item): void {
    this.#items.set(item.record.key, item)
    this.#size += 1
  }

  /** One of them has gone, and is marked so. */
  left(): void {
    this.#size -= 1
    if (this.#items.size < 2 * this.#size + goneMin) return
    const items = new Map<string, Item>()
    for (const item of this.#items.values()) if (!item.gone) items.set(item.record.key, item)
    this.#items = items
  }
}
