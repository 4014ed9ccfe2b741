import { type CoapBody, type CoapOption, codeClass, noBytes } from '@thingmesh/core/coap'

/** A request as the resources see it, whatever carried it. */
export interface Request extends CoapBody {
  /** Over UDP: whether it is to be acknowledged. Always over a reliable transport. */
  readonly confirmable: boolean
  /** What `options` was read from, where that is known: the same bytes ask for the same. Of no use beyond the turn. */
  readonly optionBytes?: Uint8Array | undefined
  /** Whether these are those bytes. Takes as long whether they are or not. */
  isWorded?(words: Uint8Array): boolean
}

/**
 * An answer that waits for a commit, as those of all messages of one batch do: a promise for each would cost as much as
 * what it stands for.
 */
export class CommitAnswer {
  readonly committed: Promise<void>
  readonly #toResponse: (error: unknown) => Response

  /** `toResponse` is called once: with `undefined` when it is committed, or with what the store said against it. */
  constructor(committed: Promise<void>, toResponse: (error: unknown) => Response) {
    this.committed = committed
    this.#toResponse = toResponse
  }

  settle(error: unknown): Response {
    return this.#toResponse(error)
  }
}

/** At once where nothing has to be waited for; `undefined` where there is nothing to answer. */
export type Answer = Response | undefined | CommitAnswer | Promise<Response | undefined>

/** For who waits for each answer by itself. Does not reject. */
export async function awaitAnswer(answer: Answer): Promise<Response | undefined> {
  if (!(answer instanceof CommitAnswer)) return answer
  return answer.committed.then(
    () => answer.settle(undefined),
    error => answer.settle(error),
  )
}

/** What a request is answered with, or an observer notified by. */
export interface Response {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array
  /** It has left. */
  readonly onSent?: (() => void) | undefined
  /** It was not sent, but another one in its place; or the peer did not take it. */
  readonly onRefused?: (() => void) | undefined
}

const utf8 = new TextEncoder()

export function emptyResponse(code: number, options: readonly CoapOption[] = []): Response {
  return { code, options, payload: noBytes }
}

export function textResponse(code: number, text: string, options: readonly CoapOption[] = []): Response {
  return { code, options, payload: utf8.encode(text) }
}

export function isError({ code }: Response): boolean {
  return codeClass(code) > 2
}
