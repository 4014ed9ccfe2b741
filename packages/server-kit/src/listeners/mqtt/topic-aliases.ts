import { ThingmeshError } from '@thingmesh/core'
import { type PublishPacket, ReasonCode } from '@thingmesh/core/mqtt'

/** What a peer calls topics by on one connection (MQTT 5, section 3.3.2.3.4). */
export class InboundAliases {
  readonly #max: number
  /** Made with the first one: most peers have none. */
  #topics: Map<number, string> | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** The packet's topic in words. Throws where the alias is above what CONNACK allowed, or stands for nothing. */
  resolve({ topic, properties }: PublishPacket): string {
    const alias = properties?.topicAlias
    if (alias === undefined) return topic
    if (alias > this.#max) {
      const details = { reasonCode: ReasonCode.topicAliasInvalid, limit: this.#max, found: alias }
      throw new ThingmeshError('invalid-argument', `topic alias ${alias}, the limit is ${this.#max}`, { details })
    }
    if (topic !== '') {
      this.#topics ??= new Map()
      this.#topics.set(alias, topic)
      return topic
    }
    const known = this.#topics?.get(alias)
    if (known !== undefined) return known
    const details = { reasonCode: ReasonCode.protocolError }
    throw new ThingmeshError('invalid-argument', `topic alias ${alias} stands for no topic`, { details })
  }
}

/** What this side calls topics by. The first topics get the aliases that the peer allows; a device hears from few. */
export class OutboundAliases {
  readonly #max: number
  readonly #aliases = new Map<string, number>()
  #last = 0

  constructor(max: number) {
    this.#max = max
  }

  /** `isNew`: the packet has to say what the alias stands for. */
  aliasOf(topic: string): { readonly alias: number; readonly isNew: boolean } | undefined {
    const known = this.#aliases.get(topic)
    if (known !== undefined) return { alias: known, isNew: false }
    if (this.#last === this.#max) return undefined
    this.#last += 1
    this.#aliases.set(topic, this.#last)
    return { alias: this.#last, isNew: true }
  }

  /** The packet that was to say what the topic's alias stands for may not have been sent. */
  takeBack(topic: string): void {
    this.#aliases.delete(topic)
  }
}
