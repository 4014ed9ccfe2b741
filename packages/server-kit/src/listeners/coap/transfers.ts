import { ThingmeshError } from '@thingmesh/core'
import type { CoapOption } from '@thingmesh/core/coap'
import type { CoapCounters } from './counters.ts'
import type { ServiceLimits } from './options.ts'

interface TransferFacts {
  /** Stands for peer, resource and direction. */
  readonly key: string
  /** What it holds. */
  bytes: number
  lastUsedMs: number
}

/** A body that comes in blocks. */
export interface Upload extends TransferFacts {
  readonly kind: 'upload'
  readonly format: number | undefined
  /** Tells this body's blocks from those of another one (RFC 9175, section 3). */
  readonly tag: string
  readonly blocks: Uint8Array[]
}

/** A body that goes in blocks. */
export interface Download extends TransferFacts {
  readonly kind: 'download'
  readonly options: readonly CoapOption[]
  readonly body: Uint8Array
  /** The last block was sent; kept in case that was lost on the way, and while there is room. */
  isSent: boolean
  /** Of a notification: it was sent whole, or will not be. Called once. */
  readonly onEnd: (() => void) | undefined
}

type Transfer = Upload | Download

/**
 * The bodies under way, uploads and downloads alike: one for each peer and resource, bounded in number and in bytes, each
 * ended when its next block does not come.
 */
export class Transfers {
  /** The one used longest ago comes first. */
  readonly #transfers = new Map<string, Transfer>()
  readonly #limits: ServiceLimits
  readonly #counters: CoapCounters
  readonly #nowMs: () => number
  #bytes = 0

  constructor(limits: ServiceLimits, counters: CoapCounters, nowMs: () => number) {
    this.#limits = limits
    this.#counters = counters
    this.#nowMs = nowMs
  }

  get count(): number {
    return this.#transfers.size
  }

  get bytes(): number {
    return this.#bytes
  }

  upload(key: string): Upload | undefined {
    const transfer = this.#transfers.get(key)
    return transfer?.kind === 'upload' ? transfer : undefined
  }

  download(key: string): Download | undefined {
    const transfer = this.#transfers.get(key)
    return transfer?.kind === 'download' ? transfer : undefined
  }

  /** In place of one under the same key. Throws `unavailable` where there is no room. */
  begin(transfer: Transfer): void {
    this.end(transfer.key)
    const { transfersMax } = this.#limits
    if (!this.#hasRoom(() => this.#transfers.size < transfersMax)) {
      this.#counters.refused.transfers.value += 1
      throw full(`${this.#transfers.size} block-wise transfers`, transfersMax)
    }
    this.#take(transfer.bytes)
    this.#transfers.set(transfer.key, transfer)
  }

  /** It has come on, and holds more bytes than before. Throws `unavailable` where there is no room for them, and ends it. */
  use(transfer: Transfer, moreBytes: number): void {
    try {
      this.#take(moreBytes)
    } catch (error) {
      this.end(transfer.key)
      throw error
    }
    transfer.bytes += moreBytes
    transfer.lastUsedMs = this.#nowMs()
    this.#transfers.delete(transfer.key)
    this.#transfers.set(transfer.key, transfer)
  }

  end(key: string): void {
    // Mostly there are none: then the key is not even put together.
    if (this.#transfers.size === 0) return
    const transfer = this.#transfers.get(key)
    if (transfer === undefined) return
    this.#transfers.delete(key)
    this.#bytes -= transfer.bytes
    if (transfer.kind === 'download' && !transfer.isSent) transfer.onEnd?.()
  }

  tick(): void {
    const nowMs = this.#nowMs()
    for (const transfer of this.#transfers.values()) {
      if (nowMs - transfer.lastUsedMs < this.#limits.transferIdleMs) return
      if (transfer.kind === 'upload' || !transfer.isSent) this.#counters.refused['transfer-idle'].value += 1
      this.end(transfer.key)
    }
  }

  #take(bytes: number): void {
    const { transfersBytesMax } = this.#limits
    if (!this.#hasRoom(() => this.#bytes + bytes <= transfersBytesMax)) {
      this.#counters.refused['transfers-bytes'].value += 1
      throw full(`${this.#bytes} bytes in block-wise transfers`, transfersBytesMax)
    }
    this.#bytes += bytes
  }

  /** What was sent whole makes room. */
  #hasRoom(isEnough: () => boolean): boolean {
    if (isEnough()) return true
    for (const transfer of this.#transfers.values()) {
      if (transfer.kind === 'upload' || !transfer.isSent) continue
      this.end(transfer.key)
      if (isEnough()) return true
    }
    return false
  }
}

function full(found: string, limit: number): ThingmeshError {
  return new ThingmeshError('unavailable', `${found}, the limit is ${limit}`)
}
