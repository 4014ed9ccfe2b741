import { type CoapBody, type CoapOption, codeClass, noBytes } from '@thingmesh/core/coap'

/** A request as the resources see it, whatever carried it. */
export interface Request extends CoapBody {
  /** Over UDP: whether it is to be acknowledged. Always over a reliable transport. */
  readonly confirmable: boolean
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
