/** How many messages the readers of one filter may have in front of them. */
class Window {
  readonly #max: number
  #untaken = 0
  readonly #waiting: (() => void)[] = []

  constructor(max: number) {
    this.#max = max
  }

  /** Gives a message to its reader, and settles when there is room for the next. */
  async admit(give: () => Promise<void>): Promise<void> {
    this.#untaken += 1
    void give().then(() => {
      this.#untaken -= 1
      this.#waiting.shift()?.()
    })
    while (this.#untaken >= this.#max) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}

/** By filter. They outlive connections: a reader that is slow is no faster for a connection that broke. */
export class Windows {
  readonly #max: number
  readonly #byFilter = new Map<string, Window>()

  constructor(max: number) {
    this.#max = max
  }

  of(filter: string): Window {
    const window = this.#byFilter.get(filter) ?? new Window(this.#max)
    this.#byFilter.set(filter, window)
    return window
  }

  forget(filter: string): void {
    this.#byFilter.delete(filter)
  }
}
