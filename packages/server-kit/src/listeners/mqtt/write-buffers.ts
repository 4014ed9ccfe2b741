const size = 16 * 1024
const keptMax = 512

/** Buffers that connections gather a turn's writes in, shared by all connections of a listener: an idle one holds none. */
export class WriteBuffers {
  readonly #free: Uint8Array[] = []

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(size)
  }

  /** Takes back what was taken, whole or as the part that was filled; anything else is left to the collector. */
  give({ buffer }: Uint8Array): void {
    if (buffer.byteLength === size && this.#free.length < keptMax)
      this.#free.push(new Uint8Array(buffer as ArrayBuffer))
  }
}
