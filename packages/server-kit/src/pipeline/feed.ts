import { type DomainId, type Message, matchesFilter, type PrincipalId } from '@thingmesh/core'
import type { MessagePage, Outlet, Rights, SessionRecord, SubscriptionRecord } from '../contracts/index.ts'
import { AcceptedMessage, hasExpired, weightOf } from './accepted.ts'
import type { Counters } from './counters.ts'
import { Deliveries } from './deliveries.ts'
import type { HubLimits } from './limits.ts'
import type { LogReader } from './log-reader.ts'
import type { QueueBudget } from './queue-budget.ts'
import type { Receiver, Target } from './target.ts'

/** What a feed needs of the hub around it. */
export interface FeedContext {
  readonly limits: HubLimits
  readonly counters: Counters
  readonly budget: QueueBudget
  readonly reader: LogReader
  /** The highest sequence routed so far. */
  head(): number
  /** Grants may have changed: the number moves on. */
  rightsGeneration(): number
  /** The feed's cursor moved. */
  onProgress(feed: Feed): void
}

export interface FeedIdentity {
  readonly id: string
  readonly domain: DomainId
  readonly principal: PrincipalId
  readonly clientId: string
}

/** One connection that a feed is attached to. */
export interface Attachment {
  readonly outlet: Outlet
  readonly rights: () => Rights
  readonly windowMax: number
}

const targetsMax = 4096
const readAgainMs = 1000

/**
 * What a session is given, across its connections. It is *live* while it keeps up: messages go straight out. When its
 * window is full, what follows waits in a small queue; when that is full too, or while the peer is away, the feed is
 * *behind*: it holds a position and reads the log from there until it has caught up. Nothing else waits for a session
 * anywhere, so a slow one costs a bounded queue and a durable one costs a number.
 */
export class Feed implements Receiver {
  readonly identity: FeedIdentity
  readonly domain: DomainId
  readonly subscriptions = new Map<string, SubscriptionRecord>()
  expiresInSeconds = 0
  disconnectedAtMs: number | undefined
  readonly #context: FeedContext
  readonly #deliveries = new Deliveries()
  #attachment: Attachment | undefined
  /** Delivered next, in this order: last values for new subscriptions, then messages by ascending sequence. */
  #replays: { readonly message: Message; readonly target: Target }[] = []
  #replayWaiters: ((taken: boolean) => void)[] = []
  #queue: Message[] = []
  #queueAt = 0
  #queueBytes = 0
  /** The log has more for this feed, above this sequence. `undefined`: what is not queued comes live. */
  #behindFrom: number | undefined
  #reading = false
  /** A page may hold messages that are routed a moment later: they are not taken twice. */
  #liveAbove = 0
  /** Routed while a page was being read; appended if the page turns out to reach that far. */
  #collected: Message[] | undefined
  #blocked = false
  #targets = new Map<string, Target | null>()
  #targetsGeneration = -1

  constructor(identity: FeedIdentity, context: FeedContext) {
    this.identity = identity
    this.domain = identity.domain
    this.#context = context
  }

  /** Takes up where the record says: everything above its cursor is read from the log. */
  restore(record: SessionRecord): void {
    for (const subscription of record.subscriptions) this.subscriptions.set(subscription.filter, subscription)
    this.expiresInSeconds = record.expiresInSeconds
    this.disconnectedAtMs = record.disconnectedAtMs
    this.#behindFrom = record.cursor
  }

  get isDurable(): boolean {
    return this.expiresInSeconds > 0
  }

  get isConnected(): boolean {
    return this.#attachment !== undefined
  }

