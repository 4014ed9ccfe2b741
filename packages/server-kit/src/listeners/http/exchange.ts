import { isThingmeshError, jsonCodec, ThingmeshError } from '@thingmesh/core'
import * as v from 'valibot'
import type { Peer, Session } from '../../contracts/index.ts'
import { type BodyBudget, declaredLength, readBody } from './body.ts'
import type { CorsPolicy } from './cors.ts'
import type { DialectPaths } from './dialect-paths.ts'
import { errorReply } from './errors.ts'
import { eventStreamType } from './event-stream.ts'
import { negotiate } from './negotiation.ts'
import { pathReader } from './path.ts'
import { parseQuery } from './query.ts'
import type { Reply } from './reply.ts'
import type { Route } from './route.ts'
import type { Sessions } from './sessions.ts'
import type { Streams } from './streams.ts'
import { validate } from './validation.ts'

export interface ExchangeContext {
  readonly sessions: Sessions
  readonly budget: BodyBudget
  readonly bodyBytesMax: number
  readonly basePath: string
  readonly cors: CorsPolicy
  readonly streams: Streams
  readonly dialectPaths: DialectPaths
  readonly queryTokenSecondsMax: number
  /** Aborted when the listener stops. */
  readonly stopping: AbortSignal
}

/** Answers one request; throws what the answer then tells. */
export type Answerer = (request: Request, peer: Peer) => Promise<Reply>

/**
 * Answers requests by one route. In the order in which it costs: what the header tells, who it is, the body, the query,
 * the work. Whoever is not known is told nothing about the rest.
 */
export function answerer(
  route: Route,
  on: ExchangeContext,
  readParameters: (url: string, session: Session) => Readonly<Record<string, string>> = pathReader(
    on.basePath,
    route.path,
  ),
): Answerer {
  const withoutQuery = v.safeParse(route.query, {})

  function readQuery(url: string): unknown {
    if (withoutQuery.success && !url.includes('?')) return withoutQuery.output
    return validate(route.query, parseQuery(url), 'query')
  }

  function authorizationOf({ headers, url }: Request): string | null {
    const said = headers.get('authorization')
    // What has a scheme is ours to read.
    const isBare = said !== null && said !== '' && !said.includes(' ')
    if (!isBare || route.tag !== 'messages' || !on.dialectPaths.takesBareKey(url)) return said
    return `Thing ${said}`
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
    const parameters = readParameters(request.url, session as Session)
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
    const token = queryToken(request, route)
    const authorization = token === undefined ? authorizationOf(request) : `Bearer ${token}`
    const lease = await on.sessions.lease(authorization, peer)
    let streams = false
    try {
      if (token !== undefined) checkShortLived(lease.session, on.queryTokenSecondsMax)
      if (route.body === undefined) {
        const reply = await handle(request, peer, lease.session)
        if (reply.stream === undefined) return reply
        const held = on.streams.hold(reply.stream, () => lease.release())
        streams = true
        return { ...reply, stream: held }
      }
      const refusal = refuseEncoding(request)
      if (refusal !== undefined) return refusal
      const bytes = await readBody(request, on.bodyBytesMax, on.budget)
      try {
        return await handle(request, peer, lease.session, bytes)
      } finally {
        on.budget.give(bytes.byteLength)
      }
    } finally {
      if (!streams) lease.release()
    }
  }
}

/** The one door of a browser's `EventSource`, which cannot send a header. Whoever can has no token in an address, where it would be logged. */
function queryToken(request: Request, { produces }: Route): string | undefined {
  const { headers, url } = request
  if (!produces.includes(eventStreamType) || headers.has('authorization')) return undefined
  if (negotiate(headers.get('accept'), produces) !== eventStreamType) return undefined
  return new URL(url).searchParams.get('token') ?? undefined
}

function checkShortLived({ principal: { expiresAtMs } }: Session, secondsMax: number): void {
  if (expiresAtMs !== undefined && expiresAtMs <= Date.now() + secondsMax * 1000) return
  throw new ThingmeshError('unauthenticated', `a token in a query must expire within ${secondsMax} s`)
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
