import { ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { AppendOptions, KeyRecord, MessageLog, Receipt, Transfer } from '../contracts/index.ts'
import { type AcceptedMessage, CommitReceipt, overheadBytes } from './accepted.ts'
import type { Counters } from './counters.ts'
import type { HubLimits } from './limits.ts'
import type { KeyNote } from './repeats.ts'

interface Batch {
  readonly messages: AcceptedMessage[]
  /** Made with the first message that is here for its last value only. */
  recorded: boolean[] | undefined
  /** Exactly-once transfers that its messages begin. */
  transfers: Transfer[] | undefined
  /** Idempotency keys of its messages, and the sequences of messages whose keys are forgotten. */
  keys: KeyRecord[] | undefined
  forgottenKeys: number[] | undefined
  bytes: number
  /** What at-most-once messages take of `bytes`. */
  sheddableBytes: number
  readonly done: PromiseWithResolvers<void>
}

/**
 * Group commit: while one batch is being written the next one gathers; with nothing being written, a batch goes at the end
 * of the event loop's turn, so that all that arrived in one turn shares a sync. Everybody in a batch shares one promise.
 */
export class Committer {
  readonly #log: MessageLog
  readonly #limits: HubLimits
  readonly #counters: Counters
  readonly #onCommitted: (message: AcceptedMessage) => void
  readonly #onFault: (error: unknown) => void
  #gathering: Batch = newBatch()
  #writing: Batch | undefined
  #scheduled: NodeJS.Immediate | undefined
  #failing = false
  #lastBuffer: ArrayBufferLike | undefined

  constructor(
    log: MessageLog,
    limits: HubLimits,
    counters: Counters,
    on: { committed: (message: AcceptedMessage) => void; fault: (error: unknown) => void },
  ) {
    this.#log = log
    this.#limits = limits
    this.#counters = counters
    this.#onCommitted = on.committed
    this.#onFault = on.fault
  }

  /** The last batch was refused by the store. */
  get failing(): boolean {
    return this.#failing
  }

  get waitingBytes(): number {
    return this.#gathering.bytes + (this.#writing?.bytes ?? 0)
  }

  /** Throws `unavailable` before the message takes a number, so that what is refused leaves no trace. */
  admit(): void {
    if (this.#gathering.bytes < this.#limits.commitBytesMax) return
    this.#counters.refused['store-behind'].value += 1
    throw new ThingmeshError(
      'unavailable',
      `the store is behind by ${this.#gathering.bytes} bytes, the limit is ${this.#limits.commitBytesMax}`,
      {
        retryAfterSeconds: 1,
      },
    )
  }

  /** For at-least-once and up. `recorded` false: stored as its topic's last value only. */
  commit(message: AcceptedMessage, recorded: boolean, transfer?: Transfer, key?: KeyNote): Receipt {
    const batch = this.#add(message, recorded)
    if (transfer !== undefined) {
      batch.transfers ??= []
      batch.transfers.push(transfer)
    }
    if (key !== undefined) noteKey(batch, key)
    return new CommitReceipt(message, batch.done.promise)
  }

  /** For at-most-once: recorded as far as the store keeps up; `undefined` where it does not. */
  record(message: AcceptedMessage, recorded: boolean): Promise<void> | undefined {
    if (this.#gathering.sheddableBytes >= this.#limits.recordBytesMax) {
      this.#counters.notRecorded.value += 1
      return undefined
    }
    const before = this.#gathering.bytes
    const batch = this.#add(message, recorded)
    batch.sheddableBytes += batch.bytes - before
    return batch.done.promise
  }

  /** Settles, whatever comes of it, when all that was handed over before is written or refused. */
  async settled(): Promise<void> {
    const batch = this.#gathering.messages.length > 0 ? this.#gathering : this.#writing
    await batch?.done.promise.catch(() => undefined)
  }

  #add(message: AcceptedMessage, recorded: boolean): Batch {
    const batch = this.#gathering
    batch.messages.push(message)
    batch.bytes += this.#weigh(message)
    if (!recorded && batch.recorded === undefined) batch.recorded = new Array(batch.messages.length - 1).fill(true)
    batch.recorded?.push(recorded)
    if (this.#writing === undefined && this.#scheduled === undefined) {
      this.#scheduled = setImmediate(() => {
        this.#scheduled = undefined
        this.#write()
      })
    }
    return batch
  }

  /** What is held is what the network read, once for all messages that came in one piece. */
  #weigh({ payload }: AcceptedMessage): number {
    const { buffer } = payload
    if (buffer === this.#lastBuffer) return overheadBytes
    this.#lastBuffer = buffer
    return overheadBytes + buffer.byteLength
  }

  #write(): void {
    const batch = this.#gathering
    if (batch.messages.length === 0 || this.#writing !== undefined) return
    this.#writing = batch
    this.#gathering = newBatch()
    this.#lastBuffer = undefined
    this.#counters.batchMessages.observe(batch.messages.length)
    const startedAt = performance.now()
    this.#log.append(batch.messages, optionsOf(batch)).then(
      () => {
        this.#counters.batchSeconds.observe((performance.now() - startedAt) / 1000)
        this.#failing = false
        this.#writing = undefined
        // The disk has its next batch before this one is delivered.
        this.#write()
        for (const message of batch.messages) {
          if (message.delivery !== 'at-most-once') this.#onCommitted(message)
        }
        batch.done.resolve()
      },
      error => {
        this.#failing = true
        this.#writing = undefined
        this.#counters.commitFailures.value += 1
        this.#onFault(error)
        batch.done.reject(
          new ThingmeshError('unavailable', 'the store could not write the message', {
            cause: toThingmeshError(error),
            retryAfterSeconds: 1,
          }),
        )
        this.#write()
      },
    )
  }
}

function noteKey(batch: Batch, { record, forgotten }: KeyNote): void {
  batch.keys ??= []
  batch.keys.push(record)
  if (forgotten.length === 0) return
  batch.forgottenKeys ??= []
  for (const sequence of forgotten) batch.forgottenKeys.push(sequence)
}

/** Most batches have none. */
function optionsOf({ recorded, transfers, keys, forgottenKeys }: Batch): AppendOptions | undefined {
  if (recorded === undefined && transfers === undefined && keys === undefined) return undefined
  return { recorded, transfers, keys, forgottenKeys }
}

function newBatch(): Batch {
  const done = Promise.withResolvers<void>()
  // A batch of at-most-once messages has nobody who waits.
  done.promise.catch(() => undefined)
  return {
    messages: [],
    recorded: undefined,
    transfers: undefined,
    keys: undefined,
    forgottenKeys: undefined,
    bytes: 0,
    sheddableBytes: 0,
    done,
  }
}
