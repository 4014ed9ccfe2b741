import type { Wire } from './connection.ts'

const REPLIES_PER_WRITE = 16_384
const REPLY_BYTES = 4

/** Acknowledgements of every kind, all of one read in one write. */
export class Replies {
  readonly #connection: Wire
  readonly #bytes = Buffer.alloc(REPLIES_PER_WRITE * REPLY_BYTES)
  #used = 0

  constructor(connection: Wire) {
    this.#connection = connection
  }

  add(firstByte: number, packetId: number): void {
    const bytes = this.#bytes
    bytes[this.#used++] = firstByte
    bytes[this.#used++] = 2
    bytes[this.#used++] = packetId >>> 8
    bytes[this.#used++] = packetId & 0xff
    if (this.#used === bytes.length) this.flush()
  }

  flush(): void {
    if (this.#used === 0) return
    this.#connection.write(Buffer.from(this.#bytes.subarray(0, this.#used)))
    this.#used = 0
  }
}
