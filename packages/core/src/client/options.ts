import type { ExchangeOptions } from './exchange.ts'
import { resolveOptions, timerMsMax } from './option-rules.ts'
import type { Fetch } from './platform.ts'

export interface HttpClientOptions {
  /** A thing's key. One of `key` and `token` is needed, or `byCertificate`. */
  readonly key?: string | undefined
  /** An operator's or application's token. */
  readonly token?: string | undefined
  /** What `fetch` connects with shows who asks, by a client certificate: then there is neither key nor token. */
  readonly byCertificate?: boolean | undefined
  /** From a request to the last byte of its answer; 10,000 by default. */
  readonly timeoutMs?: number | undefined
  /** In place of the platform's. */
  readonly fetch?: Fetch | undefined
}

/** Throws `TypeError` for options that cannot be meant. */
export function toExchangeOptions(url: string, options: HttpClientOptions): ExchangeOptions {
  const { timeoutMs } = resolveOptions(options, { timeoutMs: [10_000, 1, timerMsMax] })
  return { url, authorization: toAuthorization(options), fetch: options.fetch, timeoutMs }
}

function toAuthorization({ key, token, byCertificate }: HttpClientOptions): string | undefined {
  if (byCertificate === true && key === undefined && token === undefined) return undefined
  if ((key === undefined) === (token === undefined)) throw new TypeError('exactly one of key and token is needed')
  const secret = key ?? token ?? ''
  // RFC 9110, section 5.5: what a header's value may hold. The error's text must not hold the secret.
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw new TypeError('the key or token is empty or holds a character that it cannot have')
  }
  return key === undefined ? `Bearer ${secret}` : `Thing ${secret}`
}
