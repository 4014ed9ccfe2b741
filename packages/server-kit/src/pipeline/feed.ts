import { type Delivery, type DomainId, isShare, type Message, matchesFilter, type PrincipalId } from '@thingmesh/core'
import type {
  DeliveryTerms,
  Outlet,
  Receipt,
  Rights,
  SessionRecord,
  SubscriptionRecord,
  UnacknowledgedRecord,
} from '../contracts/index.ts'
import { hasExpired, weightOf } from './accepted.ts'
import { Backlog, type BacklogContext, type BacklogOwner } from './backlog.ts'
import type { DropReason } from './counters.ts'
import { Deliveries } from './deliveries.ts'
import { type Lender, type Loan, Loans } from './loans.ts'
import { PostponedWill } from './postponed-will.ts'
import { SparseMap } from './sparse.ts'
import { type Receiver, type Target, weighSubscriptions } from './target.ts'
import { isKept } from './topics.ts'
import { Withdrawn } from './withdrawn.ts'

/** What a feed needs of the hub around it. */
export interface FeedContext extends BacklogContext {
  /** Grants may have changed: the number moves on. */
  rightsGeneration(): number
  /** The feed's cursor moved. */
  onProgress(feed: Feed): void
  /** Notes for good that the peer has received a message exactly-once. */
  noteReceived(feed: Feed, sequence: number): Promise<void>
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

/** A shared subscription of a session, and the group that it is a member of by it. */
export interface Membership {
  readonly subscription: SubscriptionRecord
  readonly group: Lender
}

const targetsMax = 512
/** For a transfer of an earlier life of the hub: its message is in the log, and that is all that is still to be said. */
const acceptedEarlier: Receipt = { id: '', committed: Promise.resolve() }

/**
 * What a session is given, across its connections. While it keeps up, messages go straight out; what follows when its window
 * is full waits in its backlog, and while the peer is away that is a position in the log. Nothing else waits for a session
 * anywhere, so a slow one costs a bounded queue and a durable one costs a number.
 */
export class Feed implements Receiver, BacklogOwner {
  readonly identity: FeedIdentity
  readonly domain: DomainId
  readonly subscriptions = new SparseMap<string, SubscriptionRecord>()
  /** Its part in shared subscriptions: what those match is their groups' to give. */
  readonly shares = new SparseMap<string, Membership>()
  /** There is a record of it in the store. */
  isRecorded = false
  readonly postponedWill = new PostponedWill()
  /** Exactly-once transfers from the peer that are not released, by the peer's tag. */
  readonly transfers = new SparseMap<number, Receipt>()
  expiresInSeconds = 0
  /** For the record; what runs out is measured by a clock that nobody sets. */
  disconnectedAtMs: number | undefined
  #leftAt = 0
  readonly #context: FeedContext
  readonly #deliveries = new Deliveries()
  readonly #backlog: Backlog
  #loans: Loans | undefined
  readonly #withdrawn: Withdrawn
  #attachment: Attachment | undefined
  /** Last values for new subscriptions: they are delivered ahead of the backlog. */
  #replays: { readonly message: Message; readonly filter: string }[] = []
  #replayWaiters: ((taken: boolean) => void)[] = []
  #blocked = false
  /** The peer knows that it is connected, and may be sent something. */
  #begun = false
  readonly #targets = new SparseMap<string, Target | null>()
  #targetsGeneration = -1
  readonly #sharedTargets = new SparseMap<string, Target>()

  constructor(identity: FeedIdentity, context: FeedContext) {
    this.identity = identity
    this.domain = identity.domain
    this.#context = context
    this.#backlog = new Backlog(context, this)
    this.#withdrawn = new Withdrawn(context.limits.subscriptionsPerSessionMax)
  }

