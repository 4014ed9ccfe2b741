import { isThingmeshError, jsonCodec, ThingmeshError } from '@thingmesh/core'
import * as v from 'valibot'
import type { Peer } from '../../contracts/index.ts'
import { type BodyBudget, declaredLength, readBody } from './body.ts'
import type { CorsPolicy } from './cors.ts'
import { errorReply } from './errors.ts'
import { negotiate } from './negotiation.ts'
import { pathReader } from './path.ts'
import { parseQuery } from './query.ts'
import type { Reply } from './reply.ts'
import type { Route } from './route.ts'
import type { Sessions } from './sessions.ts'
import { validate } from './validation.ts'

export interface ExchangeContext {
  readonly sessions: Sessions
  readonly budget: BodyBudget
  readonly bodyBytesMax: number
  readonly basePath: string
  readonly cors: CorsPolicy
  /** Aborted when the listener stops. */
  readonly stopping: AbortSignal
}

/** Answers one request; throws what the answer then tells. */
export type Answerer = (request: Request, peer: Peer) => Promise<Reply>

/**
 * Answers requests by one route. In the order in which it costs: what the header tells, who it is, the body, the query,
 * the work. Whoever is not known is told nothing about the rest.
 */
export function answerer(route: Route, on: ExchangeContext): Answerer {
  const readParameters = pathReader(on.basePath, route.path)
  const withoutQuery = v.safeParse(route.query, {})

  function readQuery(url: string): unknown {
    if (withoutQuery.success && !url.includes('?')) return withoutQuery.output
    return validate(route.query, parseQuery(url), 'query')
  }

  async function handle(request: Request, peer: Peer, session?: unknown, bytes?: Uint8Array): Promise<Reply> {
    const accepted = negotiate(request.headers.get('accept'), route.produces)
    if (accepted === undefined) {
      const message = `accept header takes none of ${route.produces.join(', ')}`
      return errorReply(new ThingmeshError('unsupported', message), 406)
    }
    let body: unknown = bytes
    if (bytes !== undefined && route.body !== undefined && route.body !== 'payload') {
      const refusal = refuseType(request, bytes)
      if (refusal !== undefined) return refusal
      body = validate(route.body, bytes.byteLength === 0 ? undefined : jsonCodec.decode(bytes), 'body')
    }
    const parameters = readParameters(request.url)
    const query = readQuery(request.url)
    const signal = () => AbortSignal.any([request.signal, on.stopping])
    try {
      return await route.handle({ request, peer, parameters, query, body, session, accepted, signal })
    } catch (error) {
      // Whoever waits for a message when the hub stops has done nothing wrong, and shall come back.
      if (on.stopping.aborted && isThingmeshError(error) && error.code === 'canceled') {
        throw new ThingmeshError('unavailable', 'the hub is stopping', { cause: error })
      }
      throw error
    }
  }

  return async (request, peer) => {
    declaredLength(request, on.bodyBytesMax)
    if (route.access === 'anybody') return handle(request, peer)
    checkSite(request, on.cors)
    const lease = await on.sessions.lease(request.headers.get('authorization'), peer)
    try {
      if (route.body === undefined) return await handle(request, peer, lease.session)
      const refusal = refuseEncoding(request)
      if (refusal !== undefined) return refusal
      const bytes = await readBody(request, on.bodyBytesMax, on.budget)
      try {
        return await handle(request, peer, lease.session, bytes)
      } finally {
        on.budget.give(bytes.byteLength)
      }
    } finally {
      lease.release()
    }
  }
}

/**
 * A browser sends Basic credentials that it once learnt with whatever another site makes it send. It also tells that
 * another site did (Fetch Metadata, section 2.4), and that is how a forged request is known.
 */
function checkSite(request: Request, cors: CorsPolicy): void {
  const site = request.headers.get('sec-fetch-site')
  if (site === null || site === 'same-origin' || site === 'none') return
  if (cors.allows(request.headers.get('origin'))) return
  throw new ThingmeshError('permission-denied', 'request comes from another site, whose origin is not let in')
}

/** What is stored is the payload, so a coded one would have to be stored with its coding: we take none. */
function refuseEncoding(request: Request): Reply | undefined {
  const encoding = request.headers.get('content-encoding')
  if (encoding === null || encoding.toLowerCase() === 'identity') return undefined
  return errorReply(new ThingmeshError('unsupported', 'body has a content-encoding, allowed is none'), 415, {
    'accept-encoding': 'identity',
  })
}

function refuseType(request: Request, bytes: Uint8Array): Reply | undefined {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json' || type?.endsWith('+json') === true || bytes.byteLength === 0) return undefined
  return errorReply(new ThingmeshError('unsupported', 'body is not application/json by its content-type'), 415)
}
