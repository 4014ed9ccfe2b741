/** Above the tags of messages from the log and of replayed last values. */
const firstTag = 65_024
const tagMax = 65_535

/** What gives a session messages that it is owed by no subscription of its own: a group. */
export interface Lender {
  /** Something is there for a member that has room. */
  pump(): void
  /** A member's connection has come or gone. */
  connectionChanged(): void
  /** The member is back on another connection and is to be sent the loan again. False: the lender has no more to do with it. */
  recall(loan: Loan): boolean
  /** Settles when it is noted for good that the peer has it. */
  noteReceived(loan: Loan): Promise<void>
  /** The member is done with it. */
  settled(loan: Loan): void
  /** The member is not done with it and will not be: somebody else may have it. */
  returned(loan: Loan): void
  /** The same, and nobody else may have it: its exactly-once exchange had begun. */
  lost(loan: Loan): void
}

/** One message that a session has from a lender. */
export interface Loan {
  readonly lender: Lender
  readonly sequence: number
  readonly tag: number
  readonly isExactlyOnce: boolean
  /** The peer has been sent it. */
  isSent: boolean
  /** The peer has it, and that is noted for good: only the end of the exchange is owed. */
  isReceived: boolean
}

/**
 * What a session has from lenders and has not acknowledged. The tags are given one after the other, not derived from
 * sequences as those of its own deliveries are: a session may have one message several times, from several lenders.
 */
export class Loans {
  /** On this connection, by tag. */
  readonly #held = new Map<number, Loan>()
  /** Exactly-once, begun on an earlier connection: to be sent again, or only to be ended. */
  readonly #resting = new Map<number, Loan>()
  /** From anywhere: what a peer keeps of a hub that was killed should not be met again first thing. */
  #lastTag = firstTag + Math.floor(Math.random() * (tagMax - firstTag))

  /** What the peer holds un-acknowledged on this connection, or is about to. */
  get inFlight(): number {
    return this.#held.size
  }

  /** `undefined` while all tags are taken. `tagBefore`: the one that it had with this peer, so that a repeat can be told. */
  reserve(lender: Lender, sequence: number, isExactlyOnce: boolean, tagBefore?: number): Loan | undefined {
    const isRepeat = tagBefore !== undefined && !this.#isTaken(tagBefore)
    const tag = isRepeat ? tagBefore : this.#freeTag()
    if (tag === undefined) return undefined
    const loan = { lender, sequence, tag, isExactlyOnce, isSent: isRepeat, isReceived: false }
    this.#held.set(tag, loan)
    return loan
  }

  /** From an earlier life of the hub. */
  restore(loan: Loan): void {
    this.#resting.set(loan.tag, loan)
  }

  find(tag: number): Loan | undefined {
    return this.#held.get(tag) ?? this.#resting.get(tag)
  }

  isHeld(loan: Loan): boolean {
    return this.#held.get(loan.tag) === loan
  }

  /** In flight on this connection from now on. False: it is over, or was before. */
  takeUp(loan: Loan): boolean {
    if (this.#resting.get(loan.tag) !== loan) return false
    this.#resting.delete(loan.tag)
    this.#held.set(loan.tag, loan)
    return true
  }

  end(loan: Loan): void {
    if (this.#held.get(loan.tag) === loan) this.#held.delete(loan.tag)
    else if (this.#resting.get(loan.tag) === loan) this.#resting.delete(loan.tag)
  }

  resting(): readonly Loan[] {
    return [...this.#resting.values()]
  }

  /**
   * The connection is gone. An exactly-once exchange that has begun rests until the next one (MQTT 5, section 4.8.2). Answers the
   * others, which are over.
   */
  rest(): readonly Loan[] {
    const over: Loan[] = []
    for (const loan of this.#held.values()) {
      if (loan.isExactlyOnce && loan.isSent) this.#resting.set(loan.tag, loan)
      else over.push(loan)
    }
    this.#held.clear()
    return over
  }

  /** The session is over. Answers what it still had. */
  clear(): readonly Loan[] {
    const over = [...this.#held.values(), ...this.#resting.values()]
    this.#held.clear()
    this.#resting.clear()
    return over
  }

  #isTaken(tag: number): boolean {
    return this.#held.has(tag) || this.#resting.has(tag)
  }

  #freeTag(): number | undefined {
    if (this.#held.size + this.#resting.size > tagMax - firstTag) return undefined
    do this.#lastTag = this.#lastTag === tagMax ? firstTag : this.#lastTag + 1
    while (this.#isTaken(this.#lastTag))
    return this.#lastTag
  }
}