  /** Takes up where the record says: everything above its cursor is read from the log. */
  restore(record: SessionRecord): void {
    for (const subscription of record.subscriptions) {
      if (!isShare(subscription.filter)) this.subscriptions.set(subscription.filter, subscription)
    }
    this.expiresInSeconds = record.expiresInSeconds
    // One that was connected when the hub died has been away since now, as far as anybody can tell.
    const nowMs = Date.now()
    this.disconnectedAtMs = record.disconnectedAtMs ?? nowMs
    // A clock that has been set back in between says nothing about how long it was.
    this.#leftAt = performance.now() - Math.max(0, nowMs - this.disconnectedAtMs)
    this.#backlog.rewind(record.cursor)
    this.isRecorded = true
    // Of one that was connected when the hub was killed nobody noted how far it had come: no further than the log.
    const { received = [], unacknowledged } = record
    if (record.disconnectedAtMs === undefined) this.#deliveries.restore(received, this.#context.head())
    else this.#deliveries.restore(received, record.sentTo ?? record.cursor, unacknowledged)
    for (const tag of record.transfers ?? []) this.transfers.set(tag, acceptedEarlier)
  }

  get isDurable(): boolean {
    return this.expiresInSeconds > 0
  }

  get isConnected(): boolean {
    return this.#attachment !== undefined
  }

  /** Everything up to and including this sequence is delivered and acknowledged. */
  get cursor(): number {
    const { lowest } = this.#deliveries
    return lowest === undefined ? this.#backlog.position : Math.min(lowest - 1, this.#context.head())
  }

  /** Nothing above this sequence was ever sent to the peer. */
  get sentTo(): number {
    return this.#deliveries.sentTo
  }

  /** What of that the peer had not acknowledged, as far as it is known. */
  get unacknowledged(): UnacknowledgedRecord | undefined {
    return this.#deliveries.unacknowledged
  }

  attach(attachment: Attachment): void {
    this.#attachment = attachment
    this.#blocked = false
    this.#begun = false
    this.disconnectedAtMs = undefined
    this.postponedWill.drop()
    this.#forgetTargets()
    for (const { group } of this.shares.values()) group.connectionChanged()
  }

