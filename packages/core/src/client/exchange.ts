import { isThingmeshError, ThingmeshError } from '../errors/index.ts'
import { canceled } from './cancellation.ts'
import { openDeadline } from './deadline.ts'
import { errorFromFetch, errorFromResponse } from './failure.ts'
import {
  type ByteReader,
  type CancelSignal,
  type Fetch,
  type FetchBody,
  type FetchResponse,
  platform,
} from './platform.ts'

/** Where the hub is and who asks. */
export interface ExchangeOptions {
  /** `http://` or `https://`, with a path where a proxy puts the hub below one. */
  readonly url: string
  /** The value of the `Authorization` header. */
  readonly authorization?: string | undefined
  readonly fetch?: Fetch | undefined
  /** From the request to the last byte of the answer. */
  readonly timeoutMs: number
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path segments, not yet encoded. */
  readonly path: readonly string[]
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: FetchBody | undefined
  readonly signal?: CancelSignal | undefined
  /** On top of the time-out, where the hub was asked to hold its answer back. */
  readonly extraMs?: number | undefined
}

/** One request and its answer, as JSON. Every failure is a `ThingmeshError`. */
export interface Exchange {
  readonly closed: CancelSignal
  send(request: ExchangeRequest): Promise<unknown>
  /** The answer's body as it comes, until its reader is cancelled. The signal and the time-out are for its head alone. */
  stream(request: ExchangeRequest & { readonly accept: string }): Promise<ByteReader>
  /** Ends what is under way with `canceled`; everything after it, too. Idempotent. */
  close(): void
}

export function openExchange(options: ExchangeOptions): Exchange {
  const base = parseBaseUrl(options.url)
  const fetch = options.fetch ?? platform().fetch
  if (fetch === undefined) throw new TypeError('this platform has no fetch: pass one as an option')
  const { AbortController } = platform()
  const closing = new AbortController()

  const answered = async <Value>(
    request: ExchangeRequest,
    accept: string,
    use: (response: FetchResponse) => Value | Promise<Value>,
  ): Promise<Value> => {
    if (closing.signal.aborted) throw new ThingmeshError('canceled', 'the client is closed', { outcome: 'not-sent' })
    if (request.signal?.aborted === true) throw canceled(request.signal.reason)
    const timeoutMs = options.timeoutMs + (request.extraMs ?? 0)
    const deadline = openDeadline(timeoutMs, [request.signal, closing.signal])
    try {
      const response = await fetch(base + toPath(request), {
        method: request.method,
        headers: {
          accept,
          ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: request.body }),
        signal: deadline.signal as never,
        // A redirect would carry the credential to a place that nobody named.
        redirect: 'error',
      })
      if (response.status >= 200 && response.status < 300) return await use(response)
      throw errorFromResponse(response.status, await response.text(), response.headers.get('retry-after'))
    } catch (error) {
      if (isThingmeshError(error)) throw error
      const ended = deadline.ended()
      if (ended === 'canceled') throw canceled(error, 'unknown')
      if (ended === 'timeout') {
        throw new ThingmeshError('timeout', `no answer within ${timeoutMs} ms`, { outcome: 'unknown', cause: error })
      }
      throw errorFromFetch(error)
    } finally {
      deadline.release()
    }
  }

  const send = (request: ExchangeRequest): Promise<unknown> =>
    answered(request, 'application/json', async response => {
      const text = await response.text()
      return text === '' ? undefined : parseAnswer(text)
    })

  const stream = (request: ExchangeRequest & { readonly accept: string }): Promise<ByteReader> =>
    answered(request, request.accept, response => {
      const reader = response.body?.getReader()
      if (reader === undefined) throw new TypeError('this fetch gives no body that can be read as it comes')
      return reader
    })

  return { closed: closing.signal, send, stream, close: () => closing.abort() }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ThingmeshError('unavailable', 'the answer is not JSON: is this the address of a hub?', {
      cause,
      outcome: 'unknown',
    })
  }
}

/** Throws a `TypeError`: an address that is no HTTP address is a mistake in the program or its configuration. */
function parseBaseUrl(text: string): string {
  const { URL } = platform()
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`the hub's url starts with ${url.protocol}//, it must be http:// or https://`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError("the hub's url holds a user or a password: pass a key or a token as an option")
  }
  if (url.search !== '' || url.hash !== '') throw new TypeError("the hub's url has a query or a fragment")
  return url.origin + url.pathname.replace(/\/+$/, '')
}

function toPath(request: ExchangeRequest): string {
  const path = request.path.map(toSegment).join('/')
  const query = Object.entries(request.query ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
  return `/${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

/** RFC 3986, section 5.2.4: `.` and `..` are taken out of a path, encoded or not, so no resource can be named so. */
function toSegment(segment: string): string {
  if (segment === '.' || segment === '..') {
    throw new ThingmeshError('invalid-argument', `${segment} cannot be a part of an address over http`, {
      outcome: 'not-sent',
    })
  }
  try {
    return encodeURIComponent(segment)
  } catch (cause) {
    throw new ThingmeshError('invalid-argument', 'a part of the address is not valid Unicode', {
      cause,
      outcome: 'not-sent',
    })
  }
}
