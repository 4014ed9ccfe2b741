import type { Wire } from './connection.ts'
import type { Flow } from './flow.ts'
import { PUBACK, PUBCOMP, PUBREC, PublishFrames } from './frames.ts'
import type { Qos } from './job.ts'
import type { FrameHandler } from './reader.ts'
import { Replies } from './replies.ts'

const BATCH_FRAMES_MAX = 512
const PACKET_IDS = 65_536

export interface PublisherOptions {
  readonly connection: Wire
  readonly flow: Flow
  readonly topic: string
  readonly publisher: number
  readonly qos: Qos
  readonly payloadBytes: number
  readonly ackWindow: number
  readonly onCredit: () => void
  /** Writes the topic of a message over the template's, for those that never use one twice. */
  readonly patchTopic?: (frames: PublishFrames, batch: Buffer, index: number, sequence: number) => void
}

/** Publishes as fast as its windows allow, in batches: one copy of a template, one write. */
export class Publisher implements FrameHandler {
  /** Exchanges that ended: with PUBACK, or with PUBCOMP. */
  acked = 0
  readonly flow: Flow
  readonly #options: PublisherOptions
  readonly #frames: PublishFrames
  readonly #replies: Replies
  // Sequence number + 1 of the message that holds a packet id, 0 when the id is free.
  readonly #holders = new Float64Array(PACKET_IDS)
  // QoS 2: 1 between PUBREC and PUBCOMP.
  readonly #received = new Uint8Array(PACKET_IDS)
  #lastPacketId = 0
  #unacked = 0
  #blocked = false
  #batch: Buffer

  constructor(options: PublisherOptions) {
    this.#options = options
    this.flow = options.flow
    this.#frames = new PublishFrames({ ...options, batchMax: BATCH_FRAMES_MAX })
    this.#batch = this.#frames.newBatch()
    this.#replies = new Replies(options.connection)
    options.connection.handle(this, () => {
      this.#blocked = false
      options.onCredit()
    })
  }

  /** Sends what the windows have room for, but not before a quarter of one is free, so that batches stay large. */
  pump(): void {
    const { qos, ackWindow } = this.#options
    while (!this.#blocked) {
      const credit = this.flow.credit()
      const room = qos > 0 ? ackWindow - this.#unacked : credit
      if (room < (qos > 0 ? ackWindow : this.flow.inFlight) >> 2) return
      const count = Math.min(credit, room, BATCH_FRAMES_MAX)
      if (count <= 0) return
      this.#send(count, performance.now())
    }
  }

  /** One message outside the windows, stamped with the time it was due. */
  sendOne(dueMs: number): void {
    if (this.#unacked >= PACKET_IDS - 1) throw new Error('all packet ids are waiting for an acknowledgement')
    this.#send(1, dueMs)
  }

  isAcked(): boolean {
    return this.#unacked === 0
  }

  /** Sequence numbers that were sent and that the broker has not taken, by PUBACK or PUBREC. */
  untakenSequences(): number[] {
    const sequences: number[] = []
    this.#holders.forEach((holder, packetId) => {
      if (holder !== 0 && this.#received[packetId] === 0) sequences.push(holder - 1)
    })
    return sequences
  }

  // An answer that nobody waits for is ignored: it must not widen the window.
  onFrame(bytes: Buffer, start: number, body: number): void {
    const type = bytes[start]! >> 4
    const packetId = (bytes[body]! << 8) | bytes[body + 1]!
    if (this.#holders[packetId] === 0) return
    if (type === PUBREC && this.#options.qos === 2) {
      this.#received[packetId] = 1
      this.#replies.add(0x62, packetId)
      return
    }
    const ends = this.#options.qos === 2 ? type === PUBCOMP && this.#received[packetId] === 1 : type === PUBACK
    if (!ends) return
    this.#holders[packetId] = 0
    this.#received[packetId] = 0
    this.#unacked--
    this.acked++
  }

  onReadEnd(): void {
    this.#replies.flush()
    this.#options.onCredit()
  }

  #send(count: number, timeMs: number): void {
    const batch = this.#batch
    const { flow } = this
    const { qos, patchTopic, connection } = this.#options
    for (let i = 0; i < count; i++) {
      this.#frames.patch(batch, i, flow.sent, timeMs)
      patchTopic?.(this.#frames, batch, i, flow.sent)
      if (qos > 0) this.#frames.patchPacketId(batch, i, this.#takePacketId(flow.sent))
      flow.sent++
    }
    if (connection.write(batch.subarray(0, count * this.#frames.frameBytes))) return
    this.#blocked = true
    this.#batch = this.#frames.newBatch()
  }

  #takePacketId(sequence: number): number {
    do {
      this.#lastPacketId = (this.#lastPacketId % (PACKET_IDS - 1)) + 1
    } while (this.#holders[this.#lastPacketId] !== 0)
    this.#holders[this.#lastPacketId] = sequence + 1
    this.#unacked++
    return this.#lastPacketId
  }
}
