import { type CoapOption, decodeOptions, noBytes } from '@thingmesh/core/coap'
import type { Request } from './response.ts'

/** Where the parts of a datagram are. */
export interface RequestParts {
  readonly tokenEnd: number
  readonly optionsEnd: number
  readonly payloadAt: number
  /** The highest option number, -1 where there is no option. */
  readonly numberMax: number
}

const headerBytes = 4

/** A request as it came, well-formed: its parts are views, and what most are not asked for is made when somebody asks. */
export class UdpRequest implements Request {
  readonly code: number
  readonly messageId: number
  readonly confirmable: boolean
  readonly tokenLength: number
  readonly payload: Uint8Array
  readonly numberMax: number
  readonly datagram: Uint8Array
  readonly #optionsAt: number
  readonly #optionsEnd: number
  #options: readonly CoapOption[] | undefined

  constructor(datagram: Uint8Array, confirmable: boolean, parts: RequestParts) {
    const { tokenEnd, optionsEnd, payloadAt, numberMax } = parts
    this.code = datagram[1]!
    this.messageId = (datagram[2]! << 8) | datagram[3]!
    this.confirmable = confirmable
    this.tokenLength = tokenEnd - headerBytes
    this.payload = part(datagram, payloadAt, datagram.length)
    this.numberMax = numberMax
    this.datagram = datagram
    this.#optionsAt = tokenEnd
    this.#optionsEnd = optionsEnd
  }

  get token(): Uint8Array {
    return part(this.datagram, headerBytes, headerBytes + this.tokenLength)
  }

  tokenByte(i: number): number {
    return this.datagram[headerBytes + i]!
  }

  get optionBytes(): Uint8Array {
    return part(this.datagram, this.#optionsAt, this.#optionsEnd)
  }

  isWorded(words: Uint8Array): boolean {
    const { datagram } = this
    const start = this.#optionsAt
    if (words.length !== this.#optionsEnd - start) return false
    // There is a key in them: how far they are the same is told to nobody by the time that it takes.
    let difference = 0
    for (let i = 0; i < words.length; i++) difference |= words[i]! ^ datagram[start + i]!
    return difference === 0
  }

  get options(): readonly CoapOption[] {
    this.#options ??= decodeOptions(this.optionBytes, 0).options
    return this.#options
  }
}

/** Plain bytes, whatever the datagram is: it may be a `Buffer`, and a payload of it would be one too. */
function part({ buffer, byteOffset }: Uint8Array, start: number, end: number): Uint8Array {
  return start === end ? noBytes : new Uint8Array(buffer, byteOffset + start, end - start)
}
