import { EventEmitter } from 'eventemitter3'
import type { ThingmeshError } from '../errors/index.ts'
import type { DropReason, OutboxEntry } from './outbox/outbox.ts'
import type { ClientStatus } from './status.ts'

/** What happens that no promise tells. Event names are past tense. */
export interface ClientEvents {
  statusChanged: (status: ClientStatus) => void
  /** An attempt to connect failed, or a connection broke; the next attempt is after so many milliseconds. */
  attemptFailed: (event: { readonly error: ThingmeshError; readonly retryInMs: number }) => void
  /** The outbox let go of a draft that the hub never acknowledged. */
  draftDropped: (event: { readonly entry: OutboxEntry; readonly reason: DropReason }) => void
  /** The hub will never take this draft. It is out of the outbox; what becomes of it is the program's to say. */
  draftSetAside: (event: { readonly entry: OutboxEntry; readonly error: ThingmeshError }) => void
  /** An at-most-once message came for a reader that was too far behind. */
  messageDropped: (event: { readonly filter: string; readonly topic: string }) => void
  /** A subscription is back, and the hub could not say what was missed meanwhile. */
  gapOpened: (event: { readonly filter: string }) => void
  /** A callback of the program's own threw. */
  callbackFailed: (event: { readonly error: unknown }) => void
}

export type ClientEmitter = EventEmitter<ClientEvents>

export function clientEmitter(): ClientEmitter {
  return new EventEmitter<ClientEvents>()
}
