import type { Wire } from './connection.ts'
import type { Flow } from './flow.ts'
import { isPayloadIntact, PUBLISH, PUBREL, payloadPublisher, payloadSequence, payloadTimeMs } from './frames.ts'
import type { LatencySamples } from './latency.ts'
import type { FrameHandler } from './reader.ts'
import { Replies } from './replies.ts'
import { SequenceTracker } from './sequence.ts'

// Sequence numbers are looked at in every message, the rest of the payload in one of so many.
const FULL_CHECK_EVERY = 1_024
const PACKET_IDS = 65_536

/** Where a delivery counts besides its own subscriber. */
export interface DeliveryBook {
  readonly flows: readonly Flow[]
  readonly payloadBytes: number
  delivered: number
  /** Set during the latency phase only. */
  latency: LatencySamples | undefined
  onCredit(): void
}

/** Counts and checks deliveries, and answers for its side of QoS 1 and 2. */
export class Subscriber implements FrameHandler {
  corrupt = 0
  /** QoS 2: packet ids that were used for something new before the PUBREL of what they stood for. */
  misused = 0
  /** QoS 2: deliveries that wait for their PUBREL, and that have had it. */
  unreleased = 0
  released = 0
  readonly trackers: readonly SequenceTracker[]
  readonly #book: DeliveryBook
  readonly #replies: Replies
  // QoS 2: 1 between the PUBLISH and the PUBREL of a packet id.
  #held: Uint8Array | undefined
  #seen = 0

  constructor(connection: Wire, book: DeliveryBook) {
    this.#book = book
    this.#replies = new Replies(connection)
    this.trackers = book.flows.map(() => new SequenceTracker())
    connection.handle(this, () => {})
  }

  onFrame(bytes: Buffer, start: number, body: number, end: number): void {
    const first = bytes[start]!
    if (first >> 4 === PUBREL) this.#release((bytes[body]! << 8) | bytes[body + 1]!)
    if (first >> 4 !== PUBLISH) return
    let at = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!)
    if ((first & 0x06) !== 0) {
      const packetId = (bytes[at]! << 8) | bytes[at + 1]!
      at += 2
      if ((first & 0x04) === 0) this.#replies.add(0x40, packetId)
      else if (!this.#hold(packetId, (first & 0x08) !== 0)) return
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
    this.#replies.flush()
    this.#book.onCredit()
  }

  /** Answers a PUBLISH with QoS 2. False: it is one of before, sent again. */
  #hold(packetId: number, isDuplicate: boolean): boolean {
    this.#replies.add(0x50, packetId)
    this.#held ??= new Uint8Array(PACKET_IDS)
    const held = this.#held[packetId] === 1
    if (held && isDuplicate) return false
    if (held) this.misused++
    else this.unreleased++
    this.#held[packetId] = 1
    return true
  }

  #release(packetId: number): void {
    this.#replies.add(0x70, packetId)
    if (this.#held?.[packetId] !== 1) return
    this.#held[packetId] = 0
    this.unreleased--
    this.released++
  }
}
