import { ThingmeshError } from '../../errors/index.ts'
import { decodeFrame, decodeFrameHeader, type FrameHeader } from './frames.ts'
import type { CoapBody } from './message.ts'
import { noBytes } from './message.ts'

const initialBytes = 64

/**
 * Turns bytes of a TCP connection into messages, as they come, in time linear in the bytes however they are cut. A chunk
 * belongs to the parser once it was pushed: tokens, options and payloads may be views of it.
 */
export class FrameParser {
  readonly #messageBytesMax: number
  /** The beginning of a frame that is not whole. */
  #partial: Uint8Array = noBytes
  #used = 0
  #failure: unknown

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax
  }

  /** Bytes that were pushed and are no message yet. */
  get bufferedBytes(): number {
    return this.#used
  }

  /**
   * Calls `onMessage` for each message that is whole. Throws `invalid-argument`, and `too-large` from the first bytes that
   * tell; after that every push throws the same again.
   */
  push(chunk: Uint8Array, onMessage: (message: CoapBody) => void): void {
    if (this.#failure !== undefined) throw this.#failure
    try {
      this.#parse(chunk, onMessage)
    } catch (error) {
      this.#failure = error
      this.#partial = noBytes
      this.#used = 0
      throw error
    }
  }

  #parse(chunk: Uint8Array, onMessage: (message: CoapBody) => void): void {
    let at = this.#used > 0 ? this.#finish(chunk, onMessage) : 0
    while (at < chunk.length) {
      const header = this.#header(chunk, at, chunk.length)
      if (header === undefined || at + header.bytes > chunk.length) {
        this.#keep(chunk.subarray(at))
        return
      }
      onMessage(decodeFrame(chunk.subarray(at, at + header.bytes), header))
      at += header.bytes
    }
  }

  /** Goes on with the frame that an earlier chunk began; gives where it ends, or where the chunk does. */
  #finish(chunk: Uint8Array, onMessage: (message: CoapBody) => void): number {
    let at = 0
    let header = this.#header(this.#partial, 0, this.#used)
    while (header === undefined && at < chunk.length) {
      this.#keep(chunk.subarray(at, ++at))
      header = this.#header(this.#partial, 0, this.#used)
    }
    if (header === undefined) return at
    const end = Math.min(chunk.length, at + header.bytes - this.#used)
    this.#keep(chunk.subarray(at, end))
    if (this.#used < header.bytes) return end
    const frame = this.#partial.subarray(0, this.#used)
    this.#partial = noBytes
    this.#used = 0
    onMessage(decodeFrame(frame, header))
    return end
  }

  #header(bytes: Uint8Array, start: number, end: number): FrameHeader | undefined {
    const header = decodeFrameHeader(bytes, start, end)
    if (header !== undefined && header.bytes > this.#messageBytesMax) {
      const text = `message of ${header.bytes} bytes, the limit is ${this.#messageBytesMax}`
      throw new ThingmeshError('too-large', text, { details: { found: header.bytes, limit: this.#messageBytesMax } })
    }
    return header
  }

  /** Memory grows with what came, not with what a header claims. */
  #keep(bytes: Uint8Array): void {
    const needed = this.#used + bytes.length
    if (needed > this.#partial.length) {
      const grown = new Uint8Array(Math.max(needed, this.#partial.length * 2, initialBytes))
      grown.set(this.#partial.subarray(0, this.#used))
      this.#partial = grown
    }
    this.#partial.set(bytes, this.#used)
    this.#used = needed
  }
}
