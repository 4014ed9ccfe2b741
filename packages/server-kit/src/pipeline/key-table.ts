/** Below this a table is not worth a second one. */
const generationMin = 64

interface Entry {
  readonly record: { readonly key: string }
  readonly gone: boolean
}

/**
 * By key what was remembered lately; what has been there longest goes first. It is not taken out, but marked as gone, and goes with
 * all that is as old: a `Map` in which keys come and go is given a new table by V8 again and again, and an old table keeps the next
 * one alive, with all that was in it, until a full collection.
 */
export class KeyTable<Item extends Entry> {
  #young = new Map<string, Item>()
  #old: ReadonlyMap<string, Item> | undefined
  #size = 0

  /** Those that have not gone. */
  get size(): number {
    return this.#size
  }

  get(key: string): Item | undefined {
    const found = this.#young.get(key) ?? this.#old?.get(key)
    return found === undefined || found.gone ? undefined : found
  }

  /** One whose key is not there. */
  add(item: Item): void {
    // The younger map has as many as have not gone at all: then all in the older one have.
    if (this.#young.size >= generationMin && this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(item.record.key, item)
    this.#size += 1
  }

  /** The one that has been there longest has gone, or one whose key is about to be added again. */
  left(): void {
    this.#size -= 1
  }

  /** One is as if it had not been added. Taken out, so that those in the younger map are ones that came, and none that only tried to. */
  takeBack(item: Item): void {
    this.#size -= 1
    const { key } = item.record
    if (this.#young.get(key) === item) this.#young.delete(key)
  }
}
