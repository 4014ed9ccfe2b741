import { ThingmeshError } from '@thingmesh/core'
import {
  type Block,
  blockBytes,
  blockOffset,
  blockOption,
  type CoapOption,
  Code,
  findOption,
  findUint,
  OptionNumber,
  parseBlock,
  uintOption,
} from '@thingmesh/core/coap'
import type { CoapCounters } from './counters.ts'
import type { ServiceLimits } from './options.ts'
import { emptyResponse, type Request, type Response } from './response.ts'
import type { Transfers, Upload } from './transfers.ts'

/** What came of a request's body so far. */
export type Uploaded =
  | { readonly body: Uint8Array; readonly options: readonly CoapOption[] }
  | { readonly answer: Response }

/** Bodies of requests, from their blocks (RFC 7959, section 2.5). */
export class Uploads {
  readonly #transfers: Transfers
  readonly #bodyBytesMax: number
  readonly #counters: CoapCounters
  readonly #nowMs: () => number

  constructor(transfers: Transfers, limits: ServiceLimits, counters: CoapCounters, nowMs: () => number) {
    this.#transfers = transfers
    this.#bodyBytesMax = limits.bodyBytesMax
    this.#counters = counters
    this.#nowMs = nowMs
  }

  /**
   * The body, once it is whole, with the options that its answer has to carry; before that, the answer that asks for more.
   * `key` stands for peer and resource. Throws what refuses the block.
   */
  take(key: string, { options, payload }: Request): Uploaded {
    const value = findOption(options, OptionNumber.block1)
    this.#checkSize(findUint(options, OptionNumber.size1) ?? 0)
    if (value === undefined) return { body: payload, options: [] }
    const block = parseBlock(value)
    const format = findUint(options, OptionNumber.contentFormat)
    checkWhole(block, payload)
    const tag = toTag(options)
    if (block.number === 0) this.#begin(key, format, tag)
    const upload = this.#transfers.upload(key)
    const expected = upload?.bytes ?? 0
    const offset = blockOffset(block)
    const isOfIt = upload?.format === format && upload?.tag === tag
    if (upload === undefined || !isOfIt || offset > expected) throw incomplete(isOfIt ? expected : 0, offset)
    const told = [blockOption(OptionNumber.block1, block)]
    // One that came before, under another message id: it is answered as it was.
    if (offset < expected) {
      if (block.more && offset + payload.length <= expected) return { answer: emptyResponse(Code.continue, told) }
      throw incomplete(expected, offset)
    }
    this.#add(upload, payload)
    if (block.more) return { answer: emptyResponse(Code.continue, told) }
    const body = concat(upload.blocks, upload.bytes)
    this.#transfers.end(key)
    return { body, options: told }
  }

  #begin(key: string, format: number | undefined, tag: string): void {
    this.#transfers.begin({ kind: 'upload', key, format, tag, blocks: [], bytes: 0, lastUsedMs: this.#nowMs() })
  }

  #add(upload: Upload, payload: Uint8Array): void {
    try {
      this.#checkSize(upload.bytes + payload.length)
    } catch (error) {
      this.#transfers.end(upload.key)
      throw error
    }
    this.#transfers.use(upload, payload.length)
    // A copy: what came is a part of a datagram, which is not to be kept for it.
    upload.blocks.push(payload.slice())
  }

  #checkSize(bytes: number): void {
    if (bytes <= this.#bodyBytesMax) return
    this.#counters.refused['body-bytes'].value += 1
    const found = `a body of ${bytes} bytes or more, the limit is ${this.#bodyBytesMax}`
    throw new ThingmeshError('too-large', found, { details: { size1: this.#bodyBytesMax, found: bytes } })
  }
}

/** What a 4.13 tells besides: how much there may be (RFC 7959, section 4). */
export function sizeOptions(error: ThingmeshError): readonly CoapOption[] {
  const { size1 } = error.details
  return typeof size1 === 'number' ? [uintOption(OptionNumber.size1, size1)] : []
}

/** Every block but the last is full (RFC 7959, section 2.2). */
function checkWhole(block: Block, payload: Uint8Array): void {
  const bytes = blockBytes(block.sizeExponent)
  if (payload.length > bytes || (block.more && payload.length < bytes)) {
    throw new ThingmeshError('invalid-argument', `a block of ${payload.length} bytes that says it has ${bytes}`)
  }
}

function toTag(options: readonly CoapOption[]): string {
  const tags = options.filter(({ number }) => number === OptionNumber.requestTag)
  return tags.map(({ value }) => Buffer.from(value).toString('hex')).join(' ')
}

function incomplete(expected: number, offset: number): ThingmeshError {
  return new ThingmeshError('conflict', `a block from byte ${offset}, expected is one from byte ${expected}`, {
    details: { coapCode: Code.requestEntityIncomplete },
  })
}

function concat(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