  /** The connection is gone: what it had not acknowledged will be read again from the log. */
  detach(): void {
    if (this.#attachment === undefined) return
    const cursor = this.cursor
    this.#deliveries.lookedAt(this.#backlog.position)
    this.#attachment = undefined
    this.disconnectedAtMs = Date.now()
    this.#leftAt = performance.now()
    this.#endReplay(false)
    this.#backlog.rewind(cursor)
    this.#deliveries.awaitRedelivery()
    const over = this.#loans?.rest() ?? []
    for (const { group } of this.shares.values()) group.connectionChanged()
    for (const loan of over) loan.lender.returned(loan)
  }

  subscribe(subscription: SubscriptionRecord): void {
    this.#backlog.wantsChanged()
    this.subscriptions.set(subscription.filter, subscription)
    this.#forgetTargets()
  }

  unsubscribe(filter: string): boolean {
    const known = this.#drop(filter)
    if (known === undefined) return false
    if (this.#deliveries.lowest !== undefined) this.#withdrawn.add(known, this.#deliveries.deliveredTo)
    return true
  }

  /** The right to it has ended. What may have been sent for it is not sent again, but an exactly-once exchange that may have begun is to be ended. */
  revoke(filter: string): void {
    const known = this.#drop(filter)
    const { lowest, sentTo, deliveredTo } = this.#deliveries
    if (known !== undefined && (lowest !== undefined || sentTo > deliveredTo)) this.#withdrawn.add(known, sentTo)
  }

  #drop(filter: string): SubscriptionRecord | undefined {
    const known = this.subscriptions.get(filter)
    if (known === undefined) return undefined
    this.subscriptions.delete(filter)
    this.#forgetTargets()
    return known
  }

  targetFor(topic: string): Target | undefined {
    const generation = this.#context.rightsGeneration()
    if (generation !== this.#targetsGeneration || this.#targets.size > targetsMax) {
      this.#targets.clear()
      this.#targetsGeneration = generation
    }
    const known = this.#targets.get(topic)
    if (known !== undefined) return known ?? undefined
    const target = this.#weigh(this.subscriptions.values(), topic)
    if (isKept(topic)) this.#targets.set(topic, target ?? null)
    return target
  }

  offer(message: Message, weighed: Target): void {
    const target = weighed.noLocal ? this.#withoutLocal(message, weighed) : weighed
    if (target === undefined) return
    if (target.atMostOnce || message.delivery === 'at-most-once') this.#offerAtMostOnce(message, target)
    else if (this.#backlog.isNext(message) && !this.#deliver(message, target)) this.#backlog.enqueue(message)
  }

  /**
   * Sends last values for a subscription, ahead of what is queued. Settles when the peer has taken them: true, or when its connection is
   * gone: false.
   */
  replay(messages: readonly Message[], filter: string): Promise<boolean> {
    if (this.#attachment === undefined) return Promise.resolve(false)
    for (const message of messages) {
      this.#context.budget.takeAnyway(weightOf(message))
      this.#replays.push({ message, filter })
    }
    return new Promise(resolve => {
      this.#replayWaiters.push(resolve)
      this.pump()
    })
  }

  /** Settles when it is durable that the peer has the message; false for a tag that is not outstanding. */
  async received(tag: number): Promise<boolean> {
    const loan = this.#loans?.find(tag)
    if (loan !== undefined) return this.#loanReceived(loan)
    const sequence = this.#deliveries.sequenceOf(tag)
    if (sequence === undefined) return false
    if (this.isDurable && sequence > 0) await this.#context.noteReceived(this, sequence)
    // Not before: another connection would go on from there, and a hub that is killed would send it again.
    this.#deliveries.received(tag, sequence)
    // The peer said it on a connection before this one.
    const attachment = this.#attachment
    if (attachment !== undefined && this.#begun && this.#deliveries.takeUp(tag)) attachment.outlet.release(tag)
    return true
  }

  acknowledge(tag: number): boolean {
    const loan = this.#loans?.find(tag)
    if (loan !== undefined) {
      this.#loans!.end(loan)
      loan.lender.settled(loan)
    } else {
      if (!this.#deliveries.acknowledge(tag)) return false
      if (!this.#withdrawn.isEmpty) {
        this.#withdrawn.settle(this.#deliveries.lowest, this.#deliveries.deliveredTo)
      }
      if (this.isDurable) this.#context.onProgress(this)
    }
    this.pump()
    return true
  }

  /** The peer takes something: for the first time, or again. */
  resume(): void {
    const attachment = this.#attachment
    if (attachment === undefined) return
    this.#blocked = false
    if (!this.#begun) {
      this.#begun = true
      for (const tag of this.#deliveries.takeReceived()) attachment.outlet.release(tag)
      for (const loan of this.#loans?.resting() ?? []) this.#resumeLoan(loan, attachment)
    }
    this.pump()
  }

  /** Delivers what waits, as far as window and outlet go, and sees to it that there is always something to deliver. */
  pump(): void {
    if (this.#attachment === undefined || this.#blocked || !this.#begun) return
    if (this.#pumpReplays()) this.#backlog.pump()
    this.#backlog.readOn()
    if (this.shares.size > 0) for (const { group } of this.shares.values()) group.pump()
  }

  /** Takes something from a lender. */
  get hasRoom(): boolean {
    const attachment = this.#attachment
    return attachment !== undefined && this.#begun && !this.#blocked && this.#inFlight < attachment.windowMax
  }

  /** Whether its principal, connected, may have messages of the topic, as rights are now. */
  mayHave(topic: string): boolean {
    return this.#attachment?.rights().may('subscribe', topic) ?? false
  }

  /** At most once. False: no room, and nothing happened. */
  hand(message: Message, terms: DeliveryTerms): boolean {
    const attachment = this.#attachment
    if (attachment === undefined || this.#blocked || !this.#begun) return false
    if (!attachment.outlet.deliver(message, terms, 0, false)) return this.#block()
    this.#context.counters.out.value += 1
    return true
  }

  /** Makes room for one message, which `sendLoan` sends. `undefined` where there is none. */
  reserveLoan(lender: Lender, sequence: number, isExactlyOnce: boolean, tagBefore?: number): Loan | undefined {
    if (!this.hasRoom) return undefined
    this.#loans ??= new Loans()
    return this.#loans.reserve(lender, sequence, isExactlyOnce, tagBefore)
  }

  /** An exactly-once exchange of an earlier life of the hub. */
  restoreLoan(loan: Loan): void {
    this.#loans ??= new Loans()
    this.#loans.restore(loan)
  }

  /** False: the window or the outlet is full, or the peer is away, and nothing happened. */
  sendLoan(loan: Loan, message: Message, terms: DeliveryTerms): boolean {
    const attachment = this.#attachment
    const loans = this.#loans
    if (attachment === undefined || loans === undefined || this.#blocked || !this.#begun) return false
    if (!loans.isHeld(loan) && this.#inFlight >= attachment.windowMax) return false
    if (!attachment.outlet.deliver(message, terms, loan.tag, loan.isSent)) return this.#block()
    loans.takeUp(loan)
    loan.isSent = true
    this.#context.counters.out.value += 1
    return true
  }

  cancelLoan(loan: Loan): void {
    this.#loans?.end(loan)
  }

  /** What the peer has begun to take will not be sent again: its exchange is only to be ended. */
  endLoan(loan: Loan): void {
    loan.isReceived = true
    if (this.#attachment !== undefined && this.#begun) this.#resumeLoan(loan, this.#attachment)
  }

  get #inFlight(): number {
    const own = this.#deliveries.inFlight
    return this.#loans === undefined ? own : own + this.#loans.inFlight
  }

  #resumeLoan(loan: Loan, { outlet }: Attachment): void {
    if (!loan.isReceived && loan.lender.recall(loan)) return
    // What nobody sends again is only to be ended: the peer may have the tag from the first time.
    loan.isReceived = true
    if (this.#loans?.takeUp(loan)) outlet.release(loan.tag)
  }

  async #loanReceived(loan: Loan): Promise<boolean> {
    await loan.lender.noteReceived(loan)
    loan.isReceived = true
    // The peer said it on a connection before this one.
    if (this.#attachment !== undefined && this.#begun) this.#resumeLoan(loan, this.#attachment)
    return true
  }

  wanted(): readonly SubscriptionRecord[] {
    return [...this.subscriptions.values(), ...this.#withdrawn.values()]
  }

  take(message: Message): boolean {
    if (!this.#isDue(message)) return true
    const target = this.#owedTarget(message) ?? this.targetFor(message.topic)
    if (target !== undefined) return this.#deliver(message, target)
    const wanted = weighSubscriptions(this, this.wanted(), message.topic)?.terms.delivery
    return this.#abandon(message, wanted, 'no-right-any-more')
  }

  /** What was to be sent again and is not in the log any more is owed no longer. */
  passed(after: number, through: number, found: readonly Message[]): void {
    for (const sequence of this.#deliveries.missing(after, through, found)) this.#forget(sequence)
  }

  /** True when none are left. */
  #pumpReplays(): boolean {
    while (this.#replays.length > 0) {
      const { message, filter } = this.#replays[0]!
      const target = this.#replayTarget(message, filter)
      if (target === undefined) this.#refuseReplay(filter)
      else if (!this.#deliver(message, target)) return false
      this.#replays.shift()
      this.#context.budget.release(weightOf(message))
    }
    this.#endReplay(true)
    return true
  }

  /** Its time is over, though nobody may have looked yet. */
  get hasEnded(): boolean {
    if (this.#attachment !== undefined || this.disconnectedAtMs === undefined) return false
    return performance.now() >= this.#leftAt + this.expiresInSeconds * 1000
  }

  /** The session is over: gives back what it holds. */
  dispose(): void {
    this.postponedWill.publish()
    this.#attachment = undefined
    this.#endReplay(false)
    this.#backlog.drop()
    for (const loan of this.#loans?.clear() ?? []) {
      if (loan.isExactlyOnce && loan.isSent) loan.lender.lost(loan)
      else loan.lender.returned(loan)
    }
  }

  /** What was sent for a subscription that has been ended since, and was not acknowledged, goes out again as it was. */
  #owedTarget({ topic, sequence }: Message): Target | undefined {
    if (this.#withdrawn.isEmpty || !this.#deliveries.isOutstanding(sequence)) return undefined
    return this.#weigh([...this.#withdrawn.values(), ...this.subscriptions.values()], topic)
  }

  /** Read for a subscription that there is, or owed to one that has been ended. */
  #isDue(message: Message): boolean {
    const { topic, sequence } = message
    if (this.#withdrawn.isEmpty || this.#deliveries.isOutstanding(sequence)) return true
    for (const { filter, since } of this.subscriptions.values()) {
      if (sequence > since && matchesFilter(filter, topic)) return true
    }
    return this.#deliveries.isUncertain(sequence) && this.#withdrawn.mayOwe(message)
  }

  #weigh(subscriptions: Iterable<SubscriptionRecord>, topic: string): Target | undefined {
    const wanted = weighSubscriptions(this, subscriptions, topic)
    if (wanted === undefined) return undefined
    // Rights are weighed at delivery, not at subscription: a right that ended ends here, on live and on logged messages.
    if (this.#attachment !== undefined && !this.#attachment.rights().may('subscribe', topic)) return undefined
    const key = wanted.noLocal ? `${keyOf(wanted)} own ${wanted.own && keyOf(wanted.own)}` : keyOf(wanted)
    // Topics are many, ways to want them few: they share.
    const shared = this.#sharedTargets.get(key)
    if (shared !== undefined) return shared
    if (this.#sharedTargets.size < targetsMax) this.#sharedTargets.set(key, wanted)
    return wanted
  }

  /** As this message is wanted, where some subscription says: not what this session itself published (MQTT 5, section 3.8.3.1). */
  #withoutLocal(message: Message, target: Target): Target | undefined {
    const { principal, clientId } = this.identity
    return message.publisher === principal && message.clientId === clientId ? target.own : target
  }

  #offerAtMostOnce(message: Message, target: Target): void {
    const attachment = this.#attachment
    if (attachment === undefined) return
    if (message.properties !== undefined && hasExpired(message, Date.now())) {
      this.#context.counters.dropped.expired.value += 1
    } else if (!this.#blocked && this.#begun && attachment.outlet.deliver(message, target.terms, 0, false)) {
      this.#context.counters.out.value += 1
    } else {
      this.#blocked = true
      this.#context.counters.dropped['slow-reader'].value += 1
    }
  }

  /** False: the window or the outlet is full, and nothing happened. */
  #deliver(message: Message, weighed: Target): boolean {
    const attachment = this.#attachment
    if (attachment === undefined || this.#blocked || !this.#begun) return false
    const target = weighed.noLocal ? this.#withoutLocal(message, weighed) : weighed
    if (target === undefined) return true
    const { counters } = this.#context
    const { replay } = target.terms
    const redelivered = !replay && this.#deliveries.isOutstanding(message.sequence)
    // What the peer has begun to take does not expire under its hands (MQTT 5, section 4.3.3).
    if (!redelivered && message.properties !== undefined && hasExpired(message, Date.now())) {
      if (!replay) return this.#abandon(message, target.terms.delivery, 'expired')
      counters.dropped.expired.value += 1
      return true
    }
    if (target.atMostOnce || message.delivery === 'at-most-once') {
      // Queued when it was owed to a stronger subscription; it is no longer.
      if (!replay) this.#forget(message.sequence)
      if (!attachment.outlet.deliver(message, target.terms, 0, false)) return this.#block()
      counters.out.value += 1
      return true
    }
    if (!replay && this.#deliveries.isSettled(message.sequence)) return true
    if (this.#inFlight >= attachment.windowMax) {
      counters.windowFull.value += 1
      return false
    }
    const tag = replay ? this.#deliveries.replayTag() : this.#deliveries.tagFor(message.sequence)
    if (tag === undefined) return false
    const isRepeat = !replay && this.#deliveries.isRepeat(message.sequence)
    if (!attachment.outlet.deliver(message, target.terms, tag, isRepeat)) return this.#block()
    const isExactlyOnce = message.delivery === 'exactly-once' && target.terms.delivery === 'exactly-once'
    if (replay) this.#deliveries.sentReplay(tag, isExactlyOnce)
    else this.#deliveries.sent(tag, message.sequence, isExactlyOnce)
    counters.out.value += 1
    return true
  }

  /**
   * It will not be sent. Where a hub that was killed may have sent it exactly-once, the exchange is ended: a peer that has it would keep
   * the tag for ever, and take the next message under it for this one; another answers that it does not know it, which is no
   * error after a reconnection (MQTT 5, section 3.7.2.1). False: there is no room for that.
   */
  #abandon({ delivery, sequence }: Message, wanted: Delivery | undefined, reason: DropReason): boolean {
    if (this.#deliveries.isSettled(sequence)) return true
    const isBegun = this.#deliveries.isUncertain(sequence) && delivery === 'exactly-once' && wanted === 'exactly-once'
    if (!isBegun) this.#forget(sequence)
    else if (!this.#end(sequence)) return false
    this.#context.counters.dropped[reason].value += 1
    return true
  }

  #end(sequence: number): boolean {
    const attachment = this.#attachment
    const tag = this.#deliveries.tagFor(sequence)
    if (attachment === undefined || tag === undefined || this.#inFlight >= attachment.windowMax) return false
    this.#deliveries.owesEnd(tag, sequence)
    attachment.outlet.release(tag)
    return true
  }

  #forget(sequence: number): void {
    const tag = this.#deliveries.forget(sequence)
    if (tag !== undefined) this.#attachment?.outlet.release(tag)
  }

  /** Its message may be under way for another subscription: that delivery is not touched. */
  #refuseReplay(filter: string): void {
    if (this.subscriptions.has(filter)) this.#context.counters.dropped['no-right-any-more'].value += 1
  }

  #block(): false {
    this.#blocked = true
    return false
  }

  /** For this one subscription, under its own terms and the session's rights as they are now. */
  #replayTarget({ topic }: Message, filter: string): Target | undefined {
    const subscription = this.subscriptions.get(filter)
    if (subscription === undefined || this.targetFor(topic) === undefined) return undefined
    const { delivery, subscriptionId, noLocal, dialect } = subscription
    const subscriptionIds = subscriptionId === undefined ? [] : [subscriptionId]
    return {
      receiver: this,
      terms: { delivery, retainAsPublished: true, subscriptionIds, dialect, replay: true },
      atMostOnce: delivery === 'at-most-once',
      noLocal,
    }
  }

  #endReplay(taken: boolean): void {
    for (const { message } of this.#replays.splice(0)) this.#context.budget.release(weightOf(message))
    for (const resolve of this.#replayWaiters.splice(0)) resolve(taken)
  }

  #forgetTargets(): void {
    this.#targetsGeneration = -1
  }
}

function keyOf({ terms }: Target): string {
  return `${terms.delivery} ${terms.retainAsPublished} ${terms.subscriptionIds} ${terms.dialect}`
}
