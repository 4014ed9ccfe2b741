/** Something that ends at a time of the wall clock. */
export interface Expiry {
  readonly kind: 'key' | 'token'
  readonly id: string
  readonly atMs: number
}

/**
 * The wall clock may be set while the timer, which is monotonic, waits (a gateway that boots in 1970 and then hears
 * NTP): it is looked at again at least this often.
 */
const waitMsMax = 60_000

/** One timer for everything that ends, earliest first. It does not keep the process alive. */
export class ExpiryTimer {
  readonly #nowMs: () => number
  readonly #ended: (expiry: Expiry) => void
  /** A binary heap by `atMs`. */
  readonly #heap: Expiry[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(nowMs: () => number, ended: (expiry: Expiry) => void) {
    this.#nowMs = nowMs
    this.#ended = ended
  }

  /** What was added and has lost its meaning since is for `ended` to tell. */
  add(expiry: Expiry): void {
    this.#push(expiry)
    if (this.#heap[0] === expiry) this.#arm()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#heap.length = 0
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const first = this.#heap[0]
    if (first === undefined) {
      this.#timer = undefined
      return
    }
    const waitMs = Math.min(Math.max(first.atMs - this.#nowMs(), 0), waitMsMax)
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(waitMs))
    this.#timer.unref()
  }

  #fire(): void {
    const nowMs = this.#nowMs()
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      this.#pop()
      this.#ended(first)
    }
    this.#arm()
  }

  #push(expiry: Expiry): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(expiry)
    while (index > 0) {
      const parent = (index - 1) >>> 1
      if (heap[parent]!.atMs <= expiry.atMs) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = expiry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++
      if (heap[child]!.atMs >= last.atMs) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}
