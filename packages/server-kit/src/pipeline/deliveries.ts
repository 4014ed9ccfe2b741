import type { UnacknowledgedRecord } from '../contracts/index.ts'
import { SparseMap, SparseSet } from './sparse.ts'

/** Tags of messages from the log; those above are for replayed last values, which have no place in its order, and further up for loans. */
const logTags = 64_511
const replayTagMax = 65_023

/**
 * A session's un-acknowledged deliveries. Each has a tag, a number from 1 to 65,535 that the protocol carries (MQTT calls
 * it the packet identifier). A message's tag follows from its sequence, so that a message that is sent again, on another
 * connection or by a hub that was killed in between, has the tag it had, and no tag means two messages (MQTT 5, section 2.2.1).
 */
export class Deliveries {
  /** By tag, in the order of delivery, which is the order of the log. */
  readonly #sequences = new SparseMap<number, number>()
  /** Replayed last values. True: exactly-once. */
  readonly #replays = new SparseMap<number, boolean>()
  /** Of those in `#sequences`: exactly-once. */
  readonly #exactlyOnce = new SparseSet<number>()
  /** The peer has the message and said so, which is noted for good; its end of the exactly-once exchange is still to come. */
  readonly #received = new SparseSet<number>()
  /** Delivered on an earlier connection, not acknowledged, and not yet sent again on this one. */
  readonly #unsent = new SparseSet<number>()
  /**
   * From an earlier life of the hub, by sequence: the peer had received these when the hub was killed. They wait here, out of the log's order, until the feed comes
   * past them. True: complete by now.
   */
  readonly #restored = new SparseMap<number, boolean>()
  /** From anywhere: what a peer keeps of an exchange that a killed hub does not know of should not be met again first thing. */
  #lastReplayTag = logTags + Math.floor(Math.random() * (replayTagMax - logTags))
  /** Everything up to here was delivered before; what of it is not outstanding is done. */
  #deliveredTo = 0
  /** The same of an earlier life of the hub, at most: which of it is done nobody remembers. */
  #deliveredBefore = 0

  /** What the peer holds un-acknowledged on this connection. */
  get inFlight(): number {
    return this.#sequences.size - this.#unsent.size + this.#replays.size
  }

  /** The highest sequence that was ever delivered. */
  get deliveredTo(): number {
    return this.#deliveredTo
  }

