import type { DomainId, Message } from '@thingmesh/core'
import { AcceptedMessage, weightOf } from './accepted.ts'
import { Ascending } from './ascending.ts'
import type { BacklogContext } from './backlog.ts'
import type { Audience } from './members.ts'

/** The group whose messages they are. */
export interface PassedOverOwner {
  readonly domain: DomainId
  readonly filter: string
  /** One of its members has. */
  readonly hasRoom: boolean
  /** Grants may have changed: the number moves on. */
  readonly rightsGeneration: number
  audienceOf(topic: string): Audience
  /** True: somebody has it, or it is over. False: nothing happened. */
  give(message: Message): boolean
  /** It is not in the log any more. */
  gone(sequence: number): void
  /** At the bound: the oldest of what nobody who is there may have. */
  dropped(sequence: number): void
  pump(): void
}

/** What the same members may have, in the order of the log. */
interface Lane {
  /** `undefined`: that is found out when it is read. */
  readonly audience: Audience | undefined
  readonly sequences: Ascending
  /** The first of them, as far as they are in memory. `undefined`: it is not in the log any more. */
  readonly messages: (Message | undefined)[]
  /** What was asked for in another era is not the first of them any more. */
  era: number
}

/** What a number weighs among what is queued. */
const numberBytes = 16
/** Each may have to be looked at when some member has room. */
const lanesMax = 256
/** In memory at the end of a lane that was not read yet: a short pause costs no look into the log. */
const heldMax = 256
const readMax = 1024
const againMs = 1000

/**
 * Messages that a group has passed over: only members may have them that had no room, or are away, and the others were not to
 * wait for those. Of each there is a number here; it is read from the log once somebody has room who may have it. So a
 * member that takes nothing costs the others nothing, up to a bound, and loses nothing.
 */
export class PassedOver {
  readonly #context: BacklogContext
  readonly #owner: PassedOverOwner
  /** By audience. */
  readonly #lanes = new Map<string, Lane>()
  readonly #unsorted: Lane = { audience: undefined, sequences: new Ascending(), messages: [], era: 0 }
  #size = 0
  #reading = false
  #isHolding = false
  #timer: NodeJS.Timeout | undefined
  /** Of the rights by which they are sorted. */
  #generation = -1
  #notedAtMs = 0

  constructor(context: BacklogContext, owner: PassedOverOwner) {
    this.#context = context
    this.#owner = owner
  }

  get lowest(): number | undefined {
    let lowest = this.#unsorted.sequences.first
    for (const { sequences } of this.#lanes.values()) {
      if (lowest === undefined || sequences.first! < lowest) lowest = sequences.first
    }
    return lowest
  }

