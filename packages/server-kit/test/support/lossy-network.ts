import { createSocket, type Socket } from 'node:dgram'
import { onTestFinished } from 'vitest'

export interface Losses {
  /** Shares of all datagrams, each way, 0 to 1. */
  readonly dropped: number
  readonly duplicated: number
  readonly delayed: number
  readonly delayMsMax: number
}

/** A network in front of a UDP port, that loses, repeats and reorders. Every client has an address of its own behind it. */
export class LossyNetwork {
  readonly port: number
  readonly #front: Socket
  readonly #behind = new Map<string, Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #losses: Losses
  #state: number
  dropped = 0

  private constructor(front: Socket, losses: Losses, seed: number) {
    this.#front = front
    this.port = front.address().port
    this.#losses = losses
    this.#state = seed
  }

  static async open(target: number, losses: Losses, seed = 1): Promise<LossyNetwork> {
    const front = createSocket('udp4')
    await new Promise<void>(resolve => front.bind(0, '127.0.0.1', resolve))
    const network = new LossyNetwork(front, losses, seed)
    front.on('message', (datagram, { address, port }) => {
      const behind = network.#socketOf(address, port)
      network.#pass(() => behind.send(datagram, target, '127.0.0.1'))
    })
    onTestFinished(() => network.close())
    return network
  }

  /** From now on; what is delayed already comes. */
  change(losses: Losses): void {
    this.#losses = losses
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#front.close()
    for (const socket of this.#behind.values()) socket.close()
    this.#behind.clear()
  }

  #socketOf(address: string, port: number): Socket {
    const key = `${address} ${port}`
    const known = this.#behind.get(key)
    if (known !== undefined) return known
    const socket = createSocket('udp4')
    socket.on('message', datagram => this.#pass(() => this.#front.send(datagram, port, address)))
    this.#behind.set(key, socket)
    return socket
  }

  #pass(send: () => void): void {
    const { dropped, duplicated, delayed, delayMsMax } = this.#losses
    const copies = this.#random() < duplicated ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (this.#random() < dropped) {
        this.dropped += 1
        continue
      }
      if (this.#random() >= delayed) send()
      else {
        const timer = setTimeout(() => {
          this.#timers.delete(timer)
          send()
        }, this.#random() * delayMsMax)
        this.#timers.add(timer)
      }
    }
  }

  /** The same in every run (Park and Miller's generator), as far as datagrams come in the same order. */
  #random(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647
    return this.#state / 2_147_483_647
  }
}
