import { createSocket, type Socket } from 'node:dgram'

// A burst of notifications should wait for its turn and not be lost at our end.
const RECEIVE_BUFFER_BYTES = 1_048_576

/** A socket of its own, connected to the server: one remote more for that, and cheaper to send by. */
export class Endpoint {
  readonly #socket: Socket
  readonly #target: { readonly host: string; readonly port: number }
  #messageId = Math.floor(Math.random() * 0x1_0000)
  onDatagram: (datagram: Buffer) => void = () => {}

  constructor(target: { readonly host: string; readonly port: number }, onLost: (reason: string) => void) {
    this.#target = target
    this.#socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES })
    this.#socket.on('message', datagram => this.onDatagram(datagram))
    this.#socket.on('error', error => onLost(`an endpoint's socket failed: ${error.message}`))
  }

  async open(): Promise<void> {
    const { host, port } = this.#target
    await new Promise<void>(resolve => this.#socket.bind(0, host, () => resolve()))
    await new Promise<void>(resolve => this.#socket.connect(port, host, () => resolve()))
  }

  /** One after the other; they come around after 65,536. */
  takeMessageId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff
    return this.#messageId
  }

  /** The bytes may be used again when something was answered to them. */
  send(datagram: Uint8Array): void {
    this.#socket.send(datagram)
  }

  close(): void {
    this.#socket.close()
  }
}
