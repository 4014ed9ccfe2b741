import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { EventEmitter } from 'node:events'

/**
 * A UDP socket that hears its hub and nobody else. Being connected, it is also told where nobody listens there
 * (ICMP), which is the only way that UDP has to say so.
 */
export async function openSocket(host: string, port: number): Promise<Socket> {
  const { address, family } = await lookup(host, { order: 'ipv4first' })
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(port, address, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  return socket
}

/** The same as node-coap wants one: it names the address with every datagram, which a connected socket refuses. */
export class UnconnectedLook extends EventEmitter {
  readonly type: 'udp4' | 'udp6'
  readonly #socket: Socket

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    this.type = socket.remoteAddress().family === 'IPv6' ? 'udp6' : 'udp4'
    socket.on('message', (datagram, from) => this.emit('message', datagram, from))
  }

  send(bytes: Uint8Array, at: number, length: number, _port: number, _host: string, sent: (error: unknown) => void) {
    this.#socket.send(bytes, at, length, sent)
  }

  address() {
    return this.#socket.address()
  }
}
