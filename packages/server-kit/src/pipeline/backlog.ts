import type { DomainId, Message } from '@thingmesh/core'
import type { MessagePage, SubscriptionRecord } from '../contracts/index.ts'
import { AcceptedMessage, weightOf } from './accepted.ts'
import type { Counters } from './counters.ts'
import type { HubLimits } from './limits.ts'
import type { LogReader } from './log-reader.ts'
import type { QueueBudget } from './queue-budget.ts'

/** What a backlog needs of the hub around it. */
export interface BacklogContext {
  readonly limits: HubLimits
  readonly counters: Counters
  readonly budget: QueueBudget
  readonly reader: LogReader
  /** The highest sequence routed so far. */
  head(): number
  onFault(error: unknown): void
}

/** Whoever is given what waits. */
export interface BacklogOwner {
  readonly domain: DomainId
  /** What of the log it is owed. */
  wanted(): readonly SubscriptionRecord[]
  /** Takes the message, or does without it for good. False: there is no room, and nothing happened. */
  take(message: Message): boolean
  /** The log has been read from one sequence (exclusive) to another, and this is what is there. */
  passed(after: number, through: number, found: readonly Message[]): void
  /** There is something to be taken. */
  pump(): void
}

const readAgainMs = 1000
/** With fewer messages queued than this, the next page is read while they are delivered. */
const readAheadBelow = 512

/**
 * What of the log waits for one owner, in order. It is *live* while the owner keeps up: nothing waits. What the owner has no
 * room for waits in a small queue; when that is full too, the backlog is *behind*: it holds a position and reads the log from there
 * until it has caught up.
 */
export class Backlog {
  readonly #context: BacklogContext
  readonly #owner: BacklogOwner
  #queue: Message[] = []
  #queueAt = 0
  #queueBytes = 0
  /** The log has more for the owner, above this sequence. `undefined`: what is not queued comes live. */
  #behindFrom: number | undefined
  #reading = false
  /** A page that was asked for in another era is not taken: it was read from elsewhere, or for other subscriptions. */
  #era = 0
  /** A page may hold messages that are routed a moment later: they are not taken twice. */
  #liveAbove = 0
  /** Routed while a page was being read; appended if the page turns out to reach that far. */
  #collected: Message[] | undefined
  #collectedBytes = 0

  constructor(context: BacklogContext, owner: BacklogOwner) {
    this.#context = context
    this.#owner = owner
  }

  /** Everything up to and including this sequence has been taken. */
  get position(): number {
    const next = this.#queue[this.#queueAt]
    if (next !== undefined) return Math.min(next.sequence - 1, this.#context.head())
    return this.#behindFrom ?? this.#context.head()
  }

  /** Is behind from here on: what is above the position is read when the owner pumps. */
  rewind(position: number): void {
    this.drop()
    this.#behindFrom = position
  }

  /** The owner wants something else: a page under way did not look for that. */
  wantsChanged(): void {
    this.#era += 1
  }

  /** The message is routed. True: nothing is before it, and the owner takes it now or has it queued. */
  isNext(message: Message): boolean {
    if (this.#collected !== undefined) {
      this.#collect(message)
      return false
    }
    if (this.#behindFrom !== undefined || message.sequence <= this.#liveAbove) return false
    if (this.#queueAt === this.#queue.length) return true
    this.enqueue(message)
    return false
  }

  enqueue(message: Message): void {
    const { limits, budget } = this.#context
    const bytes = weightOf(message)
    const full =
      this.#queue.length - this.#queueAt >= limits.queueMessagesMax || this.#queueBytes + bytes > limits.queueBytesMax
    if (full || !budget.take(bytes)) {
      this.#behindFrom = message.sequence - 1
      this.#context.counters.fellBehind.value += 1
      return
    }
    if (message instanceof AcceptedMessage) message.own()
    this.#queue.push(message)
    this.#queueBytes += bytes
  }

  /** Hands out what waits, as far as the owner takes it, and sees to it that there is always something to take. */
  pump(): void {
    while (this.#queueAt < this.#queue.length) {
      const message = this.#queue[this.#queueAt]!
      if (!this.#owner.take(message)) break
      this.#queueAt += 1
      const bytes = weightOf(message)
      this.#queueBytes -= bytes
      this.#context.budget.release(bytes)
    }
    // What is taken goes in large pieces: moving the rest costs its length.
    if (this.#queueAt > 0 && this.#queueAt >= this.#queue.length / 2) {
      this.#queue = this.#queue.slice(this.#queueAt)
      this.#queueAt = 0
    }
  }

  /** Reads the next page, where there is one and it is wanted by now. */
  readOn(): void {
    if (this.#behindFrom !== undefined && this.#mayReadAhead()) this.#readPage().catch(this.#context.onFault)
  }

  /** Gives back what it holds. */
  drop(): void {
    this.#era += 1
    this.#collected = undefined
    this.#context.budget.release(this.#queueBytes)
    this.#queue = []
    this.#queueAt = 0
    this.#queueBytes = 0
  }

  /** While there is something to deliver, the next page is for speed only, and has to find room. */
  #mayReadAhead(): boolean {
    const { limits, budget } = this.#context
    const queued = this.#queue.length - this.#queueAt
    return queued === 0 || (queued < readAheadBelow && this.#queueBytes < limits.queueBytesMax / 2 && budget.hasRoom)
  }

  #collect(message: Message): void {
    const collected = this.#collected!
    const { queueMessagesMax, queueBytesMax } = this.#context.limits
    this.#collectedBytes += weightOf(message)
    if (collected.length >= queueMessagesMax || this.#collectedBytes > queueBytesMax) {
      // Too many while one page was read: the next page brings them.
      this.#collected = undefined
      return
    }
    if (message instanceof AcceptedMessage) message.own()
    collected.push(message)
  }

  async #readPage(): Promise<void> {
    if (this.#reading || this.#behindFrom === undefined) return
    const era = this.#era
    this.#reading = true
    this.#collected = []
    this.#collectedBytes = 0
    const page = await this.#context.reader.read(this.#owner.domain, this.#owner.wanted(), this.#behindFrom)
    this.#reading = false
    const collected = this.#collected
    this.#collected = undefined
    if (page === undefined) {
      setTimeout(() => this.#owner.pump(), readAgainMs).unref()
      return
    }
    if (era === this.#era) this.#takePage(page, collected)
    this.#owner.pump()
  }

  #takePage(page: MessagePage, collected: readonly Message[] | undefined): void {
    const through = page.complete ? Number.POSITIVE_INFINITY : page.scannedTo
    this.#owner.passed(this.#behindFrom!, through, page.messages)
    this.#behindFrom = page.scannedTo
    for (const message of page.messages) this.#enqueueFromLog(message)
    if (!page.complete || collected === undefined) return
    this.#behindFrom = undefined
    this.#liveAbove = page.scannedTo
    for (const message of collected) {
      if (message.sequence > page.scannedTo && this.#behindFrom === undefined) this.enqueue(message)
    }
  }

  /** A page is bounded by the reader, so it is taken whole. */
  #enqueueFromLog(message: Message): void {
    const bytes = weightOf(message)
    this.#context.budget.takeAnyway(bytes)
    this.#queue.push(message)
    this.#queueBytes += bytes
  }
}
