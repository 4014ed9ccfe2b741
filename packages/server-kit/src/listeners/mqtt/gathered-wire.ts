import type { ThingmeshError } from '@thingmesh/core'
import type { Carrier } from './carrier.ts'
import type { Wire } from './wire.ts'
import type { WriteBuffers } from './write-buffers.ts'

export interface GatheredWireContext {
  readonly buffers: WriteBuffers
  readonly socketBytesMax: number
  /** Where that much has waited, `onDrained` follows. Not above what may wait. */
  readonly drainBytesMin: number
  /** Calls `flush` at the end of the event loop's turn. */
  schedule(wire: GatheredWire): void
  /** The peer broke a rule. */
  onFailed(error: ThingmeshError): void
}

/** Gathers what a connection writes during one turn of the event loop into one write. */
export class GatheredWire implements Wire {
  readonly #carrier: Carrier
  readonly #context: GatheredWireContext
  readonly #onDrained: () => void
  #buffer: Uint8Array | undefined
  #used = 0
  /** Full buffers of this turn. */
  #full: Uint8Array[] = []
  #fullBytes = 0
  /** Buffers that the carrier has, oldest first. */
  readonly #written: Uint8Array[] = []
  #ending = false
  #scheduled = false
  #drains = false

  constructor(carrier: Carrier, context: GatheredWireContext, onDrained: () => void) {
    this.#carrier = carrier
    this.#context = context
    this.#onDrained = onDrained
  }

  get #waitingBytes(): number {
    return this.#carrier.writableLength + this.#fullBytes + this.#used
  }

  get isFull(): boolean {
    return this.#ending || this.#carrier.writableLength + this.#fullBytes >= this.#context.socketBytesMax
  }

  write(bytes: Uint8Array): void {
    if (this.#ending) return
    const at = this.#reserve(bytes.length)
    if (at < 0) this.#takeWhole(bytes.slice())
    else this.#buffer!.set(bytes, at)
  }

  writePublish(bytes: Uint8Array, packetIdOffset: number, packetId: number, dup: boolean): void {
    if (this.#ending) return
    let at = this.#reserve(bytes.length)
    let buffer = this.#buffer
    if (at < 0) {
      at = 0
      buffer = bytes.slice()
      this.#takeWhole(buffer)
    } else buffer!.set(bytes, at)
    buffer![at + packetIdOffset] = packetId >> 8
    buffer![at + packetIdOffset + 1] = packetId
    if (dup) buffer![at]! |= 0x08
  }

  pause(): void {
    this.#carrier.pause()
  }

  resume(): void {
    this.#carrier.resume()
  }

  end(error?: ThingmeshError): void {
    if (this.#ending) return
    if (error !== undefined) this.#context.onFailed(error)
    this.flush()
    this.#ending = true
    this.#carrier.end(error)
  }

  flush(): void {
    this.#scheduled = false
    if (this.#ending || this.#carrier.isDestroyed) return
    if (this.#waitingBytes >= this.#context.drainBytesMin) this.#drains = true
    if (this.#full.length === 0) this.#flushPart()
    else {
      this.#carrier.cork()
      for (const bytes of this.#full) {
        this.#written.push(bytes)
        this.#carrier.write(bytes, this.#onWritten)
      }
      this.#full = []
      this.#fullBytes = 0
      this.#flushPart()
      this.#carrier.uncork()
    }
  }

  readonly #onWritten = (): void => {
    const buffer = this.#written.shift()
    if (buffer !== undefined) this.#context.buffers.give(buffer)
    if (!this.#drains || this.#carrier.writableLength > 0) return
    this.#drains = false
    this.#onDrained()
  }

  #flushPart(): void {
    if (this.#used === 0) return
    const buffer = this.#buffer!
    this.#written.push(buffer)
    this.#carrier.write(new Uint8Array(buffer.buffer, 0, this.#used), this.#onWritten)
    this.#buffer = undefined
    this.#used = 0
  }

  /** Where in the current buffer the bytes go, -1 where they fill more than one. */
  #reserve(length: number): number {
    if (!this.#scheduled) {
      this.#scheduled = true
      this.#context.schedule(this)
    }
    this.#buffer ??= this.#context.buffers.take()
    if (this.#used + length > this.#buffer.length) {
      if (this.#used > 0) this.#moveToFull()
      if (length > this.#buffer.length) return -1
    }
    const at = this.#used
    this.#used += length
    return at
  }

  #moveToFull(): void {
    this.#takeWhole(this.#used === this.#buffer!.length ? this.#buffer! : this.#buffer!.subarray(0, this.#used))
    this.#buffer = this.#context.buffers.take()
    this.#used = 0
  }

  #takeWhole(bytes: Uint8Array): void {
    this.#full.push(bytes)
    this.#fullBytes += bytes.length
  }
}
