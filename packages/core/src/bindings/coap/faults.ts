import { ThingmeshError } from '../../errors/index.ts'

type Details = Readonly<Record<string, string | number>>

/** A message format error (RFC 7252, section 3): the message is rejected, and has no meaning. */
export function malformed(message: string, details?: Details): ThingmeshError {
  return new ThingmeshError('invalid-argument', message, details === undefined ? {} : { details })
}

/** A field that claims more bytes than the message has left. */
export function pastTheEnd(field: string, found: number, limit: number): ThingmeshError {
  return malformed(`${field} of ${found} bytes, ${limit} are left`, { found, limit })
}
