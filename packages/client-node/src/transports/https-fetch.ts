import { Agent, request } from 'node:https'
import { Readable } from 'node:stream'
import type { Fetch } from '@thingmesh/core'
import { type TlsOptions, toNodeTls } from './tls.ts'

/** Answers that have no body, which `Response` insists on. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/** `fetch` over `https:` with certificates, which the platform's own does not take. Keeps its connections for the next request. */
export function httpsFetch(tls: TlsOptions): Fetch {
  const agent = new Agent({ ...toNodeTls(tls), keepAlive: true })
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sent = request(url, { agent, method, headers, signal: signal as AbortSignal }, answer => {
        const { statusCode = 0 } = answer
        if (statusCode >= 300 && statusCode < 400) {
          // A redirect would carry the credential to a place that nobody named.
          sent.destroy()
          reject(new TypeError('the answer is a redirect'))
          return
        }
        const told = answer.headersDistinct
        const pairs = Object.entries(told).map(([name, values = []]): [string, string] => [name, values.join(', ')])
        const isEmpty = bodiless.has(statusCode)
        if (isEmpty) answer.resume()
        const content = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
        resolve(new Response(content, { status: statusCode, headers: pairs }))
      })
      sent.on('error', reject)
      sent.end(body)
    })
}
