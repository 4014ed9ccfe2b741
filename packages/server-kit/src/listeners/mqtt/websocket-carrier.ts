import type { ThingmeshError } from '@thingmesh/core'
import type { WebSocketConnection } from '../../contracts/index.ts'
import type { Carrier } from './carrier.ts'

/** RFC 6455, section 7.4.1. */
const closeCodes = { normal: 1000, policyViolation: 1008, messageTooBig: 1009 } as const

/** What is written leaves in binary messages, without regard to where packets begin (MQTT 5, section 6.0). */
export class WebSocketCarrier implements Carrier {
  readonly #connection: WebSocketConnection

  constructor(connection: WebSocketConnection) {
    this.#connection = connection
  }

  get writableLength(): number {
    return this.#connection.bufferedBytes
  }

  get isDestroyed(): boolean {
    return this.#connection.isClosed
  }

  get isPaused(): boolean {
    return this.#connection.isPaused
  }

  write(bytes: Uint8Array, onWritten: () => void): void {
    this.#connection.send(bytes, onWritten)
  }

  cork(): void {
    this.#connection.cork()
  }

  uncork(): void {
    this.#connection.uncork()
  }

  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  end(error?: ThingmeshError): void {
    const code = error?.code === 'too-large' ? 'messageTooBig' : error === undefined ? 'normal' : 'policyViolation'
    this.#connection.close(closeCodes[code])
  }

  destroy(): void {
    this.#connection.destroy()
  }
}
