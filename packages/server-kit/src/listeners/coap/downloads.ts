import { ThingmeshError } from '@thingmesh/core'
import {
  type Block,
  blockBytes,
  blockOption,
  type CoapOption,
  Code,
  findOption,
  OptionNumber,
  parseBlock,
  sizeExponentMax,
  sliceBody,
  uintOption,
} from '@thingmesh/core/coap'
import type { Remote } from './remote.ts'
import type { Request, Response } from './response.ts'
import type { Transfers } from './transfers.ts'

/** A body that is told in as many answers as it takes. */
export interface Content {
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array
}

/** The block that a request asks for; the first one, as large as may be, where it does not say. */
export function wantedBlock({ options }: Request): Block | undefined {
  const value = findOption(options, OptionNumber.block2)
  return value === undefined ? undefined : parseBlock(value)
}

/** The same block in blocks that the peer takes, from the same byte; the first one where all of the body would be too much. */
export function fittingBlock(
  wanted: Block | undefined,
  bodyBytes: number,
  { sizeExponentMax: max }: Pick<Remote, 'sizeExponentMax'>,
): Block | undefined {
  if (max === undefined) return wanted
  if (wanted === undefined) {
    return bodyBytes <= blockBytes(max) ? undefined : { number: 0, more: false, sizeExponent: max }
  }
  const { number, more, sizeExponent } = wanted
  return sizeExponent <= max ? wanted : { number: number * 2 ** (sizeExponent - max), more, sizeExponent: max }
}

/**
 * Bodies of answers, in blocks (RFC 7959, section 2.4). One that is longer than a block is kept while it is fetched, so
 * that what a peer puts together is one value and not parts of two.
 */
export class Downloads {
  readonly #transfers: Transfers
  readonly #nowMs: () => number

  constructor(transfers: Transfers, nowMs: () => number) {
    this.#transfers = transfers
    this.#nowMs = nowMs
  }

  /** Nobody fetches anything in blocks. */
  get isIdle(): boolean {
    return this.#transfers.count === 0
  }

  /** The block of what was begun under the key; `undefined` where nothing was, or it is over. */
  next(key: string, wanted: Block): Response | undefined {
    const download = this.#transfers.download(key)
    if (download === undefined) return undefined
    this.#transfers.use(download, 0)
    const { response, isLast } = cut({ options: download.options, payload: download.body }, wanted)
    if (isLast && !download.isSent) {
      download.isSent = true
      download.onEnd?.()
    }
    return response
  }

  /**
   * The first part of an answer, or all of it. `onEnd` comes when the rest was fetched, or will not be: at once where
   * there is no rest, or no room to keep it.
   */
  begin(key: string, content: Content, wanted: Block | undefined, onEnd?: () => void): Response {
    const { response, isLast } = cut(content, wanted)
    // Whoever registers again while a notification is under way fetches the rest of that, and not of this answer. To fetch
    // the rest of this one he asks for its first block: their ETags tell him (RFC 7959, section 2.4).
    const earlier = this.#transfers.download(key)
    if (onEnd === undefined && wanted === undefined && earlier?.onEnd !== undefined && !earlier.isSent) return response
    this.#transfers.end(key)
    if (isLast) {
      onEnd?.()
      return response
    }
    // A copy: the payload is a part of what the network read, or of a page of the log.
    const body = content.payload.slice()
    const { options } = content
    const facts = { key, options, body, bytes: body.length, lastUsedMs: this.#nowMs() }
    try {
      this.#transfers.begin({ kind: 'download', ...facts, isSent: false, onEnd })
    } catch {
      // Counted. What is still there when it is asked for comes from the store; what is not is refused then.
      onEnd?.()
    }
    return response
  }
}

/** One block of the content, or all of it where it fits and nobody asked for blocks. Throws `invalid-argument` beyond its end. */
function cut(
  { options, payload }: Content,
  wanted: Block | undefined,
): { readonly response: Response; readonly isLast: boolean } {
  const slice = sliceBody(payload, wanted ?? firstBlock, sizeExponentMax)
  if (slice === undefined) {
    throw new ThingmeshError('invalid-argument', `block ${wanted?.number} of a body of ${payload.length} bytes`)
  }
  const { block, bytes } = slice
  if (wanted === undefined && !block.more) return { response: { code: Code.content, options, payload }, isLast: true }
  const told = [...options, blockOption(OptionNumber.block2, block)]
  if (block.number === 0) told.push(uintOption(OptionNumber.size2, payload.length))
  return { response: { code: Code.content, options: told, payload: bytes }, isLast: !block.more }
}

const firstBlock: Block = { number: 0, more: false, sizeExponent: sizeExponentMax }