  /** Nothing above this sequence was ever delivered, in any life of the hub. */
  get sentTo(): number {
    return Math.max(this.#deliveredTo, this.#deliveredBefore)
  }

  /** The lowest sequence that is not acknowledged. */
  get lowest(): number | undefined {
    for (const sequence of this.#sequences.values()) return sequence
    return undefined
  }

  /** `unacknowledged`: as the property below was when the peer went; without it nobody knows more than `sentTo`. */
  restore(received: readonly number[], sentTo: number, unacknowledged?: UnacknowledgedRecord): void {
    this.#deliveredBefore = sentTo
    if (unacknowledged === undefined) {
      for (const sequence of received) this.#restored.set(sequence, false)
      return
    }
    const { atLeastOnce, exactlyOnce } = unacknowledged
    const ofQos2 = new Set(exactlyOnce)
    const known = new Set(received)
    for (const sequence of [...atLeastOnce, ...exactlyOnce].sort((a, b) => a - b)) {
      const tag = logTag(sequence)
      this.sent(tag, sequence, ofQos2.has(sequence))
      this.#unsent.add(tag)
      if (known.has(sequence)) this.#received.add(tag)
    }
    this.#deliveredTo = sentTo
  }

  /** Everything up to here has been delivered, or was not to be: what an earlier life of the hub may have sent of it is known now. */
  lookedAt(position: number): void {
    if (position >= this.#deliveredBefore) this.#deliveredTo = Math.max(this.#deliveredTo, this.#deliveredBefore)
  }

  /** `undefined` where an earlier life of the hub may have sent more, or there are exchanges left from it that the log does not know any more. */
  get unacknowledged(): UnacknowledgedRecord | undefined {
    if (this.#deliveredTo < this.#deliveredBefore || [...this.#restored.values()].includes(false)) return undefined
    const atLeastOnce: number[] = []
    const exactlyOnce: number[] = []
    for (const [tag, sequence] of this.#sequences)
      (this.#exactlyOnce.has(tag) ? exactlyOnce : atLeastOnce).push(sequence)
    return { atLeastOnce, exactlyOnce }
  }

  /** `undefined` while another message that is not acknowledged has the tag. */
  tagFor(sequence: number): number | undefined {
    const tag = logTag(sequence)
    const holder = this.#sequences.get(tag)
    return holder === undefined || holder === sequence ? tag : undefined
  }

  /** `undefined` while all of them are held. */
  replayTag(): number | undefined {
    if (this.#replays.size >= replayTagMax - logTags) return undefined
    do this.#lastReplayTag = this.#lastReplayTag === replayTagMax ? logTags + 1 : this.#lastReplayTag + 1
    while (this.#replays.has(this.#lastReplayTag))
    return this.#lastReplayTag
  }

  /** Delivered before and not acknowledged: it goes out again under the same tag. */
  isOutstanding(sequence: number): boolean {
    return this.#sequences.get(logTag(sequence)) === sequence
  }

  /** The peer may have it already: it goes out as a repeat (MQTT 5, section 3.3.1.1). */
  isRepeat(sequence: number): boolean {
    return sequence <= this.#deliveredBefore || this.isOutstanding(sequence)
  }

  /** An earlier life of the hub may have sent it, or not. */
  isUncertain(sequence: number): boolean {
    return sequence <= this.#deliveredBefore && sequence > this.#deliveredTo
  }

  /** Not to be sent: acknowledged on an earlier connection, or received by the peer so that only the end of the exchange is owed. */
  isSettled(sequence: number): boolean {
    const restored = this.#restored.get(sequence)
    if (restored !== undefined) {
      this.#restored.delete(sequence)
      if (!restored) {
        this.sent(logTag(sequence), sequence, true)
        this.#received.add(logTag(sequence))
      }
      return true
    }
    if (sequence > this.#deliveredTo) return false
    return !this.isOutstanding(sequence) || this.#received.has(logTag(sequence))
  }

  sent(tag: number, sequence: number, isExactlyOnce: boolean): void {
    this.#unsent.delete(tag)
    this.#sequences.set(tag, sequence)
    if (isExactlyOnce) this.#exactlyOnce.add(tag)
    else this.#exactlyOnce.delete(tag)
    if (sequence > this.#deliveredTo) this.#deliveredTo = sequence
  }

  sentReplay(tag: number, isExactlyOnce: boolean): void {
    this.#replays.set(tag, isExactlyOnce)
  }

  /** The sequence that has the tag, 0 for a replayed value, `undefined` for a tag that is not outstanding. */
  sequenceOf(tag: number): number | undefined {
    return this.#sequences.get(tag) ?? (this.#replays.has(tag) ? 0 : this.#restoredSequence(tag))
  }

  /** The peer has it, and that is noted for good. */
  received(tag: number, sequence: number): void {
    if (this.#sequences.get(tag) === sequence) this.#received.add(tag)
  }

  /** True once where the message was to be sent again on this connection, and its exchange is only to be ended instead. */
  takeUp(tag: number): boolean {
    return this.#received.has(tag) && this.#unsent.delete(tag)
  }

  acknowledge(tag: number): boolean {
    if (this.#sequences.delete(tag)) {
      this.#unsent.delete(tag)
      this.#exactlyOnce.delete(tag)
      this.#received.delete(tag)
      return true
    }
    if (this.#replays.delete(tag)) return true
    const sequence = this.#restoredSequence(tag)
    if (sequence === undefined) return false
    this.#restored.set(sequence, true)
    return true
  }

  /**
   * It will not be delivered again: it has expired, or the right to it has. Answers the tag where the exchange is still to be ended: the peer may have the tag from the
   * first time, and would take the next message under it for this one.
   */
  forget(sequence: number): number | undefined {
    if (!this.isOutstanding(sequence)) return undefined
    const tag = logTag(sequence)
    if (!this.#exactlyOnce.has(tag)) {
      this.acknowledge(tag)
      return undefined
    }
    this.#unsent.delete(tag)
    this.#received.add(tag)
    return tag
  }

  /** An earlier life of the hub may have sent it exactly-once: only the end of the exchange is owed. */
  owesEnd(tag: number, sequence: number): void {
    this.sent(tag, sequence, true)
    this.#received.add(tag)
  }

  /**
   * The connection is gone. A replayed last value is not owed to the next one, but the end of an exchange that has begun is: a peer that has the tag would take the
   * next message under it for this one. Logged messages are owed.
   */
  awaitRedelivery(): void {
    for (const [tag, isExactlyOnce] of this.#replays) if (!isExactlyOnce) this.#replays.delete(tag)
    this.#unsent.clear()
    for (const tag of this.#sequences.keys()) this.#unsent.add(tag)
  }

  /** On a new connection: the tags whose exchange is only to be ended, in order. They are in flight from now on. */
  takeReceived(): readonly number[] {
    const tags = [...this.#sequences.keys()].filter(tag => this.#received.has(tag))
    for (const tag of tags) this.#unsent.delete(tag)
    const restored = [...this.#restored].filter(([, complete]) => !complete)
    return [...tags, ...restored.map(([sequence]) => logTag(sequence)), ...this.#replays.keys()]
  }

  /** The log has been read from one sequence to another: what of it was to be sent again, and is not there any more. */
  missing(after: number, through: number, found: readonly { readonly sequence: number }[]): readonly number[] {
    if (this.#unsent.size === 0) return []
    const present = new Set(found.map(({ sequence }) => sequence))
    return Array.from(this.#unsent, tag => this.#sequences.get(tag)!).filter(
      sequence => sequence > after && sequence <= through && !present.has(sequence),
    )
  }

  #restoredSequence(tag: number): number | undefined {
    for (const [sequence, complete] of this.#restored) {
      if (!complete && logTag(sequence) === tag) return sequence
    }
    return undefined
  }
}

function logTag(sequence: number): number {
  return (sequence % logTags) + 1
}
