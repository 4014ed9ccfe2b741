import type { Socket } from 'node:dgram'
import type { CoapCounters } from './counters.ts'
import type { CoapLimits } from './options.ts'
import type { Wire } from './wire.ts'

/** A UDP socket. What the system does not take goes nowhere, as on the way: who waits for it asks again. */
export class SocketWire implements Wire {
  readonly #socket: Socket
  readonly #bytesMax: number
  readonly #refused: CoapCounters['refused']
  /** What waited in the socket when it was last looked at, and all that was sent since: never less than what waits. */
  #waitingMax = 0

  constructor(socket: Socket, { socketBytesMax }: CoapLimits, { refused }: CoapCounters) {
    this.#socket = socket
    this.#bytesMax = socketBytesMax
    this.#refused = refused
  }

  send(bytes: Uint8Array, address: string, port: number): void {
    if (this.#waitingMax + bytes.length > this.#bytesMax) {
      this.#waitingMax = this.#socket.getSendQueueSize()
      if (this.#waitingMax + bytes.length > this.#bytesMax) {
        this.#refused['socket-bytes'].value += 1
        return
      }
    }
    this.#waitingMax += bytes.length
    this.#socket.send(bytes, port, address, this.#onSent)
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#refused['socket-bytes'].value += 1
  }
}
