import { type ErrorCode, ThingmeshError } from '@thingmesh/core'

/** RFC 6455, section 7.4.1, where that has a word for it; otherwise 4000 and what HTTP answers, which is for applications to define (section 7.4.2). */
export const closeCodes: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': 4400,
  unauthenticated: 4401,
  'permission-denied': 4403,
  'not-found': 4404,
  conflict: 4409,
  'too-large': 1009,
  'rate-limited': 4429,
  unsupported: 4501,
  timeout: 4408,
  canceled: 4499,
  unavailable: 1013,
  internal: 1011,
}

export interface Close {
  readonly code: number
  readonly reason: string
}

export function toClose(error: ThingmeshError): Close {
  const { closeCode } = error.details
  const code = typeof closeCode === 'number' ? closeCode : closeCodes[error.code]
  return { code, reason: textOf(error) }
}

/** Of an internal error nothing gets out. */
export function textOf({ code, message }: ThingmeshError): string {
  return code === 'internal' ? 'internal error' : message
}

/** The wrong kind of frame: 1003. */
export function wrongKind(message: string): ThingmeshError {
  return new ThingmeshError('unsupported', message, { details: { closeCode: 1003 } })
}

/** Bytes that are no frame of the subprotocol: 1007. */
export function malformed(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message, { details: { closeCode: 1007 } })
}
