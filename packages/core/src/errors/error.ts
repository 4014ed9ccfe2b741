import { type ErrorCode, retryableByCode } from './codes.ts'

/** What became of the request, as far as the side that reports the error can tell. */
export type Outcome = 'not-sent' | 'unknown' | 'rejected'

export interface ErrorOptions {
  readonly cause?: unknown
  readonly outcome?: Outcome
  /** When to try again, where the refusing side knows. */
  readonly retryAfterSeconds?: number
  /** Where the fault lies, by name: a limit, a field's path, what was found. Never a payload, never a secret. */
  readonly details?: Readonly<Record<string, string | number>>
}

const brand = Symbol.for('thingmesh.error')

/**
 * The one error class. Messages are lower-case, say what was found and what the limit is, and never carry a payload
 * or a secret: they travel to peers and into logs.
 */
export class ThingmeshError extends Error {
  override readonly name = 'ThingmeshError'
  // Declared alone: the constructor sets them.
  declare readonly code: ErrorCode
  declare readonly outcome: Outcome
  declare readonly retryAfterSeconds: number | undefined
  declare readonly details: Readonly<Record<string, string | number>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.outcome = options.outcome ?? 'rejected'
    this.retryAfterSeconds = options.retryAfterSeconds
    this.details = options.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  get retryable(): boolean {
    return retryableByCode[this.code]
  }
}

/** Recognises the error by its brand, so that two copies of this package in one process agree. */
export function isThingmeshError(value: unknown): value is ThingmeshError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true
}

/** Turns anything that was thrown into a `ThingmeshError`; what was not one becomes `internal`, its text kept as cause only. */
export function toThingmeshError(value: unknown): ThingmeshError {
  return isThingmeshError(value) ? value : new ThingmeshError('internal', 'internal error', { cause: value })
}
