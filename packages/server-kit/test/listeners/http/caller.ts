import type { Peer } from '../../../src/contracts/index.ts'
import { type HttpHandlerOptions, httpHandler } from '../../../src/listeners/http/index.ts'
import { type FakeHub, fakeHub, secrets } from './fake-hub.ts'

export interface Call {
  readonly hub: FakeHub
  (method: string, path: string, init?: CallInit): Promise<Answer>
}

export interface CallInit {
  /** Text or bytes as they are, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
  /** The whole header; `null` for none. The admin's token by default. */
  readonly authorization?: string | null
  readonly peer?: Peer
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Json
}

/** Whatever shape a test expects of it, it goes on to assert. */
// biome-ignore lint/suspicious/noExplicitAny: an answer is looked into member by member
export type Json = any

export const asThing = `Thing ${secrets.thing}`
export const asAdmin = `Bearer ${secrets.admin}`

/** Calls the handler as a framework would that has it mounted. */
export function caller(options?: HttpHandlerOptions, hub: FakeHub = fakeHub()): Call {
  const { ingress, meter, onFault } = hub
  const handle = httpHandler({ ingress, meter, onFault }, options)
  const call = async (method: string, path: string, init: CallInit = {}): Promise<Answer> => {
    const { body, authorization = asAdmin } = init
    const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)
    const headers = new Headers(init.headers)
    if (authorization !== null) headers.set('authorization', authorization)
    if (isJson && !headers.has('content-type')) headers.set('content-type', 'application/json')
    const request = new Request(`http://hub.test${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : (body as string) }),
      ...(init.signal === undefined ? {} : { signal: init.signal }),
    })
    if (typeof body === 'string' && !new Headers(init.headers).has('content-type')) {
      request.headers.delete('content-type')
    }
    const response = await handle(request, init.peer)
    const text = await response.text()
    const isJsonAnswer = /json/.test(response.headers.get('content-type') ?? '') && !text.includes('}\n{')
    const json: Json = isJsonAnswer && text !== '' ? JSON.parse(text) : undefined
    return { status: response.status, headers: response.headers, text, json }
  }
  return Object.assign(call, { hub })
}
