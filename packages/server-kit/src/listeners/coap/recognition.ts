import { hash } from 'node:crypto'
import type { Message, MessageProperties } from '@thingmesh/core'
import { Code, OptionNumber } from '@thingmesh/core/coap'
import type { Representation } from './mapping.ts'
import type { Remote } from './remote.ts'
import type { Request } from './response.ts'
import type { Lease } from './sessions.ts'

/** What the options of a request ask for, and for whom. */
export interface Recognized {
  readonly topic: string
  readonly lease: Lease
  readonly accept: number | undefined
  readonly contentType: string
  readonly properties: MessageProperties | undefined
  /** What it was told last. */
  told: { readonly message: Message; readonly value: Representation } | undefined
}

const knownMax = 4_096

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
const methods: ReadonlySet<number> = new Set([Code.get, Code.post, Code.put])

/** Whether all that it says is what can be recognized. */
export function isPlain({ options }: Request): boolean {
  return options.every(({ number }) => plain.has(number))
}

/**
 * Requests that ask what was asked before, in the same words and from the same address: a sensor that posts ten times a
 * second is not parsed ten times a second. They are found by a hash of those words, so no secret is kept. What is found
 * holds as long as its session does. Bounded: what came first goes first, and is parsed again.
 */
export class Recognition {
  readonly #known = new Map<string, Recognized>()

  get size(): number {
    return this.#known.size
  }

  /** `undefined` where there is nothing to know a request of this kind by. */
  wordingOf({ code, optionBytes }: Request, { peer }: Remote): string | undefined {
    if (optionBytes === undefined || !methods.has(code)) return undefined
    return `${hash('sha256', optionBytes, 'binary')}${peer.address}`
  }

  find(wording: string): Recognized | undefined {
    const known = this.#known.get(wording)
    if (known === undefined || known.lease.isCurrent) return known
    this.#known.delete(wording)
    return undefined
  }

  /** Only of a request that is plain. */
  note(wording: string, recognized: Recognized): void {
    if (this.#known.size >= knownMax) {
      for (const first of this.#known.keys()) {
        this.#known.delete(first)
        break
      }
    }
    this.#known.set(wording, recognized)
  }
}
