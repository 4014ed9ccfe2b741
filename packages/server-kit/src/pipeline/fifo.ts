/**
 * First in, first out, for what may also go from the middle: that is marked, and swept once it is the greater part. Not a
 * `Map` in its order of insertion: V8 looks through all that was taken from the front of one, again and again.
 */
export class Fifo<Item extends { readonly gone: boolean }> {
  #items: Item[] = []
  /** Before it all have gone. */
  #head = 0
  #size = 0

  /** Those that have not gone. */
  get size(): number {
    return this.#size
  }

  push(item: Item): void {
    if (this.#items.length >= 2 * this.#size + 64) {
      this.#items = this.#items.filter(({ gone }) => !gone)
      this.#head = 0
    }
    this.#items.push(item)
    this.#size += 1
  }

  first(): Item | undefined {
    while (this.#items[this.#head]?.gone) this.#head += 1
    return this.#items[this.#head]
  }

  /** One of them has gone. */
  left(): void {
    this.#size -= 1
  }

  clear(): void {
    this.#items = []
    this.#head = 0
    this.#size = 0
  }
}
