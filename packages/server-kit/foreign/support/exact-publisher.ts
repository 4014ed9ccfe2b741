import { ExactClient } from './exact-client.ts'
import { pubcomp, publishFrame, pubrec, pubrel, stepFrame } from './frames.ts'
import type { HubProcess } from './hub.ts'
import type { Thing } from './provision.ts'

const windowMax = 20
/** Few, so that they come round soon. */
const packetIds = 64

/** Publishes numbers from 0 with QoS 2, some at a time, and never one of them anew (MQTT 3.1.1, section 4.3.3). */
export class ExactPublisher extends ExactClient {
  readonly #topic: string
  /** By packet id, in the order of their beginning. */
  readonly #exchanges = new Map<number, { readonly number: number; isReleased: boolean }>()
  #next = 0
  #lastId = 0
  #isDraining = false

  constructor(hub: HubProcess, thing: Thing, topic: string) {
    super(hub, thing, 'exact-publisher')
    this.#topic = topic
  }

  /** How many numbers it has begun to publish. */
  get begun(): number {
    return this.#next
  }

  get isIdle(): boolean {
    return this.#exchanges.size === 0
  }

  /** Begins nothing new. */
  drain(): void {
    this.#isDraining = true
  }

  protected get underWay(): string {
    const steps = Array.from(
      this.#exchanges,
      ([id, { number, isReleased }]) => `${number} under ${id}${isReleased ? ', released' : ''}`,
    )
    return `has begun ${this.#next}: ${steps.join('; ')}`
  }

  protected resume(): void {
    for (const [id, { number, isReleased }] of this.#exchanges) {
      if (isReleased) this.write(stepFrame(pubrel, id))
      else this.write(publishFrame(this.#topic, `${number}`, id, true, 2))
    }
    this.#begin()
  }

  protected take(first: number, body: Buffer): void {
    const id = body.readUInt16BE(0)
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined) this.fail(`${first.toString(16)} for ${id}, which is not under way`)
    else if (first === pubrec) {
      exchange.isReleased = true
      this.write(stepFrame(pubrel, id))
    } else if (first !== pubcomp) this.fail(`a packet ${first.toString(16)}, which nobody asked for`)
    else if (!exchange.isReleased) this.fail(`PUBCOMP for ${id}, which was not released`)
    else {
      this.#exchanges.delete(id)
      this.#begin()
    }
  }

  #begin(): void {
    while (!this.#isDraining && this.#exchanges.size < windowMax) {
      do this.#lastId = (this.#lastId % packetIds) + 1
      while (this.#exchanges.has(this.#lastId))
      this.#exchanges.set(this.#lastId, { number: this.#next, isReleased: false })
      this.write(publishFrame(this.#topic, `${this.#next}`, this.#lastId, false, 2))
      this.#next += 1
    }
  }
}
