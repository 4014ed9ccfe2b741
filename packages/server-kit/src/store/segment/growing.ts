import { writeVarint } from './format.ts'

const varintBytesMax = 8

/** A buffer that is written from its start, again and again, and keeps the room it has grown to. */
export class GrowingBuffer {
  bytes: Buffer
  at = 0
  readonly #startBytes: number

  constructor(startBytes: number) {
    this.#startBytes = startBytes
    this.bytes = Buffer.allocUnsafeSlow(startBytes)
  }

  clear(): void {
    this.at = 0
    // One giant segment must not be paid for ever.
    if (this.bytes.length > 64 * this.#startBytes) this.bytes = Buffer.allocUnsafeSlow(this.#startBytes)
  }

  reserve(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.at + bytes))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }

  varint(value: number): void {
    this.reserve(varintBytesMax)
    this.at = writeVarint(this.bytes, this.at, value)
  }

  /** Length and UTF-8. Most texts are short and ASCII, and for those a loop beats the call into the engine. */
  text(text: string): void {
    this.reserve(varintBytesMax + 3 * text.length)
    const { bytes } = this
    const { length } = text
    let at = writeVarint(bytes, this.at, length)
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) {
        const start = writeVarint(bytes, this.at, Buffer.byteLength(text))
        this.at = start + bytes.write(text, start)
        return
      }
      bytes[at++] = code
    }
    this.at = at
  }
}
