// More holes than this and the stream is hopeless anyway; the oldest are then taken as lost.
const HOLES_MAX = 10_000

/** Watches the sequence numbers of one publisher as one subscriber sees them: what is missing, double, out of order. */
export class SequenceTracker {
  duplicated = 0
  reordered = 0
  /** Distinct sequence numbers seen. */
  unique = 0
  #next = 0
  // Ranges [from, to) that were skipped, ascending, flat.
  #holes: number[] = []

  see(sequence: number): void {
    if (sequence === this.#next) {
      this.#next = sequence + 1
      this.unique++
    } else {
      this.#seeOutOfLine(sequence)
    }
  }

  has(sequence: number): boolean {
    return sequence < this.#next && this.#holeOf(sequence) < 0
  }

  #seeOutOfLine(sequence: number): void {
    if (sequence > this.#next) {
      this.#holes.push(this.#next, sequence)
      if (this.#holes.length > HOLES_MAX * 2) this.#holes.splice(0, 2)
      this.#next = sequence + 1
      this.unique++
      return
    }
    const at = this.#holeOf(sequence)
    if (at < 0) {
      this.duplicated++
      return
    }
    const from = this.#holes[at]!
    const to = this.#holes[at + 1]!
    const rest: number[] = []
    if (from < sequence) rest.push(from, sequence)
    if (sequence + 1 < to) rest.push(sequence + 1, to)
    this.#holes.splice(at, 2, ...rest)
    this.reordered++
    this.unique++
  }

  #holeOf(sequence: number): number {
    for (let at = this.#holes.length - 2; at >= 0; at -= 2) {
      if (sequence >= this.#holes[at + 1]!) return -1
      if (sequence >= this.#holes[at]!) return at
    }
    return -1
  }
}
