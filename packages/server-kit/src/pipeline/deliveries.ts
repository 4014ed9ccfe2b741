/**
 * A session's un-acknowledged deliveries. Each has a tag, a number from 1 to 65,535 that the protocol carries (MQTT calls it the
 * packet identifier) and that is not used again before its acknowledgement, across connections (MQTT 5, section 2.2.1).
 */
export class Deliveries {
  /** In the order of delivery, which is the order of the log. */
  readonly #sequences = new Map<number, number>()
  readonly #tags = new Map<number, number>()
  readonly #replays = new Set<number>()
  /** Delivered on an earlier connection, not acknowledged, and not yet sent again on this one. */
  #unsent = new Set<number>()
  #last = 0
  /** After a reconnection: up to here everything was delivered before; what is not outstanding is done. */
  #deliveredTo = 0

  /** What the peer holds un-acknowledged on this connection. */
  get inFlight(): number {
    return this.#sequences.size - this.#unsent.size + this.#replays.size
  }

  /** The lowest sequence that is not acknowledged. */
  get lowest(): number | undefined {
    for (const sequence of this.#sequences.values()) return sequence
    return undefined
  }

  nextTag(): number {
    do this.#last = this.#last === 65_535 ? 1 : this.#last + 1
    while (this.#sequences.has(this.#last) || this.#replays.has(this.#last))
    return this.#last
  }

  /** The tag of a message that was delivered before and not acknowledged: it goes out again under the same one. */
  tagOf(sequence: number): number | undefined {
    return this.#tags.get(sequence)
  }

  /** Delivered and acknowledged on an earlier connection. */
  isDone(sequence: number): boolean {
    return sequence <= this.#deliveredTo && !this.#tags.has(sequence)
  }

  sent(tag: number, sequence: number): void {
    this.#unsent.delete(tag)
    this.#sequences.set(tag, sequence)
    this.#tags.set(sequence, tag)
    if (sequence > this.#deliveredTo) this.#deliveredTo = sequence
  }

  sentReplay(tag: number): void {
    this.#replays.add(tag)
  }

  acknowledge(tag: number): boolean {
    const sequence = this.#sequences.get(tag)
    if (sequence === undefined) return this.#replays.delete(tag)
    this.#unsent.delete(tag)
    this.#sequences.delete(tag)
    this.#tags.delete(sequence)
    return true
  }

  /** It will not be delivered again: it has expired, or the right to it has. */
  forget(sequence: number): void {
    const tag = this.#tags.get(sequence)
    if (tag !== undefined) this.acknowledge(tag)
  }

  /** The connection is gone. A replayed last value is not owed to the next one; logged messages are. */
  awaitRedelivery(): void {
    this.#replays.clear()
    this.#unsent = new Set(this.#sequences.keys())
  }
}
