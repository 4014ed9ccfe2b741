/** Bounds, in bytes, what all sessions' queues hold together. */
export class QueueBudget {
  readonly #max: number
  #used = 0

  constructor(bytesMax: number) {
    this.#max = bytesMax
  }

  get used(): number {
    return this.#used
  }

  get hasRoom(): boolean {
    return this.#used < this.#max
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#max) return false
    this.#used += bytes
    return true
  }

  /** For what is bounded elsewhere and must be counted all the same. */
  takeAnyway(bytes: number): void {
    this.#used += bytes
  }

  release(bytes: number): void {
    this.#used -= bytes
  }
}
