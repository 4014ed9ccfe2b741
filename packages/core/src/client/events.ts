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
  /** The hub does not let it be subscribed to, or not any more. Its readers have ended with the error. */
  subscriptionRefused: (event: { readonly filter: string; readonly error: ThingmeshError }) => void
  /** A callback of the program's own threw. */
  callbackFailed: (event: { readonly error: unknown }) => void
}

type Listener = (event: never) => void

/** Who listens. One that throws is the program's matter, told as `callbackFailed`: neither the client nor the others feel it. */
export class ClientEmitter {
  readonly #listeners = new Map<keyof ClientEvents, Set<Listener>>()

  on<Name extends keyof ClientEvents>(name: Name, listener: ClientEvents[Name]): void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
  }

  off<Name extends keyof ClientEvents>(name: Name, listener: ClientEvents[Name]): void {
    this.#listeners.get(name)?.delete(listener)
  }

  emit<Name extends keyof ClientEvents>(name: Name, event: Parameters<ClientEvents[Name]>[0]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(event as never)
      } catch (error) {
        if (name !== 'callbackFailed') this.emit('callbackFailed', { error })
      }
    }
  }
}
