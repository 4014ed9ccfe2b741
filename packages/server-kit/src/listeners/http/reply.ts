import type { ErrorCode } from '@thingmesh/core'

/** What a handler answers. Neither a `Response` nor a `ServerResponse`: each costs, and only one of them is needed. */
export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Of a refusal. */
  readonly code?: ErrorCode
}

export const jsonType = 'application/json'

/** On everything: answers hold data of one principal, and nobody shall guess at their type. */
const commonHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

const jsonHeaders = { ...commonHeaders, 'content-type': jsonType }

export function jsonReply(status: number, value: unknown, headers?: Readonly<Record<string, string>>): Reply {
  const body = JSON.stringify(value)
  return { status, headers: headers === undefined ? jsonHeaders : { ...jsonHeaders, ...headers }, body }
}

export function textReply(status: number, contentType: string, body: string, headers?: Record<string, string>): Reply {
  return { status, headers: { ...commonHeaders, 'content-type': contentType, ...headers }, body }
}

export function emptyReply(status: number, headers?: Readonly<Record<string, string>>): Reply {
  return { status, headers: { ...commonHeaders, ...headers }, body: null }
}

export function toResponse(reply: Reply): Response {
  return new Response(reply.body, { status: reply.status, headers: reply.headers })
}
