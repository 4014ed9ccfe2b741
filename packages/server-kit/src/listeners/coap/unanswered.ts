import type { Reply } from './reply.ts'

/**
 * Requests whose answer may still go with its acknowledgement, the oldest first. The links are the replies' own and end
 * with their place here: a `Set` from which a hundred thousand a second go leaves tables behind, each of which keeps what
 * was in it, and the next table, from the collector.
 */
export class Unanswered {
  #oldest: Reply | undefined
  #newest: Reply | undefined

  add(reply: Reply): void {
    reply.before = this.#newest
    if (this.#newest === undefined) this.#oldest = reply
    else this.#newest.after = reply
    this.#newest = reply
  }

  /** Does nothing where it is not here. */
  remove(reply: Reply): void {
    const { before, after } = reply
    if (before === undefined && this.#oldest !== reply) return
    if (before === undefined) this.#oldest = after
    else before.after = after
    if (after === undefined) this.#newest = before
    else after.before = before
    reply.before = undefined
    reply.after = undefined
  }

  /** The oldest one that is due by then, which is here no longer. */
  takeDue(nowMs: number): Reply | undefined {
    const oldest = this.#oldest
    if (oldest === undefined || oldest.acknowledgeAtMs > nowMs) return undefined
    this.remove(oldest)
    return oldest
  }

  clear(): void {
    while (this.#oldest !== undefined) this.remove(this.#oldest)
  }
}
