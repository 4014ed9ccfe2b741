import type { Socket } from 'node:net'
import type { Carrier } from './carrier.ts'

/** TCP, or TLS, whose sockets are of the same class. */
export class SocketCarrier implements Carrier {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get writableLength(): number {
    return this.#socket.writableLength
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed
  }

  get isPaused(): boolean {
    return this.#socket.isPaused()
  }

  write(bytes: Uint8Array, onWritten: () => void): void {
    this.#socket.write(bytes, onWritten)
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
