import { ExactClient } from './exact-client.ts'
import { pubcomp, pubrec, pubrel, stepFrame, subscribeFrame } from './frames.ts'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'
import { within } from './until.ts'

/**
 * Receives with QoS 2 by method A of MQTT 3.1.1 (section 4.3.3, figure 4.3): a message is handed over when its packet id comes first, and the id is kept until PUBREL.
 */
export class ExactSubscriber extends ExactClient {
  /** In the order in which they were handed over. */
  readonly numbers: number[] = []
  readonly #held = new Set<number>()
  #subscribed = Promise.withResolvers<number>()

  constructor(hub: HubProcess, thing: Thing) {
    super(hub, thing, 'exact-subscriber')
  }

  async subscribe(filter: string): Promise<void> {
    this.write(subscribeFrame(1, filter, 2))
    const granted = await within(this.#subscribed.promise, 'SUBACK', 10_000)
    if (granted !== 2) throw new Error(`granted QoS ${granted}, not 2`)
  }

  protected get underWay(): string {
    return `has ${this.numbers.length}, and keeps ids ${[...this.#held].join(', ')}`
  }

  protected resume(): void {
    // A receiver has nothing to send again: the hub goes on.
  }

  protected take(first: number, body: Buffer): void {
    if (first >> 4 === 3) this.#takePublish(first, body)
    else if (first === pubrel) {
      const id = body.readUInt16BE(0)
      this.#held.delete(id)
      this.write(stepFrame(pubcomp, id))
    } else if (first === 0x90) this.#subscribed.resolve(body[2]!)
    else this.fail(`a packet ${first.toString(16)}, which nobody asked for`)
  }

  #takePublish(first: number, body: Buffer): void {
    if (((first >> 1) & 3) !== 2) this.fail(`a delivery with QoS ${(first >> 1) & 3}`)
    const topicEnd = 2 + body.readUInt16BE(0)
    const id = body.readUInt16BE(topicEnd)
    if (!this.#held.has(id)) {
      this.#held.add(id)
      const number = Number(body.toString('latin1', topicEnd + 2))
      if (number !== this.numbers.length) this.fail(`${number} under id ${id}, where ${this.numbers.length} was due`)
      this.numbers.push(number)
    }
    this.write(stepFrame(pubrec, id))
  }
}
