/** Gets whole frames: `start` is the first byte, `body` the one after the remaining length, `end` the one past it. */
export interface FrameHandler {
  onFrame(bytes: Buffer, start: number, body: number, end: number): void
  /** All frames of one read have been handed over. */
  onReadEnd(): void
}

const FRAME_BYTES_MAX = 65_536

/** Cuts a byte stream into MQTT frames without copying; only a frame that straddles two reads is put together. */
export class FrameReader {
  // Made when it is needed: thousands of idle connections never do.
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0

  push(bytes: Buffer, length: number, handler: FrameHandler): void {
    let from = this.#heldBytes > 0 ? this.#completeHeld(bytes, length, handler) : 0
    while (length - from >= 2) {
      const body = bodyAt(bytes, from, length)
      if (body === 0) break
      const end = body + remainingLength(bytes, from)
      if (end > length) break
      handler.onFrame(bytes, from, body, end)
      from = end
    }
    if (from < length) {
      if (length - from > FRAME_BYTES_MAX)
        throw new Error('the broker sent a frame longer than the bench ever asks for')
      if (this.#held.length === 0) this.#held = Buffer.alloc(FRAME_BYTES_MAX)
      bytes.copy(this.#held, 0, from, length)
      this.#heldBytes = length - from
    }
    handler.onReadEnd()
  }

  /** Returns where the next frame starts in `bytes`. */
  #completeHeld(bytes: Buffer, length: number, handler: FrameHandler): number {
    let from = 0
    let body = bodyAt(this.#held, 0, this.#heldBytes)
    while (body === 0 && from < length) {
      this.#held[this.#heldBytes++] = bytes[from++]!
      body = bodyAt(this.#held, 0, this.#heldBytes)
    }
    if (body === 0) return length
    const end = body + remainingLength(this.#held, 0)
    if (end > FRAME_BYTES_MAX) throw new Error('the broker sent a frame longer than the bench ever asks for')
    const taken = Math.min(end - this.#heldBytes, length - from)
    bytes.copy(this.#held, this.#heldBytes, from, from + taken)
    this.#heldBytes += taken
    if (this.#heldBytes < end) return length
    this.#heldBytes = 0
    handler.onFrame(this.#held, 0, body, end)
    return from + taken
  }
}

/** Where the remaining length ends, or 0 while it is not complete. */
function bodyAt(bytes: Uint8Array, from: number, length: number): number {
  for (let i = from + 1; i < length; i++) {
    if (bytes[i]! < 0x80) return i + 1
    if (i - from === 4) throw new Error('the broker sent a remaining length of more than 4 bytes')
  }
  return 0
}

function remainingLength(bytes: Uint8Array, from: number): number {
  let value = 0
  let shift = 0
  for (let i = from + 1; ; i++) {
    const byte = bytes[i]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value
    shift += 7
  }
}
