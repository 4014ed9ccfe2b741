import { ThingmeshError } from '@thingmesh/core'

export const idempotencyKeyHeader = 'idempotency-key'

const quoted = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/

/**
 * The request's idempotency key: a string of structured fields, `"8e03978e"` (draft-ietf-httpapi-idempotency-key-header-07, section 2.1;
 * RFC 9651, section 3.3.3), or the same without its quotes, as many send it; then it holds no comma, for that is what two headers
 * are joined by (RFC 9110, section 5.3). What may be in one is the hub's to say. Throws `invalid-argument`.
 */
export function idempotencyKeyOf({ headers }: Request): string | undefined {
  const value = headers.get(idempotencyKeyHeader)
  if (value === null) return undefined
  if (!value.startsWith('"')) {
    if (!value.includes(',')) return value
    throw new ThingmeshError('invalid-argument', 'idempotency-key comes twice, or has a comma without quotes')
  }
  if (!quoted.test(value)) throw new ThingmeshError('invalid-argument', 'idempotency-key has quotes that do not match')
  return value.slice(1, -1).replace(/\\(["\\])/g, '$1')
}
