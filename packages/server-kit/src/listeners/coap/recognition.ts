import { hash } from 'node:crypto'
import { Code, OptionNumber } from '@thingmesh/core/coap'
import type { Recognized } from './recognized.ts'
import type { Remote } from './remote.ts'
import type { Request } from './response.ts'

const knownMax = 4_096
/** What one endpoint asks in turns: a value that it sends and one that it reads. */
const latelyMax = 2

/** A request with nothing but these is over with its answer, and has one body each way. */
const plain: ReadonlySet<number> = new Set([
  OptionNumber.uriHost,
  OptionNumber.uriPort,
  OptionNumber.uriPath,
  OptionNumber.contentFormat,
  OptionNumber.maxAge,
  OptionNumber.uriQuery,
  OptionNumber.accept,
])

/** The words of a request, and what they are found by for an address. */
export interface Wording {
  readonly digest: string
  readonly words: Uint8Array
}

/** Whether all that it says is what can be recognized. */
export function isPlain({ options }: Request): boolean {
  return options.every(({ number }) => plain.has(number))
}

function isRecognizable(code: number): boolean {
  return code === Code.get || code === Code.post || code === Code.put
}

/**
 * Requests that ask what was asked before, in the same words and from the same address: a sensor that posts ten times a
 * second is not parsed ten times a second. Who asked lately from the same port is known by the words themselves, and who
 * comes from another one by a hash of them. What is found holds as long as its session does. Bounded: what came first goes
 * first, and is parsed again.
 */
export class Recognition {
  readonly #known = new Map<string, Recognized>()

  get size(): number {
    return this.#known.size
  }

  find(request: Request, remote: Remote): Recognized | undefined {
    if (!isRecognizable(request.code)) return undefined
    const { lately } = remote
    for (let i = 0; i < lately.length; i++) {
      const known = lately[i]!
      if (known.words !== undefined && known.lease.isCurrent && request.isWorded?.(known.words)) return known
    }
    const { optionBytes } = request
    if (optionBytes === undefined) return undefined
    const digest = digestOf(optionBytes, remote)
    const known = this.#known.get(digest)
    if (known === undefined) return undefined
    if (known.lease.isCurrent) {
      remote.lately = [known, ...remote.lately.slice(0, latelyMax - 1)]
      return known
    }
    this.#forget(digest, known)
    return undefined
  }

  /** What a request is to be known by; `undefined` where it is of a kind that is not. */
  wordingOf({ code, optionBytes }: Request, remote: Remote): Wording | undefined {
    if (optionBytes === undefined || !isRecognizable(code)) return undefined
    return { digest: digestOf(optionBytes, remote), words: optionBytes.slice() }
  }

  /** Only of a request that is plain. */
  note({ digest, words }: Wording, facts: Omit<Recognized, 'words' | 'told'>): void {
    const earlier = this.#known.get(digest)
    if (earlier !== undefined) this.#forget(digest, earlier)
    if (this.#known.size >= knownMax) {
      for (const [first, known] of this.#known) {
        this.#forget(first, known)
        break
      }
    }
    this.#known.set(digest, { ...facts, words, told: undefined })
  }

  /** Lets go of those whose sessions are over, and so of the keys in their words. About once a second. */
  tick(): void {
    for (const [digest, known] of this.#known) if (!known.lease.isCurrent) this.#forget(digest, known)
  }

  /** Endpoints may still hold it: its words are not kept beyond the bound. */
  #forget(digest: string, known: Recognized): void {
    known.words = undefined
    known.told = undefined
    this.#known.delete(digest)
  }
}

function digestOf(optionBytes: Uint8Array, { peer }: Remote): string {
  return `${hash('sha256', optionBytes, 'binary')}${peer.address}`
}
