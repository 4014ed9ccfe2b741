/**
 * Gathers small durable writes: those of one turn of the event loop, and those that come while others are written, go to
 * the store together and share one promise.
 */
export class WriteBatcher<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>
  #items: Item[] = []
  #done = Promise.withResolvers<void>()
  #writing = false
  #written: Promise<void> = Promise.resolve()
  #scheduled = false

  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write
  }

  /** Settles as the write that carries the item does. */
  add(item: Item): Promise<void> {
    this.#items.push(item)
    if (!this.#writing && !this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.#flush()
      })
    }
    return this.#done.promise
  }

  /** Settles when nothing waits or is being written any more, whatever became of it: that is told to who asked for it. */
  async settled(): Promise<void> {
    while (this.#writing || this.#items.length > 0) {
      await Promise.allSettled([this.#writing ? this.#written : this.#done.promise])
    }
  }

  #flush(): void {
    if (this.#items.length === 0) return
    const items = this.#items
    const { resolve, reject } = this.#done
    this.#items = []
    this.#done = Promise.withResolvers<void>()
    this.#writing = true
    this.#written = this.#write(items)
      .then(resolve, reject)
      .finally(() => {
        this.#writing = false
        this.#flush()
      })
  }
}
