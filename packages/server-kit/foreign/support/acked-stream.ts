import { publishFrame } from './frames.ts'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import { connectRaw, type RawClient } from './raw-client.ts'
import type { Site } from './site.ts'
import { until } from './until.ts'

const payloadBytes = 64
const digits = 8

export function toPayload(number: number): string {
  return String(number).padStart(digits, '0').padEnd(payloadBytes, '.')
}

export function fromPayload(payload: Buffer): number {
  return Number(payload.toString('latin1', 0, digits))
}

/**
 * Numbered messages at QoS 1, pipelined, on one topic. Remembers which were acknowledged; after a lost connection it
 * goes on with everything that was not, in order.
 */
export class AckedStream {
  readonly acked: number[] = []
  readonly #topic: string
  readonly #count: number
  readonly #windowMax: number
  #client: RawClient | undefined
  /** In the order of sending, by packet id. */
  #inFlight = new Map<number, number>()
  #next = 0

  constructor(topic: string, count: number, windowMax = 1000) {
    this.#topic = topic
    this.#count = count
    this.#windowMax = windowMax
  }

  get isDone(): boolean {
    return this.acked.length === this.#count
  }

  async connect(site: Site, hub: HubProcess, thing: Thing): Promise<void> {
    const options = { clientId: `stream-${this.#topic.replaceAll('/', '-')}`, onAck: (id: number) => this.#ack(id) }
    this.#client = await connectRaw(site, hub, thing, options)
    const again = [...this.#inFlight]
    for (const [id, number] of again) this.#client.write(publishFrame(this.#topic, toPayload(number), id, true))
    this.#send()
  }

  async whenAcked(count: number, timeoutMs = 60_000): Promise<void> {
    await until(
      () => this.acked.length >= count || this.#client?.isClosed === true,
      `${count} acknowledgements`,
      timeoutMs,
    )
    if (this.acked.length < count) throw new Error(`the connection ended after ${this.acked.length} acknowledgements`)
  }

  async whenLost(): Promise<void> {
    await this.#client?.closed
  }

  async leave(): Promise<void> {
    await this.#client?.leave()
  }

  #ack(id: number): void {
    const number = this.#inFlight.get(id)
    if (number === undefined) throw new Error(`an acknowledgement of ${id}, which is not in flight`)
    this.#inFlight.delete(id)
    this.acked.push(number)
    // Half a window at a time: as few writes as a busy client would make.
    if (this.#inFlight.size <= this.#windowMax / 2) this.#send()
  }

  #send(): void {
    const frames: Buffer[] = []
    while (this.#inFlight.size < this.#windowMax && this.#next < this.#count) {
      const id = (this.#next % 65_535) + 1
      this.#inFlight.set(id, this.#next)
      frames.push(publishFrame(this.#topic, toPayload(this.#next), id))
      this.#next += 1
    }
    if (frames.length > 0) this.#client?.write(Buffer.concat(frames))
  }
}
