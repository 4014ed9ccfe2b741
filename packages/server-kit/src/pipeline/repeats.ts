import { type DomainId, type LogId, type MessageId, messageId, type PrincipalId, ThingmeshError } from '@thingmesh/core'
import type { KeyRecord, KeyRecords, Receipt } from '../contracts/index.ts'
import type { Counters } from './counters.ts'
import { Fifo } from './fifo.ts'
import type { HubLimits } from './limits.ts'

const keyBytesMax = 64

/** What the log is told of a draft's key, with the message that it came with. */
export interface KeyNote {
  readonly record: KeyRecord
  /** Sequences of messages whose keys the hub no longer remembers. */
  readonly forgotten: readonly number[]
}

interface Remembered {
  readonly sequence: number
  readonly publisher: Publisher
  readonly key: string
  /** Until it has settled; a key whose message was not written is not remembered. */
  committed: Promise<void> | undefined
  /** No longer remembered. */
  gone: boolean
}

/** With what is to be forgotten all the same, where its message is not written. */
interface Held {
  readonly remembered: Remembered
  readonly forgotten: readonly number[]
}

interface Publisher {
  readonly domain: DomainId
  readonly id: PrincipalId
  readonly keys: Map<string, Remembered>
  /** Those that are committed. */
  readonly line: Fifo<Remembered>
}

const settled = Promise.resolve()

/**
 * The idempotency keys of messages that were accepted, by publisher: a draft that repeats one gets the receipt of the first.
 * Bounded by number and by nothing else: how long a publisher may wait before it repeats itself is not ours to say. A key takes
 * the place of an older one only once its message is written, so that a store that refuses everything drives out nothing.
 */
export class Repeats {
  readonly #limits: HubLimits
  readonly #counters: Counters
  readonly #publishers = new Map<string, Publisher>()
  readonly #line = new Fifo<Remembered>()
  /** Those whose messages are written together, and so settle together: the last such. */
  #writing: { readonly committed: Promise<void>; readonly held: Held[] } | undefined
  /** Whose key was asked for last: one publisher mostly has many messages behind each other. */
  #last: Publisher | undefined
  #log: LogId | undefined
  /** To be told to the store with a key, once they are enough. */
  #forgotten: number[] = []

  constructor(limits: HubLimits, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  async start(records: KeyRecords, log: LogId): Promise<void> {
    this.#publishers.clear()
    this.#last = undefined
    this.#line.clear()
    this.#forgotten = []
    this.#log = log
    for (const { domain, publisher, key, sequence } of await records.load()) {
      // A kill may have come between a key's end and the store's note of it.
      const before = this.#find(domain, publisher)?.keys.get(key)
      if (before !== undefined) this.#forget(before)
      const owner = this.#publisher(domain, publisher)
      const remembered = { sequence, publisher: owner, key, committed: undefined, gone: false }
      owner.keys.set(key, remembered)
      this.#remember(remembered)
    }
  }

  /** Keys of messages that are written. */
  get size(): number {
    return this.#line.size
  }

  /** The first one's receipt, where the publisher has used the key. Throws `invalid-argument` for what is no key. */
  find(domain: DomainId, publisher: PrincipalId, key: string): Receipt | undefined {
    checkKey(key)
    const known = this.#find(domain, publisher)?.keys.get(key)
    if (known === undefined) return undefined
    this.#counters.repeated.value += 1
    return new RepeatReceipt(this.#log!, known.sequence, known.committed ?? settled)
  }

  /** For a message that is about to be written: what to write with it. */
  note(domain: DomainId, publisher: PrincipalId, key: string, sequence: number): KeyNote {
    const record = { domain, publisher, key, sequence }
    // Many at once, because the store has noted them together; those it has too many of when they are loaded are forgotten then.
    if (this.#forgotten.length < this.#limits.keysPerPublisherMax / 4) return { record, forgotten: [] }
    const forgotten = this.#forgotten
    this.#forgotten = []
    return { record, forgotten }
  }

  /** From now on the key stands for that message, unless the store refuses it. */
  hold({ record, forgotten }: KeyNote, { committed }: Receipt): void {
    const { key, sequence } = record
    const publisher = this.#publisher(record.domain, record.publisher)
    const held: Remembered = { sequence, publisher, key, committed, gone: false }
    publisher.keys.set(key, held)
    this.#gather({ remembered: held, forgotten }, committed)
  }

  /** One reaction for all that are written together, as one batch of the log. */
  #gather(one: Held, committed: Promise<void>): void {
    if (this.#writing?.committed === committed) {
      this.#writing.held.push(one)
      return
    }
    const held = [one]
    this.#writing = { committed, held }
    committed.then(
      () => {
        for (const { remembered } of held) {
          remembered.committed = undefined
          this.#remember(remembered)
        }
      },
      () => {
        for (const { remembered, forgotten } of held) {
          this.#drop(remembered)
          for (const one of forgotten) this.#forgotten.push(one)
        }
      },
    )
  }

  #remember(remembered: Remembered): void {
    const { keysPerPublisherMax, keysMax } = this.#limits
    const { line } = remembered.publisher
    line.push(remembered)
    this.#line.push(remembered)
    if (line.size > keysPerPublisherMax) this.#evict(line.first(), 'keys-per-publisher')
    if (this.#line.size > keysMax) this.#evict(this.#line.first(), 'keys')
  }

  #evict(oldest: Remembered | undefined, limit: 'keys-per-publisher' | 'keys'): void {
    if (oldest === undefined) return
    this.#counters.keysForgotten[limit].value += 1
    this.#forget(oldest)
  }

  #forget(remembered: Remembered): void {
    remembered.gone = true
    remembered.publisher.line.left()
    this.#line.left()
    this.#forgotten.push(remembered.sequence)
    this.#drop(remembered)
  }

  #drop({ publisher, key }: Remembered): void {
    publisher.keys.delete(key)
    if (publisher.keys.size > 0) return
    this.#publishers.delete(nameOf(publisher.domain, publisher.id))
    this.#last = undefined
  }

  #find(domain: DomainId, id: PrincipalId): Publisher | undefined {
    const last = this.#last
    if (last?.id === id && last.domain === domain) return last
    const found = this.#publishers.get(nameOf(domain, id))
    if (found !== undefined) this.#last = found
    return found
  }

  #publisher(domain: DomainId, id: PrincipalId): Publisher {
    let publisher = this.#find(domain, id)
    if (publisher === undefined) {
      publisher = { domain, id, keys: new Map(), line: new Fifo() }
      this.#publishers.set(nameOf(domain, id), publisher)
      this.#last = publisher
    }
    return publisher
  }
}

class RepeatReceipt implements Receipt {
  readonly #log: LogId
  readonly #sequence: number
  readonly committed: Promise<void>

  constructor(log: LogId, sequence: number, committed: Promise<void>) {
    this.#log = log
    this.#sequence = sequence
    this.committed = committed
  }

  get id(): MessageId {
    return messageId(this.#log, this.#sequence)
  }
}

/** Neither a domain's id nor a principal's has a line feed. */
function nameOf(domain: DomainId, publisher: PrincipalId): string {
  return `${domain}\n${publisher}`
}

function checkKey(key: string): void {
  if (/^[\x20-\x7e]+$/.test(key) && key.length <= keyBytesMax) return
  const found = key.length > keyBytesMax || key === '' ? `${key.length} characters` : 'a character beyond them'
  throw new ThingmeshError(
    'invalid-argument',
    `the idempotency key has ${found}, allowed are 1 to ${keyBytesMax} of printable ascii`,
  )
}
