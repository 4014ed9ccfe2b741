/** Numbers in ascending order, that are mostly added at the end and taken from the front. */
export class Ascending {
  #items: number[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  get first(): number | undefined {
    return this.#items[this.#head]
  }

  /** True: it is the last one now. */
  add(number: number): boolean {
    let at = this.#items.length
    while (at > this.#head && this.#items[at - 1]! > number) at -= 1
    const isLast = at === this.#items.length
    if (isLast) this.#items.push(number)
    else this.#items.splice(at, 0, number)
    return isLast
  }

  addAll(numbers: readonly number[]): void {
    this.#items = [...this.all(), ...numbers].sort((a, b) => a - b)
    this.#head = 0
  }

  shift(): void {
    this.#head += 1
    // Moving the rest costs its length.
    if (this.#head < this.#items.length / 2) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }

  /** So many of the lowest. */
  lowest(count: number): readonly number[] {
    return this.#items.slice(this.#head, this.#head + count)
  }

  all(): readonly number[] {
    return this.#items.slice(this.#head)
  }
}
