import type { DomainId, Message } from '@thingmesh/core'
import type { DeliveryTerms, GroupRecord, LoanRecord, SubscriptionRecord } from '../contracts/index.ts'
import { AcceptedMessage, hasExpired, weightOf } from './accepted.ts'
import { Backlog, type BacklogContext, type BacklogOwner } from './backlog.ts'
import type { Feed } from './feed.ts'
import type { Lender, Loan } from './loans.ts'
import { type Audience, type Member, Members } from './members.ts'
import { PassedOver, type PassedOverOwner } from './passed-over.ts'
import type { Receiver, Target } from './target.ts'

/** What a group needs of the hub around it. */
export interface GroupContext extends BacklogContext {
  /** Grants may have changed: the number moves on. */
  rightsGeneration(): number
  /** What the group's record says is out of date. */
  onProgress(group: Group): void
  /** Notes for good who has an exactly-once message. */
  noteLoan(group: Group, loan: LoanRecord): Promise<void>
}

export interface GroupIdentity {
  readonly id: string
  readonly domain: DomainId
  readonly name: string
  /** What its members share. */
  readonly filter: string
}

/** A message that was given and is not done with. */
interface Given {
  /** Who has it, or had it last; `undefined` where nobody had it in this life of the hub. */
  readonly to: { readonly feed: Feed; readonly terms: DeliveryTerms; readonly loan: Loan } | undefined
  /** Nobody has it any more: it is to be given once more. */
  isBack: boolean
}

/** Who is given something. */
type Receiving = Pick<Member, 'feed' | 'terms'>

/** `waits`: nobody has room. `passed`: somebody has, and this one is not for them. */
type Outcome = 'over' | 'waits' | 'passed'

const tryAgainMs = 1000
const restoredTerms: DeliveryTerms = {
  delivery: 'exactly-once',
  retainAsPublished: false,
  subscriptionIds: [],
  replay: false,
}

/**
 * A shared subscription (MQTT 5, section 4.8.2): its members are given each message once among them. Like a session it has one
 * backlog, which is a position in the log while nobody is there. What it hands out its members have as loans, and what they leave
 * behind comes back, and is given before the rest.
 */
export class Group implements Receiver, BacklogOwner, Lender, PassedOverOwner {
  readonly identity: GroupIdentity
  readonly domain: DomainId
  readonly members: Members
  /** There is a record of it in the store, once this has settled. */
  recorded: Promise<void> | undefined
  readonly #context: GroupContext
  readonly #backlog: Backlog
  readonly #passedOver: PassedOver
  /** By sequence. */
  readonly #given = new Map<number, Given>()
  /** Of those: to be read from the log again. */
  readonly #returned = new Set<number>()
  #recalling = false
  /** Goes before the backlog: what was read again. */
  #ahead: Message[] = []
  /** Above the position that the record had: given in an earlier life of the hub, to one member for good. */
  readonly #lentBefore = new Set<number>()

  constructor(identity: GroupIdentity, context: GroupContext) {
    this.identity = identity
    this.domain = identity.domain
    this.members = new Members(context.rightsGeneration)
    this.#context = context
    this.#backlog = new Backlog(context, this)
    this.#passedOver = new PassedOver(context, this)
  }

  /** Takes up where the record says. */
  restore({ position, owed, loans = [] }: GroupRecord, feedOf: (session: string) => Feed | undefined): void {
    this.#backlog.rewind(position)
    const left = new Set(owed)
    for (const loan of loans) {
      if (loan.sequence > position) this.#lentBefore.add(loan.sequence)
      else if (!left.delete(loan.sequence)) continue
      const feed = feedOf(loan.session)
      if (feed !== undefined) this.#restoreLoan(loan, feed)
      else if (!loan.received) this.#context.counters.dropped['member-gone'].value += 1
    }
    for (const sequence of left) {
      this.#given.set(sequence, { to: undefined, isBack: true })
      this.#returned.add(sequence)
    }
  }

