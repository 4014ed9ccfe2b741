import type { ThingmeshError } from '../errors/index.ts'
import { untilAborted } from './cancellation.ts'
import type { CancelSignal } from './platform.ts'

/**
 * `connected` means that the hub has taken the credential and confirmed every subscription. `offline` waits for the next
 * attempt. `closed` is for good, with a reason where it was not the program's own wish.
 */
export type ClientState = 'connecting' | 'connected' | 'offline' | 'closed'

export interface ClientStatus {
  readonly state: ClientState
  readonly reason?: ThingmeshError | undefined
  /** In `offline`: when the next attempt will be made, unless the platform hints at an earlier one. */
  readonly retryInMs?: number
}

/** What the client is doing, and who wants to know. Holds one status, so that a slow reader costs nothing. */
export class StatusBoard {
  #current: ClientStatus = { state: 'connecting' }
  #changed = deferred()
  readonly #onChange: (status: ClientStatus) => void

  constructor(onChange: (status: ClientStatus) => void) {
    this.#onChange = onChange
  }

  get current(): ClientStatus {
    return this.#current
  }

  /** Nothing follows `closed`. */
  set(status: ClientStatus): void {
    if (this.#current.state === 'closed') return
    const repeated = status.state === this.#current.state && status.reason === this.#current.reason
    this.#current = status
    if (repeated) return
    const changed = this.#changed
    this.#changed = deferred()
    changed.resolve()
    this.#onChange(status)
  }

  /** What is, and then what comes; a reader that is slow gets the newest. Ends after `closed`, or with the signal. */
  async *follow(signal: CancelSignal | undefined): AsyncGenerator<ClientStatus, void, undefined> {
    while (signal?.aborted !== true) {
      const changed = this.#changed.promise
      const status = this.#current
      yield status
      if (status.state === 'closed') return
      if (this.#current === status) await untilAborted(changed, signal).catch(() => undefined)
    }
  }
}

export interface Deferred<Value = void> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
  reject(error: unknown): void
}

/** A promise to settle from outside. That nobody looks at it is no unhandled rejection. */
export function deferred<Value = void>(): Deferred<Value> {
  return new LazyDeferred<Value>()
}

/** Makes its promise when somebody asks for it: a client has a few for every publish, and most are settled unseen. */
class LazyDeferred<Value> implements Deferred<Value> {
  #promise: Promise<Value> | undefined
  /** Absent where it was settled before anybody asked. */
  #resolve: ((value: Value) => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  get promise(): Promise<Value> {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    return this.#promise
  }

  resolve(value: Value): void {
    if (this.#resolve === undefined) this.#promise ??= Promise.resolve(value)
    else this.#resolve(value)
  }

  reject(error: unknown): void {
    this.promise.catch(() => undefined)
    this.#reject?.(error)
  }
}
