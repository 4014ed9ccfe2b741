import { randomBytes } from 'node:crypto'
import { ThingmeshError } from '@thingmesh/core'
import {
  type Block,
  blockBytes,
  blockOffset,
  blockOption,
  type CoapMessage,
  type CoapOption,
  Code,
  findOption,
  noBytes,
  OptionNumber,
  parseBlock,
  sizeExponentMax,
  sliceBody,
  uintOption,
} from '@thingmesh/core/coap'
import type { CoapEndpoint, Outgoing } from './endpoint.ts'
import type { Answer } from './mapping.ts'

/** A larger body goes in blocks of 512 bytes: that leaves room for a long path and the key in a datagram of 1,152. */
const blockExponent = 5
/** Of one body of an answer. */
const bodyBytesMax = 8_388_608
/** No answer is wanted, of whatever class (RFC 7967, section 2.1). */
const noAnswer = uintOption(OptionNumber.noResponse, 0b11010)

/**
 * Requests whose bodies may be larger than a datagram, to a hub that may want to know that we are where we write from. All
 * reject with `timeout` or `unavailable`, and the outcome `unknown`; a refusal is an answer, for the caller to judge.
 */
export class CoapRequests {
  readonly #endpoint: CoapEndpoint

  constructor(endpoint: CoapEndpoint) {
    this.#endpoint = endpoint
  }

  /** A GET, and the whole of its answer. */
  async get(options: readonly CoapOption[]): Promise<Answer> {
    const value = await this.whole(await this.getFirst(options), options)
    if (value !== undefined) return value
    const fromTheStart = blockOption(OptionNumber.block2, { number: 0, more: false, sizeExponent: sizeExponentMax })
    const newer = await this.whole(await this.getFirst([...options, fromTheStart]), options)
    if (newer !== undefined) return newer
    throw new ThingmeshError('unavailable', 'the value changed while it was fetched', { outcome: 'unknown' })
  }

  /** A GET, and what comes of its answer in one. */
  getFirst(options: readonly CoapOption[], token?: Uint8Array): Promise<Answer> {
    return this.#ask({ code: Code.get, options, payload: noBytes }, token)
  }

  /**
   * The answer with the rest of its body, which is fetched from where `options` say. `undefined` where the rest is gone: what
   * has another ETag by then is the rest of something else (RFC 7959, section 2.4).
   */
  async whole(first: Answer, options: readonly CoapOption[]): Promise<Answer | undefined> {
    const parts = [first.payload]
    const tag = tagOf(first)
    let bytes = first.payload.length
    let block = blockOf(first, OptionNumber.block2)
    while (block?.more) {
      const { number, sizeExponent } = block
      const next = blockOption(OptionNumber.block2, { number: number + 1, more: false, sizeExponent })
      const answer = await this.#ask({ code: Code.get, options: [...options, next], payload: noBytes })
      if (answer.code !== Code.content || tagOf(answer) !== tag) return undefined
      bytes += answer.payload.length
      if (bytes > bodyBytesMax) {
        throw new ThingmeshError('too-large', `a message of more than ${bodyBytesMax} bytes`, { outcome: 'unknown' })
      }
      parts.push(answer.payload)
      block = blockOf(answer, OptionNumber.block2)
    }
    return parts.length === 1 ? first : { ...first, payload: new Uint8Array(Buffer.concat(parts)) }
  }

  /** Settles with the answer to all of it. */
  async send(request: Outgoing): Promise<Answer> {
    const { last, refusal } = await this.#allButLast(request)
    if (last === undefined) return refusal
    const answer = await this.#ask(last)
    // That another block may come says nothing of what became of the last one.
    if (answer.code !== Code.continue) return answer
    throw new ThingmeshError('unavailable', 'the hub asked for more of a body than there is', { outcome: 'unknown' })
  }

  /** Settles when it has left: whether it is refused, or lost, nobody wants to wait for. */
  async tell(request: Outgoing): Promise<void> {
    const { last } = await this.#allButLast(request)
    if (last === undefined) return
    this.#endpoint.tell('non-confirmable', { ...last, options: [...last.options, noAnswer] })
  }

  /** Sends every block but the last (RFC 7959, section 2.5): what asks for that one decides what becomes of the body. */
  async #allButLast(
    request: Outgoing,
  ): Promise<
    { readonly last: Outgoing; readonly refusal?: never } | { readonly last?: never; readonly refusal: Answer }
  > {
    const { code, options, payload } = request
    if (payload.length <= blockBytes(blockExponent)) return { last: request }
    // Tells its blocks from those of another body (RFC 9175, section 3).
    const tag = { number: OptionNumber.requestTag, value: randomBytes(4) }
    let wanted: Block = { number: 0, more: false, sizeExponent: blockExponent }
    for (;;) {
      const slice = sliceBody(payload, wanted, blockExponent)
      if (slice === undefined) throw new TypeError('a body has a block behind each that is not its last')
      const { block, bytes } = slice
      const part = { code, options: [...options, blockOption(OptionNumber.block1, block), tag], payload: bytes }
      if (!block.more) return { last: part }
      const answer = await this.#ask(part)
      if (answer.code !== Code.continue) return { refusal: answer }
      wanted = following(block, blockOf(answer, OptionNumber.block1))
    }
  }

  async #ask(request: Outgoing, token: Uint8Array = randomBytes(8)): Promise<CoapMessage> {
    const answer = await this.#endpoint.ask(request, token)
    const value = findOption(answer.options, OptionNumber.echo)
    if (answer.code !== Code.unauthorized || value === undefined) return answer
    // RFC 9175, section 2.3.
    const options = [...request.options, { number: OptionNumber.echo, value }]
    return this.#endpoint.ask({ ...request, options }, token)
  }
}

/** The next block, in smaller ones from here on where the hub wants that (RFC 7959, section 2.3). */
function following(sent: Block, told: Block | undefined): Block {
  const offset = blockOffset(sent) + blockBytes(sent.sizeExponent)
  const sizeExponent = Math.min(sent.sizeExponent, told?.sizeExponent ?? sent.sizeExponent)
  return { number: offset / blockBytes(sizeExponent), more: false, sizeExponent }
}

function tagOf({ options }: Answer): string {
  return Buffer.from(findOption(options, OptionNumber.eTag) ?? noBytes).toString('hex')
}

function blockOf({ options }: Answer, option: number): Block | undefined {
  const value = findOption(options, option)
  return value === undefined ? undefined : parseBlock(value)
}
