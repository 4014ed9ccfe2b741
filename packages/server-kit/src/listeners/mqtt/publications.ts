import type { Message } from '@thingmesh/core'
import {
  type EncodedPublish,
  encodePublish,
  type Properties,
  type ProtocolLevel,
  type QoS,
  slabAllocator,
} from '@thingmesh/core/mqtt'
import { toProperties } from './mapping.ts'

const slots = 16

/**
 * Messages as PUBLISH packets. A message goes to its subscribers one after the other, so remembering the last one under
 * each (version, QoS, retain) is enough to encode it once for all of them; only packet ids differ.
 */
export class Publications {
  readonly #messages: (Message | undefined)[] = new Array(slots).fill(undefined)
  readonly #encoded: (EncodedPublish | undefined)[] = new Array(slots).fill(undefined)
  readonly #allocate = slabAllocator()

  encode(
    message: Message,
    level: ProtocolLevel,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[],
  ): EncodedPublish {
    if (level === 5 && subscriptionIds.length > 0) return this.#encode(message, level, qos, retain, subscriptionIds)
    const slot = (level === 5 ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    if (this.#messages[slot] === message) return this.#encoded[slot]!
    const encoded = this.#encode(message, level, qos, retain, subscriptionIds)
    this.#messages[slot] = message
    this.#encoded[slot] = encoded
    return encoded
  }

  /** For one peer alone. The topic goes along the first time. */
  encodeAliased(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[],
    { alias, isNew }: { readonly alias: number; readonly isNew: boolean },
  ): EncodedPublish {
    const properties = { ...toProperties(message, subscriptionIds, Date.now()), topicAlias: alias }
    return this.#encodePacket(isNew ? message.topic : '', message, 5, qos, retain, properties)
  }

  /** Nothing is held beyond the turn in which it was of use. */
  forget(): void {
    this.#messages.fill(undefined)
    this.#encoded.fill(undefined)
  }

  #encode(message: Message, level: ProtocolLevel, qos: QoS, retain: boolean, ids: readonly number[]): EncodedPublish {
    const properties = level === 5 ? toProperties(message, ids, Date.now()) : undefined
    return this.#encodePacket(message.topic, message, level, qos, retain, properties)
  }

  #encodePacket(
    topic: string,
    { payload }: Message,
    level: ProtocolLevel,
    qos: QoS,
    retain: boolean,
    properties: Properties | undefined,
  ): EncodedPublish {
    const packetId = qos === 0 ? 0 : 1
    const packet = { type: 'publish', topic, payload, qos, retain, dup: false, packetId, properties } as const
    return encodePublish(packet, level, this.#allocate)
  }
}
