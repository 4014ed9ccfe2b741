import type { ReceivedMessage } from '@thingmesh/client-browser'

/**
 * The messages of one channel that the page holds, each once, in the order of the hub's log. History and what comes live
 * overlap, and after a break what was under way may come again: a message is told by its id. Bounded: the oldest go.
 */
export class MessageLog {
  readonly #max: number
  readonly #known = new Set<string>()
  #items: ReceivedMessage[] = []
  #dropped = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Oldest first. */
  get items(): readonly ReceivedMessage[] {
    return this.#items
  }

  /** How many have gone at the old end. With `items.length` it tells a reader what is new. */
  get dropped(): number {
    return this.#dropped
  }

  /** One that came live. False where it is here already. */
  append(message: ReceivedMessage): boolean {
    if (this.#known.has(message.id)) return false
    this.#known.add(message.id)
    this.#items.push(message)
    if (this.#items.length > this.#max + this.#max / 4) this.#drop(this.#items.length - this.#max)
    return true
  }

  /** A page of the past, older than anything here but for where they overlap. Returns what of it was new. */
  prepend(page: readonly ReceivedMessage[]): readonly ReceivedMessage[] {
    const room = Math.max(0, this.#max - this.#items.length)
    const unknown = page.filter(({ id }) => !this.#known.has(id))
    const fresh = unknown.slice(Math.max(0, unknown.length - room))
    for (const { id } of fresh) this.#known.add(id)
    this.#items = [...fresh, ...this.#items]
    return fresh
  }

  #drop(count: number): void {
    for (const { id } of this.#items.splice(0, count)) this.#known.delete(id)
    this.#dropped += count
  }
}
