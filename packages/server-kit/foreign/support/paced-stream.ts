import { toPayload } from './acked-stream.ts'
import { publishFrame } from './frames.ts'
import type { RawClient } from './raw-client.ts'

const windowMax = 4000
const perWrite = 500

/**
 * Numbered messages at QoS 0, never more than a window ahead of what one subscriber has received: a subscriber that
 * reads has then no reason to lose any.
 */
export class PacedStream {
  readonly #client: RawClient
  readonly #topic: string
  readonly #count: number
  #sent = 0

  constructor(client: RawClient, topic: string, count: number) {
    this.#client = client
    this.#topic = topic
    this.#count = count
  }

  /** Called as messages come in at the subscriber. */
  received(count: number): void {
    while (this.#sent < this.#count && this.#sent - count <= windowMax - perWrite) {
      const frames: Buffer[] = []
      const end = Math.min(this.#count, this.#sent + perWrite)
      for (; this.#sent < end; this.#sent++) frames.push(publishFrame(this.#topic, toPayload(this.#sent), 0))
      this.#client.write(Buffer.concat(frames))
    }
  }
}
