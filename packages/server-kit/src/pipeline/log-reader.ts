import type { DomainId } from '@thingmesh/core'
import type { MessageLog, MessagePage, MessageQuery, SubscriptionRecord } from '../contracts/index.ts'

/** How many pages may be under way at once: a thousand sessions that return together share them. */
const readsMax = 16
const pageMessages = 1024
const pageBytes = 512 * 1024

/** What was asked for again. */
export type RecalledPage = Pick<MessagePage, 'messages' | 'scannedTo'>

/**
 * Feeds sessions from the log. Bounds how much of it is in memory at once, by page and by the number of pages, so that
 * what sessions missed costs disk and not memory.
 */
export class LogReader {
  readonly #log: MessageLog
  readonly #onFault: (error: unknown) => void
  readonly #waiting: (() => void)[] = []
  #reads = 0
  #stopped = false

  constructor(log: MessageLog, onFault: (error: unknown) => void) {
    this.#log = log
    this.#onFault = onFault
  }

  /** `undefined` where the log could not be read; the fault is reported, and a later try may succeed. */
  async read(
    domain: DomainId,
    subscriptions: readonly SubscriptionRecord[],
    from: number,
  ): Promise<MessagePage | undefined> {
    const filters = subscriptions
      .filter(({ delivery }) => delivery !== 'at-most-once')
      .map(({ filter, since }) => ({ filter, after: Math.max(from, since) }))
    if (filters.length === 0) return { messages: [], scannedTo: from, complete: true }
    return this.#read({ domain, filters, ackedOnly: true, limit: pageMessages })
  }

  async #read(query: Omit<MessageQuery, 'bytesMax'>): Promise<MessagePage | undefined> {
    if (this.#reads >= readsMax) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#reads += 1
    try {
      if (this.#stopped) return undefined
      return await this.#log.read({ ...query, bytesMax: pageBytes })
    } catch (error) {
      this.#onFault(error)
      return undefined
    } finally {
      this.#reads -= 1
      this.#waiting.shift()?.()
    }
  }

  /**
   * The page that has the lowest of these sequences, which are ascending. It ends where the next one is far away: what is
   * scattered is not worth reading all that lies between. `undefined` as above.
   */
  async recall(domain: DomainId, filter: string, sequences: readonly number[]): Promise<RecalledPage | undefined> {
    const gap = sequences.findIndex((sequence, i) => i > 0 && sequence - sequences[i - 1]! > pageMessages)
    const last = sequences[gap - 1] ?? sequences.at(-1)!
    const filters = [{ filter, after: sequences[0]! - 1 }]
    const page = await this.#read({ domain, filters, before: last + 1, ackedOnly: true, limit: pageMessages })
    return page && { messages: page.messages, scannedTo: page.complete ? last : page.scannedTo }
  }

  start(): void {
    this.#stopped = false
  }

  stop(): void {
    this.#stopped = true
    for (const resume of this.#waiting.splice(0)) resume()
  }
}
