import { Socket } from 'node:net'
import { CONNACK, DISCONNECT, encodeConnect, encodeSubscribe, PINGREQ, PINGRESP, SUBACK } from './frames.ts'
import type { ClientSpec, Qos } from './job.ts'
import { type FrameHandler, FrameReader } from './reader.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
// Longer than any run, so that no PINGREQ gets into the figures.
const KEEP_ALIVE_SECONDS = 1_200

// What a hub takes in one packet by default.
const FILTERS_PER_SUBSCRIBE = 16

/** What those who speak over a connection need of it. */
export type Wire = Pick<Connection, 'handle' | 'write'>

/** A raw socket that says CONNECT; frames that it does not wait for itself go to its handler. */
export class Connection {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #label: string
  readonly #options: ConstructorParameters<typeof Connection>[0]
  #handler: FrameHandler | undefined
  #expect: { type: number; settle: (answer: Buffer | Error) => void } | undefined
  #closing = false
  #error = ''

  /**
   * `readBuffer` is lent to every socket in turn: a read is handled before the next one starts, so one buffer that
   * stays in the cache serves all.
   */
  constructor(options: {
    host: string
    port: number
    spec: ClientSpec
    readBuffer: Buffer
    onLost: (reason: string) => void
  }) {
    const { readBuffer } = options
    this.#options = options
    this.#label = options.spec.clientId
    this.#socket = new Socket({
      onread: {
        buffer: readBuffer,
        callback: (length: number) => {
          this.#receive(readBuffer, length)
          return true
        },
      },
    })
    this.#socket.setNoDelay(true)
    this.#socket.on('error', error => {
      this.#error = error.message
    })
    this.#socket.on('close', () => this.#closed())
  }

  /** Settles after a positive CONNACK. */
  async connect(): Promise<{ readonly sessionPresent: boolean }> {
    const { host, port, spec } = this.#options
    const answered = this.#await(CONNACK)
    this.#socket.connect({ host, port }, () => {
      this.#socket.write(encodeConnect({ ...spec, keepAliveSeconds: KEEP_ALIVE_SECONDS }))
    })
    const connack = await answered
    if (connack[3] !== 0) throw new Error(`${this.#label}: CONNECT refused with code ${connack[3]}`)
    return { sessionPresent: (connack[2]! & 1) === 1 }
  }

  async subscribe(filters: readonly string[], qos: Qos): Promise<void> {
    for (let from = 0; from < filters.length; from += FILTERS_PER_SUBSCRIBE) {
      const some = filters.slice(from, from + FILTERS_PER_SUBSCRIBE)
      const answered = this.#await(SUBACK)
      this.#socket.write(encodeSubscribe(1, some, qos))
      const codes = (await answered).subarray(4)
      const refused = codes.find(code => code !== qos)
      if (codes.length !== some.length || refused !== undefined) {
        throw new Error(`${this.#label}: SUBSCRIBE at QoS ${qos} answered with code ${refused}`)
      }
    }
  }

  /** One PINGREQ; settles with the answer. */
  async ping(): Promise<void> {
    const answered = this.#await(PINGRESP)
    this.#socket.write(PINGREQ)
    await answered
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

  /** Says goodbye and settles when the broker has closed its side too. */
  closed(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#socket.once('close', () => resolve()))
    this.close()
    return closed
  }

  #receive(bytes: Buffer, length: number): void {
    try {
      this.#reader.push(bytes, length, this.#handler === undefined || this.#expect ? this.#handshake : this.#handler)
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error)
      this.#socket.destroy()
    }
  }

  readonly #handshake: FrameHandler = {
    onFrame: (bytes, start, body, end) => {
      const expected = this.#expect
      if (expected && bytes[start]! >> 4 === expected.type) expected.settle(Buffer.from(bytes.subarray(start, end)))
      // A kept session's messages may come in one read with the CONNACK.
      else this.#handler?.onFrame(bytes, start, body, end)
    },
    onReadEnd: () => this.#handler?.onReadEnd(),
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
    else if (!this.#closing) this.#options.onLost(reason)
  }
}
