import type { Message } from '@thingmesh/core'

/** A message that waits for the notification before it. */
export interface Waiting {
  readonly message: Message
  /** Its own, where the message's payload is a part of what the network read. */
  readonly payload: Uint8Array
  readonly tag: number
}

/** What all observers have waiting together. */
export class NotificationBudget {
  readonly #bytesMax: number
  #bytes = 0
  /** A message comes to its observers one after the other: they share one copy. */
  #copied: { readonly message: Message; readonly payload: Uint8Array } | undefined

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax
  }

  take(bytes: number): void {
    this.#bytes += bytes
  }

  copy(message: Message): Uint8Array {
    if (this.#copied?.message !== message) this.#copied = { message, payload: message.payload.slice() }
    return this.#copied.payload
  }

  /** Nothing is held beyond the turn in which it was of use. */
  forget(): void {
    this.#copied = undefined
  }
}

/** Notifications of one observer, in order. Bounded by itself and by what all have; one may always wait. */
export class NotificationQueue {
  readonly #max: number
  readonly #budget: NotificationBudget
  #waiting: Waiting[] = []

  constructor(max: number, budget: NotificationBudget) {
    this.#max = max
    this.#budget = budget
  }

  hasRoomFor({ payload }: Message): boolean {
    if (this.#waiting.length === 0) return true
    return this.#waiting.length < this.#max && this.#budget.hasRoom(payload.byteLength)
  }

  push(message: Message, tag: number): void {
    const payload = this.#budget.copy(message)
    this.#budget.take(payload.byteLength)
    this.#waiting.push({ message, payload, tag })
  }

  shift(): Waiting | undefined {
    const next = this.#waiting.shift()
    if (next !== undefined) this.#budget.take(-next.payload.byteLength)
    return next
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  clear(): void {
    for (const { payload } of this.#waiting) this.#budget.take(-payload.byteLength)
    this.#waiting = []
  }
}
