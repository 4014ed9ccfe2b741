import { type DomainId, type MessageId, messageId, type PrincipalId, ThingmeshError } from '@thingmesh/core'
import type { KeyRecord, KeyRecords, Receipt } from '../contracts/index.ts'
import type { Counters } from './counters.ts'
import { Fifo } from './fifo.ts'
import { KeyTable } from './key-table.ts'
import type { HubLimits } from './limits.ts'
import type { Lineage } from './lineage.ts'

const keyBytesMax = 64

/** A draft's key: what the log is told of it with the message that it came with, and what the hub remembers of it. */
class Remembered {
  readonly record: KeyRecord
  readonly owner: Publisher
  /** Sequences of messages whose keys the hub no longer remembers: to be told with it, until it is written. */
  forgotten: readonly number[]
  /** Until it has settled; a key whose message was not written is not remembered. */
  committed: Promise<void> | undefined
  /** No longer remembered. */
  gone = false

  constructor(record: KeyRecord, owner: Publisher, forgotten: readonly number[]) {
    this.record = record
    this.owner = owner
    this.forgotten = forgotten
  }
}

export type KeyNote = Pick<Remembered, 'record' | 'forgotten'>

interface Publisher {
  readonly domain: DomainId
  readonly id: PrincipalId
  readonly keys: KeyTable<Remembered>
  /** Those that are committed. */
  readonly line: Fifo<Remembered>
}

const noSequences: readonly number[] = []
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
  #writing: { readonly committed: Promise<void>; readonly held: Remembered[] } | undefined
  /** Whose key was asked for last: one publisher mostly has many messages behind each other. */
  #last: Publisher | undefined
  #lineage: Lineage | undefined
  /** To be told to the store with a key, once they are enough. */
  #forgotten: number[] = []

  constructor(limits: HubLimits, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  async start(records: KeyRecords, lineage: Lineage): Promise<void> {
    this.#publishers.clear()
    this.#last = undefined
    this.#line.clear()
    this.#forgotten = []
    this.#lineage = lineage
    for (const record of await records.load()) {
      const { domain, publisher, key } = record
      // A kill may have come between a key's end and the store's note of it.
      const before = this.#find(domain, publisher)?.keys.get(key)
      if (before !== undefined) this.#forget(before)
      const owner = this.#publisher(domain, publisher)
      const remembered = new Remembered(record, owner, noSequences)
      owner.keys.add(remembered)
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
    return new RepeatReceipt(this.#lineage!, known.record.sequence, known.committed ?? settled)
  }

  /** For a message that is about to be written, whose key `find` does not know: what to write with it. */
  note(domain: DomainId, publisher: PrincipalId, key: string, sequence: number): Remembered {
    return new Remembered(
      { domain, publisher, key, sequence },
      this.#publisher(domain, publisher),
      this.#takeForgotten(),
    )
  }

  /** From now on the key stands for that message, unless the store refuses it. One reaction for all that are written as one batch. */
  hold(remembered: Remembered, { committed }: Receipt): void {
    remembered.committed = committed
    remembered.owner.keys.add(remembered)
    if (this.#writing?.committed === committed) {
      this.#writing.held.push(remembered)
      return
    }
    const held = [remembered]
    this.#writing = { committed, held }
    committed.then(
      () => {
        for (const one of held) {
          one.committed = undefined
          one.forgotten = noSequences
          this.#remember(one)
        }
      },
      () => {
        for (const one of held) {
          for (const sequence of one.forgotten) this.#forgotten.push(sequence)
          this.#drop(one)
        }
      },
    )
  }

  /** Many at once, because the store has noted them together; those it has too many of when they are loaded are forgotten then. */
  #takeForgotten(): readonly number[] {
    if (this.#forgotten.length < this.#limits.keysPerPublisherMax / 4) return noSequences
    const forgotten = this.#forgotten
    this.#forgotten = []
    return forgotten
  }

  #remember(remembered: Remembered): void {
    const { keysPerPublisherMax, keysMax } = this.#limits
    const { line } = remembered.owner
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
    remembered.owner.line.left()
    this.#line.left()
    this.#forgotten.push(remembered.record.sequence)
    this.#drop(remembered)
  }

  #drop(remembered: Remembered): void {
    const { domain, id, keys } = remembered.owner
    remembered.gone = true
    keys.left()
    if (keys.size > 0) return
    this.#publishers.delete(nameOf(domain, id))
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
      publisher = { domain, id, keys: new KeyTable(), line: new Fifo() }
      this.#publishers.set(nameOf(domain, id), publisher)
      this.#last = publisher
    }
    return publisher
  }
}

class RepeatReceipt implements Receipt {
  readonly #lineage: Lineage
  readonly #sequence: number
  readonly committed: Promise<void>

  constructor(lineage: Lineage, sequence: number, committed: Promise<void>) {
    this.#lineage = lineage
    this.#sequence = sequence
    this.committed = committed
  }

  get id(): MessageId {
    const log = this.#lineage.logOf(this.#sequence)
    return log === undefined ? '' : messageId(log, this.#sequence)
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
