import type { Message } from '@thingmesh/core'
import {
  type EncodedPublish,
  encodePublish,
  type Properties,
  type ProtocolLevel,
  type QoS,
  slabAllocator,
} from '@thingmesh/core/mqtt'
import type { DeliveryTerms } from '../../contracts/index.ts'
import { toProperties } from './mapping.ts'
import type { TopicWriter } from './topic-writer.ts'

const slotCount = 16
/** MQTT 5, section 1.5.4. */
const textBytesMax = 65_535

/** The last message under each (version, QoS, retain), encoded; `undefined` where it cannot be. */
class Slots {
  readonly messages: (Message | undefined)[] = new Array(slotCount).fill(undefined)
  readonly encoded: (EncodedPublish | undefined)[] = new Array(slotCount).fill(undefined)
}

/**
 * Messages as PUBLISH packets. A message goes to its subscribers one after the other, so remembering the last one under
 * each (version, QoS, retain), and dialect, is enough to encode it once for all of them; only packet ids differ.
 *
 * What it answers is `undefined` where the message's topic cannot be said to the peer: its dialect has no way to, or a
 * topic that another dialect or protocol made is longer than MQTT carries.
 */
export class Publications {
  readonly #writer: TopicWriter
  readonly #slots = new Slots()
  readonly #slotsByDialect = new Map<string, Slots>()
  readonly #allocate = slabAllocator()

  constructor(writer: TopicWriter) {
    this.#writer = writer
  }

  encode(
    message: Message,
    level: ProtocolLevel,
    qos: QoS,
    retain: boolean,
    terms: DeliveryTerms,
  ): EncodedPublish | undefined {
    if (level === 5 && terms.subscriptionIds.length > 0) return this.#encode(message, level, qos, retain, terms)
    const { messages, encoded } = terms.dialect === undefined ? this.#slots : this.#slotsOf(terms.dialect)
    const slot = (level === 5 ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    if (messages[slot] === message) return encoded[slot]
    const made = this.#encode(message, level, qos, retain, terms)
    messages[slot] = message
    encoded[slot] = made
    return made
  }

  /** For one peer alone, by the alias of what `topicFor` says. The topic goes along the first time. */
  encodeAliased(
    topic: string,
    message: Message,
    qos: QoS,
    retain: boolean,
    terms: DeliveryTerms,
    { alias, isNew }: { readonly alias: number; readonly isNew: boolean },
  ): EncodedPublish | undefined {
    const properties = { ...toProperties(message, terms, Date.now(), this.#writer), topicAlias: alias }
    return this.#encodePacket(isNew ? topic : '', message, 5, qos, retain, properties)
  }

  topicFor(message: Message, { dialect }: DeliveryTerms): string | undefined {
    return this.#writer.write(message.topic, dialect)
  }

  /** Nothing is held beyond the turn in which it was of use. */
  forget(): void {
    this.#slots.messages.fill(undefined)
    this.#slots.encoded.fill(undefined)
    if (this.#slotsByDialect.size > 0) this.#slotsByDialect.clear()
  }

  #slotsOf(dialect: string): Slots {
    let slots = this.#slotsByDialect.get(dialect)
    if (slots === undefined) {
      slots = new Slots()
      this.#slotsByDialect.set(dialect, slots)
    }
    return slots
  }

  #encode(
    message: Message,
    level: ProtocolLevel,
    qos: QoS,
    retain: boolean,
    terms: DeliveryTerms,
  ): EncodedPublish | undefined {
    const topic = this.topicFor(message, terms)
    if (topic === undefined) return undefined
    const properties = level === 5 ? toProperties(message, terms, Date.now(), this.#writer) : undefined
    return this.#encodePacket(topic, message, level, qos, retain, properties)
  }

  #encodePacket(
    topic: string,
    { payload }: Message,
    level: ProtocolLevel,
    qos: QoS,
    retain: boolean,
    properties: Properties | undefined,
  ): EncodedPublish | undefined {
    if (!isSayable(topic) || (properties?.responseTopic !== undefined && !isSayable(properties.responseTopic)))
      return undefined
    const packetId = qos === 0 ? 0 : 1
    const packet = { type: 'publish', topic, payload, qos, retain, dup: false, packetId, properties } as const
    return encodePublish(packet, level, this.#allocate)
  }
}

/** No text has more bytes than thrice its length, so that short ones are not measured. */
function isSayable(text: string): boolean {
  return text.length * 3 <= textBytesMax || Buffer.byteLength(text) <= textBytesMax
}
