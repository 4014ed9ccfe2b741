import type { PublishPacket } from '../../bindings/mqtt/index.ts'
import type { ClientMessage, SubscribeRequest } from '../transport.ts'

interface Route {
  readonly id: number
  readonly request: SubscribeRequest
}

/** A message that the hub has not been told of as received: whoever comes back to its session gets it again. */
export interface Unacknowledged {
  readonly topic: string
  readonly payload: Uint8Array
  /** The readers have it, or had it. */
  readonly taken: Promise<void>
}

/**
 * The client's part of an MQTT session, which outlives connections (MQTT 5, section 4.1): where messages go, and which of
 * them the hub will send again, so that what readers already have is not given to them twice.
 */
export class SessionState {
  readonly clientId: string
  readonly #routes = new Map<string, Route>()
  readonly unacknowledged = new Map<number, Unacknowledged>()
  /** There may be a session at the hub. */
  established = false
  #lastId = 0

  constructor(clientId: string) {
    this.clientId = clientId
  }

  /** The subscription identifier of the filter: the same one for as long as the session lives. */
  route(request: SubscribeRequest): number {
    const id = this.#routes.get(request.filter)?.id ?? ++this.#lastId
    this.#routes.set(request.filter, { id, request })
    return id
  }

  /** What this one repeats: an id is not given to another message before we acknowledged it (MQTT 5, section 2.2.1). */
  repeated({ packetId, topic, payload }: PublishPacket): Unacknowledged | undefined {
    const known = this.unacknowledged.get(packetId)
    // A hub that lost count must not make us take a new message for an old one.
    if (known?.topic !== topic || known.payload.length !== payload.length) return undefined
    return payload.every((byte, index) => byte === known.payload[index]) ? known : undefined
  }

  forget(filter: string): void {
    this.#routes.delete(filter)
  }

  /**
   * To whom a message goes: by its identifiers, or by its topic where the hub gives none. One that none of ours asked for
   * is nobody's, and taken. Where filters overlap a hub may send one copy with many identifiers, or many copies.
   */
  async deliver(
    message: ClientMessage,
    ids: readonly number[] | undefined,
    matches: (filter: string, topic: string) => boolean,
  ): Promise<void> {
    const takers: Promise<void>[] = []
    for (const [filter, { id, request }] of this.#routes) {
      const meant = ids === undefined ? matches(filter, message.topic) : ids.includes(id)
      if (meant) takers.push(request.onMessage(message))
    }
    await Promise.all(takers)
  }
}
