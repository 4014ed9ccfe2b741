import { isThingmeshError } from '../errors/index.ts'
import { type ExchangeOptions, openExchange } from './exchange.ts'
import { HttpConnection, type HttpTerms } from './http-connection.ts'
import { resolveOptions, timerMsMax } from './option-rules.ts'
import { type HttpClientOptions, toExchangeOptions } from './options.ts'
import type { Transport } from './transport.ts'

export interface HttpTransportOptions extends HttpClientOptions {
  /** Without a byte on an event stream for so long, the connection is over. 40,000 by default; a hub beats every 15,000. */
  readonly silenceMs?: number | undefined
  /** How often a connection without event streams is tried, so that its status is true. 30,000 by default. */
  readonly checkMs?: number | undefined
  /** Of one event. 4,194,304 by default. */
  readonly eventBytesMax?: number | undefined
}

/**
 * A hub over HTTP, with a request for each publish and an event stream for each filter. Streams go on by cursor: what a
 * channel records is missed by no reader, whatever happens to connections and hubs. Throws `TypeError` for a url or
 * options that make no sense.
 */
export function httpTransport(url: string, options: HttpTransportOptions): Transport {
  const exchangeOptions: ExchangeOptions = toExchangeOptions(url, options)
  const terms: HttpTerms = resolveOptions(options, {
    silenceMs: [40_000, 1, timerMsMax],
    checkMs: [30_000, 1, timerMsMax],
    eventBytesMax: [4_194_304, 1],
  })
  const cursors = new Map<string, string>()
  // What makes no sense is told here and not on the first attempt.
  openExchange(exchangeOptions).close()
  return {
    async open(signal) {
      const exchange = openExchange(exchangeOptions)
      try {
        // HTTP has no connection to prove oneself on, so this proves the credential; what it may read does not matter.
        await exchange.send({ method: 'GET', path: ['channels', '+', 'messages'], query: { last: 1 }, signal })
      } catch (error) {
        if (!isThingmeshError(error) || (error.code !== 'permission-denied' && error.code !== 'not-found')) {
          exchange.close()
          throw error
        }
      }
      return new HttpConnection(exchange, cursors, terms)
    },
  }
}
