import type { Connection } from './connection.ts'
import type { Flow } from './flow.ts'
import { isPayloadIntact, PUBLISH, payloadPublisher, payloadSequence, payloadTimeMs } from './frames.ts'
import type { LatencySamples } from './latency.ts'
import type { FrameHandler } from './reader.ts'
import { SequenceTracker } from './sequence.ts'

// Sequence numbers are looked at in every message, the rest of the payload in one of so many.
const FULL_CHECK_EVERY = 1_024
const ACKS_PER_READ = 16_384

/** Where a delivery counts besides its own subscriber. */
export interface DeliveryBook {
  readonly flows: readonly Flow[]
  readonly payloadBytes: number
  delivered: number
  /** Set during the latency phase only. */
  latency: LatencySamples | undefined
  onCredit(): void
}

/** Counts and checks deliveries; acknowledges QoS 1, all of one read in one write. */
export class Subscriber implements FrameHandler {
  corrupt = 0
  readonly trackers: readonly SequenceTracker[]
  readonly #connection: Connection
  readonly #book: DeliveryBook
  readonly #acks = Buffer.alloc(ACKS_PER_READ * 4)
  #ackBytes = 0
  #seen = 0

  constructor(connection: Connection, book: DeliveryBook) {
    this.#connection = connection
    this.#book = book
    this.trackers = book.flows.map(() => new SequenceTracker())
    connection.handle(this, () => {})
  }

  onFrame(bytes: Buffer, start: number, body: number, end: number): void {
    const first = bytes[start]!
    if (first >> 4 !== PUBLISH) return
    let at = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!)
    if ((first & 0x06) !== 0) {
      this.#acknowledge(bytes[at]!, bytes[at + 1]!)
      at += 2
    }
    const book = this.#book
    const publisher = payloadPublisher(bytes, at)
    const tracker = this.trackers[publisher]
    const flow = book.flows[publisher]
    const whole = this.#seen++ % FULL_CHECK_EVERY !== 0 || isPayloadIntact(bytes, at, end, book.payloadBytes)
    if (!whole || tracker === undefined || flow === undefined || end - at !== book.payloadBytes) {
      this.corrupt++
      return
    }
    const doubles = tracker.duplicated
    tracker.see(payloadSequence(bytes, at))
    // A copy too many is no delivery: it earns the broker no credit.
    if (tracker.duplicated !== doubles) return
    flow.delivered++
    book.delivered++
    if (book.latency) book.latency.add(performance.now() - payloadTimeMs(bytes, at))
  }

  onReadEnd(): void {
    this.#flushAcks()
    this.#book.onCredit()
  }

  #acknowledge(high: number, low: number): void {
    const acks = this.#acks
    acks[this.#ackBytes++] = 0x40
    acks[this.#ackBytes++] = 2
    acks[this.#ackBytes++] = high
    acks[this.#ackBytes++] = low
    if (this.#ackBytes === acks.length) this.#flushAcks()
  }

  #flushAcks(): void {
    if (this.#ackBytes === 0) return
    this.#connection.write(Buffer.from(this.#acks.subarray(0, this.#ackBytes)))
    this.#ackBytes = 0
  }
}