  /** Everything up to and including this sequence is delivered and acknowledged. */
  get cursor(): number {
    const next = this.#deliveries.lowest ?? this.#queue[this.#queueAt]?.sequence
    if (next !== undefined) return Math.min(next - 1, this.#context.head())
    return this.#behindFrom ?? this.#context.head()
  }

  attach(attachment: Attachment): void {
    this.#attachment = attachment
    this.#blocked = false
    this.disconnectedAtMs = undefined
    this.#forgetTargets()
    this.pump()
  }

  /** The connection is gone: what it had not acknowledged will be read again from the log. */
  detach(): void {
    if (this.#attachment === undefined) return
    const cursor = this.cursor
    this.#attachment = undefined
    this.#replays = []
    this.#endReplay(false)
    this.#dropQueue()
    this.#collected = undefined
    this.#behindFrom = cursor
    this.#deliveries.awaitRedelivery()
  }

  subscribe(subscription: SubscriptionRecord): void {
    this.subscriptions.set(subscription.filter, subscription)
    this.#forgetTargets()
  }

  unsubscribe(filter: string): boolean {
    this.#forgetTargets()
    return this.subscriptions.delete(filter)
  }

  targetFor(topic: string): Target | undefined {
    const generation = this.#context.rightsGeneration()
    if (generation !== this.#targetsGeneration || this.#targets.size > targetsMax) {
      this.#targets = new Map()
      this.#targetsGeneration = generation
    }
    const known = this.#targets.get(topic)
    if (known !== undefined) return known ?? undefined
    const target = this.#weigh(topic)
    this.#targets.set(topic, target ?? null)
    return target
  }

  offer(message: Message, target: Target): void {
    if (target.atMostOnce || message.delivery === 'at-most-once') this.#offerAtMostOnce(message, target)
    else if (this.#collected !== undefined) this.#collect(message)
    else if (this.#behindFrom !== undefined || message.sequence <= this.#liveAbove) return
    else if (this.#queue.length > this.#queueAt || !this.#deliver(message, target)) this.#enqueue(message)
  }

  /**
   * Sends last values ahead of what is queued. Settles when the peer has taken them: true, or when its connection is gone: false.
   */
  replay(messages: readonly Message[], termsOf: (message: Message) => Target | undefined): Promise<boolean> {
    if (this.#attachment === undefined) return Promise.resolve(false)
    for (const message of messages) {
      const target = termsOf(message)
      if (target !== undefined) this.#replays.push({ message, target })
    }
    return new Promise(resolve => {
      this.#replayWaiters.push(resolve)
      this.pump()
    })
  }

  acknowledge(tag: number): boolean {
    if (!this.#deliveries.acknowledge(tag)) return false
    if (this.isDurable) this.#context.onProgress(this)
    this.pump()
    return true
  }

  resume(): void {
    this.#blocked = false
    this.pump()
  }

  /** Delivers what waits, as far as window and outlet go. */
  pump(): void {
    if (this.#attachment === undefined || this.#blocked) return
    while (this.#replays.length > 0) {
      const { message, target } = this.#replays[0]!
      if (!this.#deliver(message, target)) return
      this.#replays.shift()
    }
    this.#endReplay(true)
    while (this.#queueAt < this.#queue.length) {
      const message = this.#queue[this.#queueAt]!
      const target = this.targetFor(message.topic)
      if (target === undefined) this.#refuse(message)
      else if (!target.atMostOnce && !this.#deliver(message, target)) return
      this.#queueAt += 1
      const bytes = weightOf(message)
      this.#queueBytes -= bytes
      this.#context.budget.release(bytes)
    }
    if (this.#queueAt > 0) {
      this.#queue = []
      this.#queueAt = 0
    }
    if (this.#behindFrom !== undefined) void this.#readOn()
  }

  /** The session is over: gives back what it holds. */
  dispose(): void {
    this.#attachment = undefined
    this.#replays = []
    this.#endReplay(false)
    this.#dropQueue()
    this.#collected = undefined
  }

  #weigh(topic: string): Target | undefined {
    let strongest: 0 | 1 | 2 | -1 = -1
    let retainAsPublished = false
    let noLocal = true
    const subscriptionIds: number[] = []
    for (const subscription of this.subscriptions.values()) {
      if (!matchesFilter(subscription.filter, topic)) continue
      strongest = Math.max(strongest, rank[subscription.delivery]) as 0 | 1 | 2
      retainAsPublished ||= subscription.retainAsPublished
      noLocal &&= subscription.noLocal
      if (subscription.subscriptionId !== undefined) subscriptionIds.push(subscription.subscriptionId)
    }
    if (strongest === -1) return undefined
    // Rights are weighed at delivery, not at subscription: a right that ended ends here, on live and on logged messages.
    if (this.#attachment !== undefined && !this.#attachment.rights().may('subscribe', topic)) return undefined
    const delivery = deliveries[strongest]
    return {
      receiver: this,
      terms: { delivery, retainAsPublished, subscriptionIds, replay: false },
      atMostOnce: strongest === 0,
      noLocal,
    }
  }

  #isOwn(message: Message, target: Target): boolean {
    if (!target.noLocal) return false
    return message.publisher === this.identity.principal && message.clientId === this.identity.clientId
  }

  #offerAtMostOnce(message: Message, target: Target): void {
    const attachment = this.#attachment
    if (attachment === undefined || this.#isOwn(message, target)) return
    if (message.properties !== undefined && hasExpired(message, Date.now())) {
      this.#context.counters.dropped.expired.value += 1
    } else if (!this.#blocked && attachment.outlet.deliver(message, target.terms, 0, false)) {
      this.#context.counters.out.value += 1
    } else {
      this.#blocked = true
      this.#context.counters.dropped['slow-reader'].value += 1
    }
  }

  /** False: the window or the outlet is full, and nothing happened. */
  #deliver(message: Message, target: Target): boolean {
    const attachment = this.#attachment
    if (attachment === undefined || this.#blocked) return false
    if (this.#isOwn(message, target)) return true
    const { counters } = this.#context
    if (message.properties !== undefined && hasExpired(message, Date.now())) {
      this.#deliveries.forget(message.sequence)
      counters.dropped.expired.value += 1
      return true
    }
    if (target.atMostOnce || message.delivery === 'at-most-once') {
      if (!attachment.outlet.deliver(message, target.terms, 0, false)) return this.#block()
      counters.out.value += 1
      return true
    }
    const earlier = target.terms.replay ? undefined : this.#deliveries.tagOf(message.sequence)
    if (earlier === undefined && !target.terms.replay && this.#deliveries.isDone(message.sequence)) return true
    if (this.#deliveries.inFlight >= attachment.windowMax) {
      counters.windowFull.value += 1
      return false
    }
    const tag = earlier ?? this.#deliveries.nextTag()
    if (!attachment.outlet.deliver(message, target.terms, tag, earlier !== undefined)) return this.#block()
    if (target.terms.replay) this.#deliveries.sentReplay(tag)
    else this.#deliveries.sent(tag, message.sequence)
    counters.out.value += 1
    return true
  }

  #refuse(message: Message): void {
    this.#deliveries.forget(message.sequence)
    this.#context.counters.dropped['no-right-any-more'].value += 1
  }

  #block(): false {
    this.#blocked = true
    return false
  }

  #enqueue(message: Message): void {
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

  #collect(message: Message): void {
    const collected = this.#collected!
    if (collected.length >= this.#context.limits.queueMessagesMax) {
      // Too many while one page was read: the next page brings them.
      this.#collected = undefined
      return
    }
    if (message instanceof AcceptedMessage) message.own()
    collected.push(message)
  }

  async #readOn(): Promise<void> {
    if (this.#reading || this.#behindFrom === undefined) return
    const attachment = this.#attachment
    this.#reading = true
    this.#collected = []
    const page = await this.#context.reader.read(this.domain, [...this.subscriptions.values()], this.#behindFrom)
    this.#reading = false
    const collected = this.#collected
    this.#collected = undefined
    if (this.#attachment === undefined) return
    if (page === undefined) {
      setTimeout(() => this.pump(), readAgainMs).unref()
      return
    }
    // Another connection that has taken over meanwhile starts from its own position.
    if (attachment === this.#attachment) this.#takePage(page, collected)
    this.pump()
  }

  #takePage(page: MessagePage, collected: readonly Message[] | undefined): void {
    this.#behindFrom = page.scannedTo
    for (const message of page.messages) this.#enqueueFromLog(message)
    if (!page.complete || collected === undefined) return
    this.#behindFrom = undefined
    this.#liveAbove = page.scannedTo
    for (const message of collected) {
      if (message.sequence > page.scannedTo && this.#behindFrom === undefined) this.#enqueue(message)
    }
  }

  /** A page is bounded by the reader, so it is taken whole. */
  #enqueueFromLog(message: Message): void {
    const bytes = weightOf(message)
    this.#context.budget.takeAnyway(bytes)
    this.#queue.push(message)
    this.#queueBytes += bytes
  }

  #endReplay(taken: boolean): void {
    for (const resolve of this.#replayWaiters.splice(0)) resolve(taken)
  }

  #dropQueue(): void {
    this.#context.budget.release(this.#queueBytes)
    this.#queue = []
    this.#queueAt = 0
    this.#queueBytes = 0
  }

  #forgetTargets(): void {
    this.#targetsGeneration = -1
  }
}

const rank = { 'at-most-once': 0, 'at-least-once': 1, 'exactly-once': 2 } as const
const deliveries = ['at-most-once', 'at-least-once', 'exactly-once'] as const