  get filter(): string {
    return this.identity.filter
  }

  get hasRoom(): boolean {
    return this.members.hasRoom
  }

  get rightsGeneration(): number {
    return this.#context.rightsGeneration()
  }

  /** Everything up to and including this sequence is over. */
  get cursor(): number {
    let lowest = Math.min(this.#backlog.position, (this.#passedOver.lowest ?? Number.POSITIVE_INFINITY) - 1)
    for (const sequence of this.#given.keys()) lowest = Math.min(lowest, sequence - 1)
    return lowest
  }

  toRecord(): GroupRecord {
    const { position } = this.#backlog
    const open = new Set([...this.#given.keys(), ...this.#passedOver.sequences()])
    const owed = [...open].filter(sequence => sequence <= position).sort((a, b) => a - b)
    return { ...this.identity, position, owed }
  }

  /** Exactly-once, under way. */
  loans(): readonly LoanRecord[] {
    const held = [...this.#given.values()].flatMap(({ to, isBack }) => (to === undefined || isBack ? [] : [to]))
    return held.filter(({ loan }) => loan.isExactlyOnce).map(({ feed, loan }) => toRecord(feed, loan))
  }

  join(feed: Feed, subscription: SubscriptionRecord): void {
    this.members.add(feed, subscription)
    this.#backlog.wantsChanged()
    this.#passedOver.unsort()
    this.pump()
  }

  leave(feed: Feed): void {
    this.members.remove(feed)
    this.#membersChanged()
  }

  /** Nobody is left: gives back what it holds. */
  dispose(): void {
    this.#backlog.drop()
    this.#dropAhead()
    this.#passedOver.dispose()
    this.#given.clear()
    this.#returned.clear()
  }

  targetFor(): Target {
    const { delivery } = this.members
    const terms = { delivery, retainAsPublished: false, subscriptionIds: [], replay: false }
    return { receiver: this, terms, atMostOnce: delivery === 'at-most-once', noLocal: false }
  }

  offer(message: Message, target: Target): void {
    if (target.atMostOnce || message.delivery === 'at-most-once') this.#offerAtMostOnce(message)
    else if (this.#backlog.isNext(message)) {
      const isFirst = this.#ahead.length === 0 && this.#returned.size === 0
      if (isFirst && this.take(message)) return
      this.#backlog.enqueue(message)
      if (!isFirst) this.pump()
    }
  }

  wanted(): readonly SubscriptionRecord[] {
    const { filter } = this.identity
    const { delivery } = this.members
    return [{ filter, delivery, noLocal: false, retainAsPublished: false, since: 0 }]
  }

  take(message: Message): boolean {
    if (this.#lentBefore.delete(message.sequence)) return true
    if (this.#passedOver.isAheadOf(message)) return this.#passedOver.add(message)
    const outcome = this.#give(message)
    return outcome === 'passed' ? this.#passedOver.add(message) : outcome === 'over'
  }

  audienceOf(topic: string): Audience {
    return this.members.audienceOf(topic)
  }

  give(message: Message): boolean {
    return this.#give(message) === 'over'
  }

  gone(sequence: number): void {
    this.#forget(sequence)
  }

  dropped(sequence: number): void {
    this.#context.counters.dropped['no-right-any-more'].value += 1
    this.#forget(sequence)
  }

  /** What is not in the log any more and was never given is owed to nobody. */
  passed(): void {}

  pump(): void {
    if (!this.members.hasRoom) return
    this.#ahead = this.#ahead.filter(message => {
      const outcome = this.#give(message)
      if (outcome === 'waits' || (outcome === 'passed' && !this.#passOver(message))) return true
      this.#context.budget.release(weightOf(message))
      return false
    })
    if (this.#returned.size > 0) {
      this.#readReturned().catch(this.#context.onFault)
      return
    }
    this.#passedOver.pump()
    this.#backlog.pump()
    this.#backlog.readOn()
  }

  connectionChanged(): void {
    this.members.connectionChanged()
    this.#membersChanged()
  }

  recall(loan: Loan): boolean {
    const to = this.#holderOf(loan)
    if (to === undefined || !this.members.has(to.feed)) return false
    this.#returned.add(loan.sequence)
    this.pump()
    return true
  }

  async noteReceived(loan: Loan): Promise<void> {
    const to = this.#holderOf(loan)
    if (to === undefined || !loan.isExactlyOnce || this.recorded === undefined) return
    await this.#context.noteLoan(this, { ...toRecord(to.feed, loan), received: true })
  }

  settled(loan: Loan): void {
    if (this.#holderOf(loan) !== undefined) this.#forget(loan.sequence)
  }

  returned(loan: Loan): void {
    const given = this.#given.get(loan.sequence)
    if (given?.to?.loan !== loan) return
    given.isBack = true
    this.#returned.add(loan.sequence)
    this.pump()
  }

  lost(loan: Loan): void {
    if (this.#holderOf(loan) === undefined) return
    if (!loan.isReceived) this.#context.counters.dropped['member-gone'].value += 1
    this.#forget(loan.sequence)
  }

  #holderOf(loan: Loan): Given['to'] {
    const given = this.#given.get(loan.sequence)
    return given?.to?.loan === loan && !given.isBack ? given.to : undefined
  }

  #restoreLoan({ sequence, tag, received }: LoanRecord, feed: Feed): void {
    const loan = { lender: this, sequence, tag, isExactlyOnce: true, isSent: true, isReceived: received }
    const terms = this.members.termsOf(feed) ?? restoredTerms
    this.#given.set(sequence, { to: { feed, terms, loan }, isBack: false })
    feed.restoreLoan(loan)
  }

  #membersChanged(): void {
    this.#passedOver.unsort()
    if (this.members.isConnected) {
      this.pump()
      return
    }
    // Nobody is there: what waits is a position from here on, and what was given and not taken.
    this.#dropAhead()
    this.#backlog.rewind(this.#backlog.position)
    this.#context.onProgress(this)
  }

  #dropAhead(): void {
    for (const message of this.#ahead.splice(0)) {
      this.#context.budget.release(weightOf(message))
      if (this.#given.get(message.sequence)?.isBack) this.#returned.add(message.sequence)
    }
  }

  /** It is over, whatever became of it. */
  #forget(sequence: number): void {
    this.#given.delete(sequence)
    this.#returned.delete(sequence)
    this.#context.onProgress(this)
  }

  #give(message: Message): Outcome {
    const given = this.#given.get(message.sequence)
    if (given !== undefined && !given.isBack) return this.#sendAgain(message, given)
    const { dropped } = this.#context.counters
    if (message.properties !== undefined && hasExpired(message, Date.now())) {
      dropped.expired.value += 1
      this.#forget(message.sequence)
      return 'over'
    }
    const choice = this.members.choose(message.topic, member => this.#giveTo(member, message, given))
    if (choice === 'full') return 'waits'
    if (choice === 'passed') return 'passed'
    if (choice === 'forbidden') {
      dropped['no-right-any-more'].value += 1
      this.#forget(message.sequence)
    }
    return 'over'
  }

  #giveTo({ feed, terms }: Receiving, message: Message, given: Given | undefined): boolean {
    const { sequence } = message
    if (terms.delivery === 'at-most-once') {
      if (!feed.hand(message, terms)) return false
      this.#forget(sequence)
      return true
    }
    const isExactlyOnce = message.delivery === 'exactly-once' && terms.delivery === 'exactly-once'
    // To a peer that was sent it before it is a repeat, under the tag that it had (MQTT 5, section 4.4).
    const before = given?.to?.feed === feed && given.to.loan.isSent ? given.to.loan.tag : undefined
    const loan = feed.reserveLoan(this, sequence, isExactlyOnce, before)
    if (loan === undefined) return false
    const isNoted = isExactlyOnce && this.recorded !== undefined
    if (!isNoted && !feed.sendLoan(loan, message, terms)) {
      feed.cancelLoan(loan)
      return false
    }
    this.#given.set(sequence, { to: { feed, terms, loan }, isBack: false })
    if (isNoted) this.#noteAndSend({ feed, terms }, loan, message)
    return true
  }

  /** Noted first: a hub that was killed must not give to another what this one may have. */
  #noteAndSend({ feed, terms }: Receiving, loan: Loan, message: Message): void {
    if (message instanceof AcceptedMessage) message.own()
    const { budget, onFault } = this.#context
    budget.takeAnyway(weightOf(message))
    this.#context.noteLoan(this, toRecord(feed, loan)).then(
      () => {
        const isWanted = this.#holderOf(loan) !== undefined
        if (isWanted && !feed.sendLoan(loan, message, terms)) this.#ahead.push(message)
        else budget.release(weightOf(message))
        if (!isWanted) feed.cancelLoan(loan)
      },
      error => {
        budget.release(weightOf(message))
        onFault(error)
        feed.cancelLoan(loan)
        setTimeout(() => this.returned(loan), tryAgainMs).unref()
      },
    )
  }

  /** It is somebody's: an exactly-once exchange that has begun is finished there or nowhere. */
  #sendAgain(message: Message, { to }: Given): Outcome {
    if (to === undefined) return 'over'
    const { feed, terms, loan } = to
    // Whoever is away is sent it when it is back.
    if (loan.isReceived || !feed.isConnected) return 'over'
    if (!feed.mayHave(message.topic)) {
      this.#context.counters.dropped['no-right-any-more'].value += 1
      feed.endLoan(loan)
      return 'over'
    }
    return feed.sendLoan(loan, message, terms) ? 'over' : 'passed'
  }

  /** What came back, and is not for those who have room now. False: it is somebody's. */
  #passOver(message: Message): boolean {
    const given = this.#given.get(message.sequence)
    if (given !== undefined && !given.isBack) return false
    // Who had it before is remembered, so that it can have it again under its tag.
    if (given?.to === undefined) this.#given.delete(message.sequence)
    this.#passedOver.addAnyway(message)
    return true
  }

