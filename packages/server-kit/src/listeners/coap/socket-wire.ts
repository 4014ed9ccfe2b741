import type { Socket } from 'node:dgram'
import type { Counter } from '../../contracts/index.ts'
import type { CoapCounters } from './counters.ts'
import type { CoapLimits } from './options.ts'
import type { Wire } from './wire.ts'

/** To be told what became of a datagram costs a tenth of a request, so it is asked of one in so many. */
const askedOf = 16

/** A UDP socket. What the system does not take goes nowhere, as on the way: who waits for it asks again. */
export class SocketWire implements Wire {
  readonly #socket: Socket
  readonly #bytesMax: number
  readonly #refused: CoapCounters['refused']
  readonly #unsent: Counter
  /** What waited in the socket when it was last looked at, and all that was sent since: never less than what waits. */
  #waitingMax = 0
  #untilAsked = 0

  constructor(socket: Socket, { socketBytesMax }: CoapLimits, { refused, unsent }: CoapCounters) {
    this.#socket = socket
    this.#bytesMax = socketBytesMax
    this.#refused = refused
    this.#unsent = unsent
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
    if (this.#untilAsked > 0) {
      this.#untilAsked -= 1
      this.#socket.send(bytes, port, address)
      return
    }
    this.#untilAsked = askedOf - 1
    this.#socket.send(bytes, port, address, this.#onSent)
  }

  /** A fault that lasts, of a route or of a firewall, shows; one that is gone with the next datagram is one of the network's. */
  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#unsent.value += askedOf
  }
}