  sequences(): readonly number[] {
    return [this.#unsorted, ...this.#lanes.values()].flatMap(({ sequences }) => sequences.all())
  }

  /** Some are there for the same members: this one goes behind them. */
  isAheadOf({ topic }: Message): boolean {
    return this.#lanes.size > 0 && this.#lanes.has(this.#owner.audienceOf(topic).key)
  }

  /** False: there are as many as there may be, and the message has to wait, with everything behind it. */
  add(message: Message): boolean {
    const audience = this.#owner.audienceOf(message.topic)
    const { limits, budget } = this.#context
    const isFull = this.#size >= limits.sharedPassedOverMax && !this.#dropOldest()
    const hasLane = this.#lanes.has(audience.key) || this.#lanes.size < lanesMax
    if (isFull || !hasLane || !budget.hasRoom) {
      this.#hold()
      return false
    }
    this.#isHolding = false
    this.addAnyway(message)
    return true
  }

  /** For what is bounded elsewhere, because it was given before. */
  addAnyway(message: Message): void {
    const { budget } = this.#context
    budget.takeAnyway(numberBytes)
    this.#size += 1
    const lane = this.#laneOf(this.#owner.audienceOf(message.topic))
    const isWhole = lane.messages.length === lane.sequences.size
    if (!lane.sequences.add(message.sequence)) this.#forgetMessages(lane)
    else if (isWhole && lane.messages.length < heldMax && budget.take(weightOf(message))) {
      if (message instanceof AcceptedMessage) message.own()
      lane.messages.push(message)
    }
  }

  /** Who may have what is to be found out once more. Nothing is in memory then. */
  unsort(): void {
    const lanes = [...this.#lanes.values()]
    this.#lanes.clear()
    for (const lane of [this.#unsorted, ...lanes]) this.#forgetMessages(lane)
    this.#unsorted.sequences.addAll(lanes.flatMap(({ sequences }) => sequences.all()))
  }

  /** Gives to those who have room. */
  pump(): void {
    if (this.#size === 0) return
    if (this.#generation !== this.#owner.rightsGeneration && performance.now() >= this.#notedAtMs + againMs) {
      this.#noteRights()
      this.unsort()
    }
    for (const lane of [this.#unsorted, ...this.#lanes.values()]) {
      if (!this.#isDue(lane)) continue
      this.#giveFrom(lane)
      if (lane.messages.length === 0 && this.#isDue(lane)) this.#read(lane).catch(this.#context.onFault)
    }
  }

  dispose(): void {
    this.unsort()
    while (this.#unsorted.sequences.size > 0) this.#takeOff(this.#unsorted)
    this.#isHolding = false
  }

  #isDue({ audience, sequences }: Lane): boolean {
    if (sequences.size === 0) return false
    return audience === undefined ? this.#owner.hasRoom : audience.hasRoom
  }

  #giveFrom(lane: Lane): void {
    while (lane.messages.length > 0 && this.#isDue(lane)) {
      const [message] = lane.messages
      if (message === undefined) this.#owner.gone(this.#takeOff(lane))
      else if (this.#owner.give(message)) this.#takeOff(lane)
      else if (!this.#owner.hasRoom || this.#owner.audienceOf(message.topic).key === lane.audience?.key) return
      else {
        this.#takeOff(lane)
        this.addAnyway(message)
      }
    }
  }

  #laneOf(audience: Audience): Lane {
    if (this.#lanes.size === 0) this.#noteRights()
    let lane = this.#lanes.get(audience.key)
    if (lane === undefined) {
      lane = { audience, sequences: new Ascending(), messages: [], era: 0 }
      this.#lanes.set(audience.key, lane)
    }
    return lane
  }

  /** Rights may change often, and are weighed at delivery anyhow: this is for those who may have more than before. */
  #noteRights(): void {
    this.#generation = this.#owner.rightsGeneration
    this.#notedAtMs = performance.now()
  }

  /** The first one. */
  #takeOff(lane: Lane): number {
    const sequence = lane.sequences.first!
    lane.sequences.shift()
    const message = lane.messages.shift()
    this.#context.budget.release(numberBytes + (message === undefined ? 0 : weightOf(message)))
    this.#size -= 1
    if (lane.sequences.size === 0 && lane.audience !== undefined) this.#lanes.delete(lane.audience.key)
    return sequence
  }

  #forgetMessages(lane: Lane): void {
    lane.era += 1
    for (const message of lane.messages.splice(0)) {
      if (message !== undefined) this.#context.budget.release(weightOf(message))
    }
  }

  /** What members may have that are away goes before others have to wait: they may never be back, or not have the right. */
  #dropOldest(): boolean {
    for (const lane of this.#lanes.values()) {
      if (!lane.audience?.isAway) continue
      this.#owner.dropped(this.#takeOff(lane))
      return true
    }
    return false
  }

  #hold(): void {
    if (!this.#isHolding) this.#context.counters.sharedHeld.value += 1
    this.#isHolding = true
    // What holds the group up may expire, or go from the log.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (!this.#isHolding) return
      this.unsort()
      this.#owner.pump()
    }, againMs).unref()
  }

  async #read(lane: Lane): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    const { era } = lane
    const sequences = lane.sequences.lowest(readMax)
    const { domain, filter } = this.#owner
    const page = await this.#context.reader.recall(domain, filter, sequences)
    this.#reading = false
    if (page === undefined) {
      setTimeout(() => this.#owner.pump(), againMs).unref()
      return
    }
    if (era === lane.era) {
      const found = new Map(page.messages.map(message => [message.sequence, message]))
      for (const sequence of sequences) {
        if (sequence > page.scannedTo) break
        const message = found.get(sequence)
        if (message !== undefined) this.#context.budget.takeAnyway(weightOf(message))
        lane.messages.push(message)
      }
    }
    this.#owner.pump()
  }
}
