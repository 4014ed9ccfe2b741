import { type ErrorCode, type ThingmeshError, toThingmeshError } from '@thingmesh/core'
import { type CoapOption, Code, OptionNumber, uintOption } from '@thingmesh/core/coap'
import { type Response, textResponse } from './response.ts'

/** What each error is called in CoAP (RFC 7252, section 5.9; 4.09 is RFC 8132's, 4.29 RFC 8516's). */
const codes: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': Code.badRequest,
  unauthenticated: Code.unauthorized,
  'permission-denied': Code.forbidden,
  'not-found': Code.notFound,
  conflict: Code.conflict,
  'too-large': Code.requestEntityTooLarge,
  'rate-limited': Code.tooManyRequests,
  unsupported: Code.notImplemented,
  timeout: Code.gatewayTimeout,
  canceled: Code.internalServerError,
  unavailable: Code.serviceUnavailable,
  internal: Code.internalServerError,
}

/** The code of an error, or one that this listener knows better. */
export function toCode(error: ThingmeshError): number {
  const { coapCode } = error.details
  return typeof coapCode === 'number' ? coapCode : codes[error.code]
}

/**
 * The answer to a failure: its text is a diagnostic payload (RFC 7252, section 5.5.2), and Max-Age says when to come
 * back. Of an internal error nothing gets out.
 */
export function errorResponse(failure: unknown): Response {
  const error = toThingmeshError(failure)
  const options: CoapOption[] = []
  if (error.code === 'rate-limited' || error.code === 'unavailable') {
    options.push(uintOption(OptionNumber.maxAge, Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1))))
  }
  return textResponse(toCode(error), error.code === 'internal' ? 'internal error' : error.message, options)
}
