/** Which scripts of other sites may call. */
export interface CorsPolicy {
  allows(origin: string | null): boolean
  /** What an answer to a request of that origin says about it. */
  headersFor(origin: string | null): Readonly<Record<string, string>> | undefined
}

const exposedHeaders = 'location, retry-after, thingmesh-complete, thingmesh-left-out, thingmesh-next, www-authenticate'

/**
 * Headers that let the origins listed read our answers (Fetch standard, section 3.3). Without credentials: what we
 * take is an `Authorization` header that a script sets, never what a browser adds by itself.
 */
export function corsPolicy(origins: readonly string[]): CorsPolicy {
  const anybody = origins.includes('*')
  const allows = (origin: string | null) => origin !== null && (anybody || origins.includes(origin))
  return {
    allows,
    headersFor(origin) {
      if (origins.length === 0) return undefined
      if (origin === null || !allows(origin)) return { vary: 'origin' }
      return {
        vary: 'origin',
        'access-control-allow-origin': anybody ? '*' : origin,
        'access-control-expose-headers': exposedHeaders,
      }
    },
  }
}

/** The answer to a preflight request, beyond the above. */
export function preflightHeaders(methods: readonly string[]): Readonly<Record<string, string>> {
  return {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': 'authorization, content-type, idempotency-key, last-event-id',
    'access-control-max-age': '600',
  }
}
