import type { DomainId } from '@thingmesh/core'
import type { MessageLog, MessagePage, MessageQuery, SubscriptionRecord } from '../contracts/index.ts'

/** How many pages may be under way at once: a thousand sessions that return together share them. */
const readsMax = 16
const pageMessages = 1024
/** What came back to a group lies close together, or is few. */
const recalledMessages = 64
const pageBytes = 512 * 1024

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
   * A page of what lies between the lowest and the highest of these sequences, which are ascending; whoever wants only some picks
   * them. `undefined` as above.
   */
  recall(domain: DomainId, filter: string, sequences: readonly number[]): Promise<MessagePage | undefined> {
    const after = sequences[0]! - 1
    const before = sequences.at(-1)! + 1
    return this.#read({ domain, filters: [{ filter, after }], before, ackedOnly: true, limit: recalledMessages })
  }

  start(): void {
    this.#stopped = false
  }

  stop(): void {
    this.#stopped = true
    for (const resume of this.#waiting.splice(0)) resume()
  }
}
