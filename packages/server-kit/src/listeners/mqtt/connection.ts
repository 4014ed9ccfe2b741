import { ThingmeshError } from '@thingmesh/core'
import { ReasonCode } from '@thingmesh/core/mqtt'
import type { Carrier } from './carrier.ts'
import type { ConnectionCounters } from './counters.ts'
import type { MqttEngine } from './engine.ts'
import type { GatheredWire } from './gathered-wire.ts'
import type { MqttLimits } from './options.ts'

/** One connection: its carrier tells it what happens, its engine does what is to be done, and a tick each second looks at the time. */
export class Connection {
  readonly #engine: MqttEngine
  readonly #wire: GatheredWire
  readonly #carrier: Carrier
  readonly #onClosed: () => void
  /** Monotonic, in milliseconds. */
  readonly #sinceMs: number
  #heardAtMs: number
  /** Since when the carrier has been full. */
  #fullSinceMs: number | undefined
  /** A tick has found it closed. */
  #isLeaving = false

  constructor(engine: MqttEngine, wire: GatheredWire, carrier: Carrier, sinceMs: number, onClosed: () => void) {
    this.#engine = engine
    this.#wire = wire
    this.#carrier = carrier
    this.#sinceMs = sinceMs
    this.#heardAtMs = performance.now()
    this.#onClosed = onClosed
  }

  /** The peer has proved who it is. */
  get isOpen(): boolean {
    return this.#engine.isOpen
  }

  received(bytes: Uint8Array): void {
    this.#heardAtMs = performance.now()
    this.#engine.receive(bytes)
  }

  /** Everything that waited has left. */
  drained(): void {
    this.#fullSinceMs = undefined
    this.#engine.drained()
  }

  closed(): void {
    this.#onClosed()
    this.#engine.lost()
  }

  /** The hub stops. */
  stop(reason: ThingmeshError): void {
    this.#engine.stop(reason)
  }

  destroy(): void {
    this.#carrier.destroy()
  }

  tick(nowMs: number, limits: MqttLimits, { refused }: ConnectionCounters): void {
    if (this.#engine.isClosed) {
      // One that does not read its farewell goes without it.
      if (this.#isLeaving) this.#carrier.destroy()
      this.#isLeaving = true
      return
    }
    if (!this.#engine.isOpen) {
      if (nowMs - this.#sinceMs > limits.connectTimeoutMs) {
        refused['connect-timeout'].value += 1
        this.#carrier.destroy()
      }
      return
    }
    const { connectTimeoutMs } = limits
    if (nowMs - (this.#engine.authenticatesSinceMs ?? nowMs) > connectTimeoutMs) {
      refused['connect-timeout'].value += 1
      const details = { limit: connectTimeoutMs, reasonCode: ReasonCode.notAuthorized }
      const message = `not authenticated again within ${connectTimeoutMs} ms`
      this.#engine.end(new ThingmeshError('timeout', message, { details }))
      return
    }
    const silenceMs = this.#engine.silenceMaxSeconds * 1000
    if (silenceMs > 0 && nowMs - this.#heardAtMs > silenceMs && !this.#carrier.isPaused) {
      refused['keep-alive'].value += 1
      this.#engine.end(new ThingmeshError('timeout', `nothing heard for ${Math.round(silenceMs / 1000)} s`))
    }
    if (!this.#wire.isFull) this.#fullSinceMs = undefined
    else if (this.#fullSinceMs === undefined) this.#fullSinceMs = nowMs
    else if (nowMs - this.#fullSinceMs > limits.drainTimeoutMs) {
      refused['drain-timeout'].value += 1
      // Nothing that is still to be said would be read.
      this.#carrier.destroy()
    }
  }
}
