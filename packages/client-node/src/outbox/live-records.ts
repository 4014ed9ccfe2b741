/** Where in the file the records lie whose entries are not gone. */
export interface RecordPlace {
  readonly start: number
  readonly end: number
}

/**
 * The places of records by the sequences of their entries, which count up. Plain arrays of numbers, with the place of one that
 * is gone left empty until half of them are: a `Map` costs more, and the garbage collector most of that.
 */
export class LiveRecords {
  #sequences: number[] = []
  #starts: number[] = []
  /** 0 where the entry is gone. */
  #lengths: number[] = []
  #count = 0
  #bytes = 0

  /** Of all records together. */
  get bytes(): number {
    return this.#bytes
  }

  add(sequence: number, start: number, length: number): void {
    this.#sequences.push(sequence)
    this.#starts.push(start)
    this.#lengths.push(length)
    this.#count++
    this.#bytes += length
  }

  /** Does nothing where it is not there. */
  remove(sequence: number): void {
    const at = this.#indexOf(sequence)
    const length = this.#lengths[at] ?? 0
    if (this.#sequences[at] !== sequence || length === 0) return
    this.#lengths[at] = 0
    this.#count--
    this.#bytes -= length
    if (this.#count < this.#lengths.length / 2 - spareMin) this.#closeRanks()
  }

  /** Those that lie behind each other as one. */
  places(): readonly RecordPlace[] {
    const places: { start: number; end: number }[] = []
    for (const [i, start] of this.#starts.entries()) {
      const length = this.#lengths[i]!
      if (length === 0) continue
      const last = places.at(-1)
      if (last?.end === start) last.end += length
      else places.push({ start, end: start + length })
    }
    return places
  }

  /** All records have been moved together, in their order, and begin there. */
  moved(start: number): void {
    this.#closeRanks()
    let at = start
    for (const [i, length] of this.#lengths.entries()) {
      this.#starts[i] = at
      at += length
    }
  }

  #closeRanks(): void {
    const isLive = (_: number, i: number): boolean => this.#lengths[i] !== 0
    this.#sequences = this.#sequences.filter(isLive)
    this.#starts = this.#starts.filter(isLive)
    this.#lengths = this.#lengths.filter(isLive)
  }

  /** Of the first that is not below it. */
  #indexOf(sequence: number): number {
    let low = 0
    let high = this.#sequences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sequences[middle]! < sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Below so few it is not worth it. */
const spareMin = 64
