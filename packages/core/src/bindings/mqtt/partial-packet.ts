import { fixedHeaderBytesMax } from './fixed-header.ts'

// A packet may claim megabytes and then send nothing: room is made for what came, and doubled as more comes.
const firstCapacity = 1024

const nothing = new Uint8Array(0)

/**
 * The packet whose bytes have not all come yet: its fixed header, and then its body in one buffer that never grows past
 * the length that the header claims. Every byte is copied once on its way in, and at most twice more while the buffer grows.
 */
export class PartialPacket {
  readonly header: Uint8Array = new Uint8Array(fixedHeaderBytesMax)
  headerLength = 0
  /** What the fixed header claims; -1 until it is complete. */
  bodyTotal = -1
  #body: Uint8Array = nothing
  #bodyLength = 0

  get bytes(): number {
    return this.headerLength + this.#bodyLength
  }

  get missing(): number {
    return this.bodyTotal - this.#bodyLength
  }

  addHeader(chunk: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.header[this.headerLength++] = chunk[i]!
  }

  addBody(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#bodyLength + end - start
    if (length > this.#body.length) this.#grow(length)
    if (end - start === 1) this.#body[this.#bodyLength] = chunk[start]!
    else this.#body.set(chunk.subarray(start, end), this.#bodyLength)
    this.#bodyLength = length
  }

  /** The complete body, which is the receiver's from now on; the next packet gets a buffer of its own. */
  takeBody(): Uint8Array {
    const body = this.#body
    this.clear()
    return body
  }

  clear(): void {
    this.headerLength = 0
    this.bodyTotal = -1
    this.#body = nothing
    this.#bodyLength = 0
  }

  #grow(needed: number): void {
    const capacity = Math.min(this.bodyTotal, Math.max(needed, this.#body.length * 2, firstCapacity))
    const grown = new Uint8Array(capacity)
    grown.set(this.#body.subarray(0, this.#bodyLength))
    this.#body = grown
  }
}
