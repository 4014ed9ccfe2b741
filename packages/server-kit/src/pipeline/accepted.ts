import {
  type Delivery,
  type DomainId,
  type Draft,
  type LogId,
  type Message,
  type MessageId,
  type MessageProperties,
  messageId,
  type PrincipalId,
} from '@thingmesh/core'
import type { Receipt } from '../contracts/index.ts'
import type { TopicEntry } from './topics.ts'

/** What all messages of one session have in common. */
export interface Origin {
  readonly log: LogId
  readonly publisher: PrincipalId
  readonly clientId: string
  readonly protocol: string
}

/**
 * A message just accepted. What it shares with others of its topic or its session it points at, so that the object stays
 * small on the hot path.
 */
export class AcceptedMessage implements Message {
  readonly entry: TopicEntry
  readonly origin: Origin
  readonly contentType: string
  readonly delivery: Delivery
  readonly retain: boolean
  readonly properties: MessageProperties | undefined
  readonly sequence: number
  readonly acceptedAtMs: number
  #payload: Uint8Array

  constructor(entry: TopicEntry, origin: Origin, draft: Draft, sequence: number, acceptedAtMs: number) {
    this.entry = entry
    this.origin = origin
    this.#payload = draft.payload
    this.contentType = draft.contentType
    this.delivery = draft.delivery
    this.retain = draft.retain
    this.properties = draft.properties
    this.sequence = sequence
    this.acceptedAtMs = acceptedAtMs
  }

  get payload(): Uint8Array {
    return this.#payload
  }

  /**
   * For whoever holds the message beyond the turn: the payload is a view of what the network read, and would keep all of that alive.
   */
  own(): void {
    if (this.#payload.byteLength !== this.#payload.buffer.byteLength) this.#payload = this.#payload.slice()
  }

  get topic(): string {
    return this.entry.topic
  }
  get channel(): string {
    return this.entry.address.channel
  }
  get subtopic(): string {
    return this.entry.address.subtopic
  }
  get domain(): DomainId {
    return this.entry.domain
  }
  get log(): LogId {
    return this.origin.log
  }
  get publisher(): PrincipalId {
    return this.origin.publisher
  }
  get clientId(): string {
    return this.origin.clientId
  }
  get protocol(): string {
    return this.origin.protocol
  }
}

/** Does not hold the message: the receipt of a transfer is kept until its release, which is the peer's to send. */
export class CommitReceipt implements Receipt {
  readonly #log: LogId
  readonly #sequence: number
  readonly committed: Promise<void>

  constructor({ log, sequence }: Message, committed: Promise<void>) {
    this.#log = log
    this.#sequence = sequence
    this.committed = committed
  }

  get id(): MessageId {
    return messageId(this.#log, this.#sequence)
  }
}

/** A round figure for what a message takes besides its payload. */
export const overheadBytes = 256

/** What a message that owns its payload weighs against bounds in bytes. */
export function weightOf(message: Message): number {
  return message.payload.byteLength + overheadBytes
}

export function hasExpired(message: Message, nowMs: number): boolean {
  const seconds = message.properties?.expiresInSeconds
  return seconds !== undefined && nowMs >= message.acceptedAtMs + seconds * 1000
}
