import type { Connection } from './connection.ts'
import type { Flow } from './flow.ts'
import { PUBACK, PublishFrames } from './frames.ts'
import type { Qos } from './job.ts'
import type { FrameHandler } from './reader.ts'

const BATCH_FRAMES_MAX = 512
const PACKET_IDS = 65_536

/** Publishes as fast as its windows allow, in batches: one copy of a template, one write. */
export class Publisher implements FrameHandler {
  acked = 0
  readonly flow: Flow
  readonly #connection: Connection
  readonly #frames: PublishFrames
  readonly #qos: Qos
  readonly #ackWindow: number
  readonly #onCredit: () => void
  // Sequence number + 1 of the message that holds a packet id, 0 when the id is free.
  readonly #holders = new Float64Array(PACKET_IDS)
  #lastPacketId = 0
  #unacked = 0
  #blocked = false
  #batch: Buffer

  constructor(options: {
    connection: Connection
    flow: Flow
    topic: string
    publisher: number
    qos: Qos
    payloadBytes: number
    ackWindow: number
    onCredit: () => void
  }) {
    const { connection, flow, qos, ackWindow, onCredit } = options
    this.flow = flow
    this.#connection = connection
    this.#qos = qos
    this.#ackWindow = ackWindow
    this.#onCredit = onCredit
    this.#frames = new PublishFrames({ ...options, batchMax: BATCH_FRAMES_MAX })
    this.#batch = this.#frames.newBatch()
    connection.handle(this, () => {
      this.#blocked = false
      onCredit()
    })
  }

  /** Sends what the windows have room for, but not before a quarter of one is free, so that batches stay large. */
  pump(): void {
    while (!this.#blocked) {
      const credit = this.flow.credit()
      const room = this.#qos === 1 ? this.#ackWindow - this.#unacked : credit
      if (room < (this.#qos === 1 ? this.#ackWindow : this.flow.inFlight) >> 2) return
      const count = Math.min(credit, room, BATCH_FRAMES_MAX)
      if (count <= 0) return
      this.#send(count, performance.now())
    }
  }

  /** One message outside the windows, stamped with the time it was due. */
  sendOne(dueMs: number): void {
    if (this.#unacked >= PACKET_IDS - 1) throw new Error('all packet ids are waiting for a PUBACK')
    this.#send(1, dueMs)
  }

  isAcked(): boolean {
    return this.#unacked === 0
  }

  /** Sequence numbers that were sent and not acknowledged. */
  unackedSequences(): number[] {
    const sequences: number[] = []
    for (const holder of this.#holders) if (holder !== 0) sequences.push(holder - 1)
    return sequences
  }

  onFrame(bytes: Buffer, start: number, body: number): void {
    if (bytes[start]! >> 4 !== PUBACK) return
    const packetId = (bytes[body]! << 8) | bytes[body + 1]!
    // An acknowledgement nobody waits for is ignored: it must not widen the window.
    if (this.#holders[packetId] === 0) return
    this.#holders[packetId] = 0
    this.#unacked--
    this.acked++
  }

  onReadEnd(): void {
    this.#onCredit()
  }

  #send(count: number, timeMs: number): void {
    const batch = this.#batch
    const { flow } = this
    for (let i = 0; i < count; i++) {
      this.#frames.patch(batch, i, flow.sent, timeMs)
      if (this.#qos === 1) this.#frames.patchPacketId(batch, i, this.#takePacketId(flow.sent))
      flow.sent++
    }
    if (this.#connection.write(batch.subarray(0, count * this.#frames.frameBytes))) return
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
