import { type DomainId, type Message, matchesFilter } from '@thingmesh/core'
import type { RetainedMessages } from '../../contracts/index.ts'
import { readMessages } from '../segment/reader.ts'
import { SegmentWriter } from '../segment/writer.ts'
import type { Gate } from './gate.ts'

interface LastValue {
  readonly sequence: number
  /** Encoded: the store keeps no reference to a message, nor to the network buffer behind its payload. */
  readonly segment: Uint8Array
}

export class MemoryRetained implements RetainedMessages {
  readonly #domains = new Map<DomainId, Map<string, LastValue>>()
  readonly #writer = new SegmentWriter()
  readonly #gate: Gate

  constructor(gate: Gate) {
    this.#gate = gate
  }

  async topics(): Promise<readonly { readonly domain: DomainId; readonly topic: string; readonly sequence: number }[]> {
    this.#gate.check()
    return [...this.#domains].flatMap(([domain, values]) =>
      [...values].map(([topic, { sequence }]) => ({ domain, topic, sequence })),
    )
  }

  async match(
    domain: DomainId,
    filters: readonly string[],
    limit: number,
    afterTopic?: string,
  ): Promise<readonly Message[]> {
    this.#gate.check()
    const values = this.#domains.get(domain) ?? new Map<string, LastValue>()
    const topics = [...values.keys()]
      .filter(topic => afterTopic === undefined || topic > afterTopic)
      .filter(topic => filters.some(filter => matchesFilter(filter, topic)))
      .sort()
    return topics.slice(0, limit).flatMap(topic => readMessages(new Uint8Array(values.get(topic)!.segment), topic))
  }

  /** For the log: the last value of its topic, or with an empty payload no value any more. */
  put(message: Message): void {
    let values = this.#domains.get(message.domain)
    if (values === undefined) {
      values = new Map()
      this.#domains.set(message.domain, values)
    }
    if (message.payload.length === 0) {
      values.delete(message.topic)
      return
    }
    this.#writer.begin()
    this.#writer.add(message)
    values.set(message.topic, { sequence: message.sequence, segment: this.#writer.finish() })
  }
}
