import { type ErrorCode, type ThingmeshError, toThingmeshError } from '@thingmesh/core'
import { jsonReply, type Reply } from './reply.ts'

/** RFC 9110, section 15; 429 is RFC 6585's, 499 is what proxies write down for a caller that went away. */
export const statusByCode: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': 400,
  unauthenticated: 401,
  'permission-denied': 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  'rate-limited': 429,
  unsupported: 501,
  timeout: 504,
  canceled: 499,
  unavailable: 503,
  internal: 500,
}

/** Without `Basic`, which is taken but not asked for: a browser that is asked keeps it, and sends it for other sites. */
const challenge = 'Bearer realm="thingmesh", Thing realm="thingmesh"'

/**
 * The answer to a failure. `status` is for what HTTP tells apart and the codes do not: 405, 406, 408, 415, 431.
 * Of an internal error nothing gets out, not even the text.
 */
export function errorReply(failure: unknown, status?: number, headers?: Readonly<Record<string, string>>): Reply {
  const error = toThingmeshError(failure)
  const reply = jsonReply(status ?? statusByCode[error.code], { error: toErrorJson(error) }, headersOf(error))
  return { ...reply, headers: { ...reply.headers, ...headers }, code: error.code }
}

export function toErrorJson(error: ThingmeshError) {
  if (error.code === 'internal') return { code: error.code, message: 'internal error' }
  const { code, message, details } = error
  return Object.keys(details).length === 0 ? { code, message } : { code, message, details }
}

function headersOf(error: ThingmeshError): Record<string, string> {
  if (error.code === 'unauthenticated') return { 'www-authenticate': challenge }
  if (error.code === 'rate-limited' || error.code === 'unavailable') {
    return { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1))) }
  }
  return {}
}