  #offerAtMostOnce(message: Message): void {
    const { dropped } = this.#context.counters
    if (message.properties !== undefined && hasExpired(message, Date.now())) {
      dropped.expired.value += 1
      return
    }
    const choice = this.members.choose(message.topic, ({ feed, terms }) => feed.hand(message, terms))
    if (choice !== 'taken') dropped['no-member'].value += 1
  }

  async #readReturned(): Promise<void> {
    if (this.#recalling) return
    this.#recalling = true
    const sequences = [...this.#returned].sort((a, b) => a - b)
    const page = await this.#context.reader.recall(this.domain, this.identity.filter, sequences)
    this.#recalling = false
    if (page === undefined) {
      setTimeout(() => this.pump(), tryAgainMs).unref()
      return
    }
    if (!this.members.isConnected) return
    const found = new Map(page.messages.map(message => [message.sequence, message]))
    for (const sequence of sequences) {
      if (sequence > page.scannedTo) break
      if (this.#returned.delete(sequence)) this.#takeBack(sequence, found.get(sequence))
    }
    this.pump()
  }

  /** From the log; it may have gone from there meanwhile. */
  #takeBack(sequence: number, message: Message | undefined): void {
    const given = this.#given.get(sequence)
    if (given === undefined) return
    if (message !== undefined) {
      this.#context.budget.takeAnyway(weightOf(message))
      this.#ahead.push(message)
    } else if (given.to !== undefined && !given.isBack) given.to.feed.endLoan(given.to.loan)
    else this.#forget(sequence)
  }
}

function toRecord({ identity }: Feed, { sequence, tag, isReceived }: Loan): LoanRecord {
  return { sequence, session: identity.id, tag, received: isReceived }
}
