import type { Socket } from 'node:net'
import type { ThingmeshError } from '@thingmesh/core'
import type { Wire } from './wire.ts'
import type { WriteBuffers } from './write-buffers.ts'

export interface TcpWireContext {
  readonly buffers: WriteBuffers
  readonly socketBytesMax: number
  /** Calls `flush` at the end of the event loop's turn. */
  schedule(wire: TcpWire): void
  /** The peer broke a rule. */
  onFailed(error: ThingmeshError): void
}

/** Gathers what a connection writes during one turn of the event loop into one write. */
export class TcpWire implements Wire {
  readonly #socket: Socket
  readonly #context: TcpWireContext
  #buffer: Uint8Array | undefined
  #used = 0
  /** Full buffers of this turn. */
  #full: Uint8Array[] = []
  #fullBytes = 0
  /** Buffers that the socket has, oldest first. */
  readonly #written: Uint8Array[] = []
  #ending = false
  #scheduled = false

  constructor(socket: Socket, context: TcpWireContext) {
    this.#socket = socket
    this.#context = context
  }

  get waitingBytes(): number {
    return this.#socket.writableLength + this.#fullBytes + this.#used
  }

  get isFull(): boolean {
    return this.#ending || this.#socket.writableLength + this.#fullBytes >= this.#context.socketBytesMax
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
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(error?: ThingmeshError): void {
    if (this.#ending) return
    if (error !== undefined) this.#context.onFailed(error)
    this.flush()
    this.#ending = true
    this.#socket.end()
    // A peer that broke a rule, or is told to go, need not close its side.
    this.#socket.destroySoon()
  }

  flush(): void {
    this.#scheduled = false
    if (this.#ending || this.#socket.destroyed) return
    if (this.#full.length === 0) this.#flushPart()
    else {
      this.#socket.cork()
      for (const bytes of this.#full) {
        this.#written.push(bytes)
        this.#socket.write(bytes, this.#onWritten)
      }
      this.#full = []
      this.#fullBytes = 0
      this.#flushPart()
      this.#socket.uncork()
    }
  }

  readonly #onWritten = (): void => {
    const buffer = this.#written.shift()
    if (buffer !== undefined) this.#context.buffers.give(buffer)
  }

  #flushPart(): void {
    if (this.#used === 0) return
    const buffer = this.#buffer!
    this.#written.push(buffer)
    this.#socket.write(new Uint8Array(buffer.buffer, 0, this.#used), this.#onWritten)
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
