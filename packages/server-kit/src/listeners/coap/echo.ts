import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type CoapOption, OptionNumber } from '@thingmesh/core/coap'
import type { Remote } from './remote.ts'

const stampBytes = 4
const proofBytes = 8

/**
 * Echo option values (RFC 9175, section 2): a time and a proof that it was this hub who told it to this address. Nothing
 * is kept for an address that has not shown that it hears us.
 */
export class EchoValues {
  readonly #key = randomBytes(32)
  readonly #lifetimeSeconds: number
  readonly #nowMs: () => number

  constructor(lifetimeMs: number, nowMs: () => number) {
    this.#lifetimeSeconds = Math.ceil(lifetimeMs / 1000)
    this.#nowMs = nowMs
  }

  /** For the peer to send back. */
  option({ key }: Remote): CoapOption {
    const value = new Uint8Array(stampBytes + proofBytes)
    new DataView(value.buffer).setUint32(0, Math.floor(this.#nowMs() / 1000))
    value.set(this.#prove(value.subarray(0, stampBytes), key), stampBytes)
    return { number: OptionNumber.echo, value }
  }

  isValid(value: Uint8Array, { key }: Remote): boolean {
    if (value.length !== stampBytes + proofBytes) return false
    const stamp = value.subarray(0, stampBytes)
    const madeAt = new DataView(value.buffer, value.byteOffset, stampBytes).getUint32(0)
    const age = Math.floor(this.#nowMs() / 1000) - madeAt
    if (age < 0 || age > this.#lifetimeSeconds) return false
    return timingSafeEqual(value.subarray(stampBytes), this.#prove(stamp, key))
  }

  #prove(stamp: Uint8Array, remoteKey: string): Uint8Array {
    return createHmac('sha256', this.#key).update(stamp).update(remoteKey).digest().subarray(0, proofBytes)
  }
}
