/**
 * Every way in which Thingmesh says no. The list is closed: each protocol maps it by an exhaustive
 * `Record<ErrorCode, …>`, so a new code does not compile until every protocol answers it.
 */
export const errorCodes = [
  'invalid-argument',
  'unauthenticated',
  'permission-denied',
  'not-found',
  'conflict',
  'too-large',
  'rate-limited',
  'unsupported',
  'timeout',
  'canceled',
  'unavailable',
  'internal',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/** Whether the same request may succeed later without a change on the caller's side. */
export const retryableByCode: Readonly<Record<ErrorCode, boolean>> = {
  'invalid-argument': false,
  unauthenticated: false,
  'permission-denied': false,
  'not-found': false,
  conflict: false,
  'too-large': false,
  'rate-limited': true,
  unsupported: false,
  timeout: true,
  canceled: false,
  unavailable: true,
  internal: false,
}
