import { isThingmeshError, resolveOptions, ThingmeshError, type Transport, timerMsMax } from '@thingmesh/core'
import { CoapConnection } from './connection.ts'
import { CoapEndpoint } from './endpoint.ts'
import { CoapRequests } from './requests.ts'
import { openSocket } from './socket.ts'
import { Windows } from './windows.ts'

export interface CoapTransportOptions {
  /** A thing's name or id; a key tells by itself whose it is. */
  readonly thing?: string | undefined
  readonly key?: string | undefined
  /** For every answer of the hub; 10,000 by default, in which a request is sent three times. */
  readonly timeoutMs?: number | undefined
  /**
   * After how long, and up to half as long again, a request is sent again the first time (RFC 7252, section 4.8); 2,000 by default,
   * and less for a network where answers are quick. Each time after is twice as long, four times at most.
   */
  readonly ackTimeoutMs?: number | undefined
  /** How often observations are registered anew, by which a hub that has lost them is found out. 30,000 by default. */
  readonly checkMs?: number | undefined
  /** Messages that the readers of one filter may have in front of them; 256 by default. */
  readonly receiveMaximum?: number | undefined
}

/**
 * CoAP over UDP. Publishes one at a time; observes, and cannot go on where it broke off. The key goes in the clear: there
 * is no DTLS. Throws `TypeError` for options that make no sense.
 */
export function coapTransport(host: string, port: number, options: CoapTransportOptions): Transport {
  const { thing, key } = options
  if (key === undefined) throw new TypeError('coap takes a key')
  const { timeoutMs, ackTimeoutMs, checkMs, receiveMaximum } = resolveOptions(options, {
    timeoutMs: [10_000, 1, timerMsMax],
    ackTimeoutMs: [2_000, 1, timerMsMax],
    checkMs: [30_000, 1, timerMsMax],
    receiveMaximum: [256, 1],
  })
  const windows = new Windows(receiveMaximum)
  return {
    async open(signal) {
      const canceled = new ThingmeshError('canceled', 'the caller gave up', { outcome: 'not-sent' })
      if (signal.aborted) throw canceled
      const socket = await openSocket(host, port).catch((cause: unknown) => {
        throw new ThingmeshError('unavailable', 'the hub could not be found', { cause, outcome: 'not-sent' })
      })
      const release = (): void => {
        // Not before what is under way has left.
        setImmediate(() => socket.close())
      }
      const endpoint = new CoapEndpoint(socket, { timeoutMs, ackTimeoutMs })
      const requests = new CoapRequests(endpoint)
      const connection = new CoapConnection({ endpoint, requests, windows, who: { thing, key }, checkMs, release })
      socket.on('error', cause => {
        connection.end(new ThingmeshError('unavailable', 'nobody is there', { cause, outcome: 'unknown' }))
      })
      const cancel = (): void => connection.end(canceled)
      signal.addEventListener('abort', cancel)
      try {
        await connection.greet()
        return connection
      } catch (error) {
        connection.end(isThingmeshError(error) ? error : canceled)
        throw error
      } finally {
        signal.removeEventListener('abort', cancel)
      }
    },
  }
}
