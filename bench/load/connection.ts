import { Socket } from 'node:net'
import { CONNACK, DISCONNECT, encodeConnect, encodeSubscribe, SUBACK } from './frames.ts'
import type { ClientSpec, Qos } from './job.ts'
import { type FrameHandler, FrameReader } from './reader.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
// Longer than any run, so that no PINGREQ gets into the figures.
const KEEP_ALIVE_SECONDS = 1_200

/** A raw socket that has said CONNECT; frames go to one handler at a time. */
export class Connection {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #label: string
  readonly #onLost: (reason: string) => void
  #handler: FrameHandler | undefined
  #expect: { type: number; settle: (answer: Buffer | Error) => void } | undefined
  #closing = false
  #error = ''

  private constructor(socket: Socket, label: string, onLost: (reason: string) => void) {
    this.#socket = socket
    this.#label = label
    this.#onLost = onLost
  }

  /**
   * Settles after a positive CONNACK. `readBuffer` is lent to every socket in turn: a read is handled before the next
   * one starts, so one buffer that stays in the cache serves all.
   */
  static async open(options: {
    host: string
    port: number
    spec: ClientSpec
    readBuffer: Buffer
    onLost: (reason: string) => void
  }): Promise<Connection> {
    const { host, port, spec, readBuffer, onLost } = options
    let receive: (length: number) => void = () => {}
    const socket = new Socket({
      onread: {
        buffer: readBuffer,
        callback: (length: number) => {
          receive(length)
          return true
        },
      },
    })
    const connection = new Connection(socket, spec.clientId, onLost)
    receive = length => connection.#receive(readBuffer, length)
    socket.setNoDelay(true)
    socket.on('error', error => {
      connection.#error = error.message
    })
    socket.on('close', () => connection.#closed())
    const answered = connection.#await(CONNACK)
    socket.connect({ host, port }, () => {
      socket.write(encodeConnect({ ...spec, keepAliveSeconds: KEEP_ALIVE_SECONDS }))
    })
    const connack = await answered
    if (connack[3] !== 0) throw new Error(`${spec.clientId}: CONNECT refused with code ${connack[3]}`)
    return connection
  }

  async subscribe(filter: string, qos: Qos): Promise<void> {
    const answered = this.#await(SUBACK)
    this.#socket.write(encodeSubscribe(1, filter, qos))
    const suback = await answered
    if (suback[4] !== qos) throw new Error(`${this.#label}: SUBSCRIBE at QoS ${qos} answered with code ${suback[4]}`)
  }

  handle(handler: FrameHandler, onDrain: () => void): void {
    this.#handler = handler
    this.#socket.on('drain', onDrain)
  }

  /** True when the kernel took it all: then `bytes` may be used again. False: wait for the drain. */
  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes)
    return this.#socket.writableLength === 0
  }

  close(): void {
    this.#closing = true
    this.#socket.end(DISCONNECT)
  }

  destroy(): void {
    this.#closing = true
    this.#socket.destroy()
  }

  #receive(bytes: Buffer, length: number): void {
    try {
      this.#reader.push(bytes, length, this.#handler ?? this.#handshake)
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error)
      this.#socket.destroy()
    }
  }

  readonly #handshake: FrameHandler = {
    onFrame: (bytes, start, _body, end) => {
      const expected = this.#expect
      if (expected && bytes[start]! >> 4 === expected.type) expected.settle(Buffer.from(bytes.subarray(start, end)))
    },
    onReadEnd: () => {},
  }

  #await(type: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#expect?.settle(new Error(`${this.#label}: no answer to the handshake in ${HANDSHAKE_TIMEOUT_MS} ms`))
      }, HANDSHAKE_TIMEOUT_MS)
      const settle = (answer: Buffer | Error): void => {
        clearTimeout(timer)
        this.#expect = undefined
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      }
      this.#expect = { type, settle }
    })
  }

  #closed(): void {
    const reason = `${this.#label}: connection lost${this.#error === '' ? '' : ` (${this.#error})`}`
    if (this.#expect) this.#expect.settle(new Error(reason))
    else if (!this.#closing) this.#onLost(reason)
  }
}
