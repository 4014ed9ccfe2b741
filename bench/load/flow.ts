/** How much of one publisher's traffic is on its way: the closed loop that ties its speed to what is delivered. */
export class Flow {
  sent = 0
  delivered = 0
  stalls = 0
  readonly #copies: number
  readonly #deliveriesMax: number
  readonly inFlight: number
  // Deliveries given up after a stall, so that a broker which drops does not stop its publisher for good.
  #forgiven = 0
  #deliveredAtLook = 0
  #movedAtMs = 0

  constructor(copiesPerMessage: number, inFlight: number) {
    this.#copies = copiesPerMessage
    this.inFlight = inFlight
    this.#deliveriesMax = copiesPerMessage * inFlight
  }

  /** How many messages may be sent now. */
  credit(): number {
    return Math.floor((this.#deliveriesMax - this.outstanding()) / this.#copies)
  }

  outstanding(): number {
    const outstanding = this.sent * this.#copies - this.delivered - this.#forgiven
    if (outstanding >= 0) return outstanding
    // What had been given up came after all.
    this.#forgiven += outstanding
    return 0
  }

  isComplete(): boolean {
    return this.delivered >= this.sent * this.#copies
  }

  forgiveIfStalled(nowMs: number, stallMs: number): void {
    if (this.delivered !== this.#deliveredAtLook || this.outstanding() === 0) {
      this.#deliveredAtLook = this.delivered
      this.#movedAtMs = nowMs
    } else if (nowMs - this.#movedAtMs >= stallMs) {
      this.#forgiven += this.outstanding()
      this.#movedAtMs = nowMs
      this.stalls++
    }
  }
}
