import { type ErrorCode, errorCodes, ThingmeshError } from '@thingmesh/core'
import { type Context, Hono } from 'hono'
import type { Counter, Peer } from '../../contracts/index.ts'
import { bodyBudget } from './body.ts'
import { corsPolicy, preflightHeaders } from './cors.ts'
import { DialectPaths } from './dialect-paths.ts'
import { errorReply } from './errors.ts'
import { type Answerer, answerer, type ExchangeContext } from './exchange.ts'
import type { HandlerContext } from './handler-context.ts'
import { toOpenApi } from './openapi.ts'
import type { ResolvedHandlerOptions } from './options.ts'
import { preparePages } from './pages.ts'
import { parameterName, pathOf } from './path.ts'
import { forwardedPeer } from './peer.ts'
import { emptyReply, type Reply, toResponse } from './reply.ts'
import type { Method, Route } from './route.ts'
import { controlRoutes } from './routes/control.ts'
import { messageRoutes } from './routes/messages.ts'
import { metaRoutes } from './routes/meta.ts'
import { presenceRoutes } from './routes/presence.ts'
import { openSessions } from './sessions.ts'
import { openStreams } from './streams.ts'

export interface HttpApp {
  /** What the router knows, in its own notation. */
  readonly registered: readonly { readonly method: string; readonly path: string }[]
  /** Answers that go on. */
  readonly streamCount: number
  /** Answers every request; never rejects. */
  fetch(request: Request, origin: Origin): Promise<Response>
  /** Ends waits, says farewell to sessions. */
  close(): Promise<void>
}

/** Where a request came from and where its answer goes. */
export interface Origin {
  readonly peer: Peer
  /** Writes the answer by itself, and returns what stands for it. Absent: a plain `Response`. */
  readonly send?: ((reply: Reply) => Response) | undefined
}

const methods: readonly Method[] = ['GET', 'POST', 'PATCH', 'DELETE']

type AppContext = Context<{ Bindings: Origin }>

export function createApp(context: HandlerContext, options: ResolvedHandlerOptions): HttpApp {
  const { basePath } = options
  const stopping = new AbortController()
  const sessions = openSessions(context, options)
  const count = resultCounters(context)
  const cors = corsPolicy(options.corsOrigins)
  let document: object | undefined
  const ofMessages = messageRoutes(options)
  const routes: readonly Route[] = [
    ...ofMessages,
    ...controlRoutes(basePath),
    ...presenceRoutes(options),
    ...metaRoutes(context.ingress, () => {
      document ??= toOpenApi(routes, basePath, context.ingress.health().version)
      return document
    }),
  ]
  const dialectPaths = new DialectPaths(basePath, options.dialects)
  const exchanges: ExchangeContext = {
    sessions,
    budget: bodyBudget(options.bodiesBytesMax),
    bodyBytesMax: options.bodyBytesMax,
    basePath,
    cors,
    streams: openStreams(context, options.streamsMax),
    dialectPaths,
    queryTokenSecondsMax: options.queryTokenSecondsMax,
    stopping: stopping.signal,
  }

  async function run(c: AppContext, answer: Answerer): Promise<Response> {
    const { headers } = c.req.raw
    const { peer } = c.env
    const caller = options.trustProxy ? forwardedPeer(headers.get('x-forwarded-for'), peer) : peer
    try {
      return finish(c, await answer(c.req.raw, caller))
    } catch (failure) {
      return fail(c, failure)
    }
  }

  function fail(c: AppContext, failure: unknown): Response {
    const reply = errorReply(failure)
    if (reply.code === 'internal') context.onFault(failure, { part: 'http' })
    return finish(c, reply)
  }

  function finish(c: AppContext, reply: Reply): Response {
    count[reply.code ?? 'ok'].value++
    const extra = options.corsOrigins.length === 0 ? undefined : cors.headersFor(c.req.raw.headers.get('origin'))
    const whole = extra === undefined ? reply : { ...reply, headers: { ...reply.headers, ...extra } }
    return c.env.send === undefined ? toResponse(whole) : c.env.send(whole)
  }

  // The path as it came: decoded before it is cut into levels, it would be another path.
  const app = new Hono<{ Bindings: Origin }>({ getPath: request => pathOf(request.url) })
  for (const route of routes) {
    const answer = answerer(route, exchanges)
    app.on(route.method, `${basePath}${toPattern(route.path)}`, c => run(c, answer))
  }
  // Of a method there are two routes, with a subtopic and without: here one does for both.
  const inDialects = new Map(
    ofMessages.map(route => [
      route.method as string,
      answerer(route, exchanges, (url, session) => dialectPaths.parametersOf(url, session)),
    ]),
  )
  for (const { path, reply } of preparePages(options.pages)) {
    app.get(`${basePath}${path}`, c => finish(c, reply(c.req.raw.headers.get('if-none-match'))))
  }
  for (const path of Object.keys(options.pages)) {
    const matched = methods.map(method => app.router.match(method, `${basePath}${path}`)[0].length)
    if (matched.reduce((sum, count) => sum + count) > 1) throw new TypeError(`pages: ${path} is a path of the API`)
  }
  app.onError((error, c) => fail(c, error))

  /** No route of this method: is there one of another? */
  app.notFound(c => {
    const allowed = methodsOf(app, c.req.path)
    const inDialect = inDialects.get(c.req.method)
    if (allowed.length === 0 && inDialect !== undefined && dialectPaths.isOne(c.req.url)) return run(c, inDialect)
    if (allowed.length === 0) return fail(c, new ThingmeshError('not-found', 'no such path'))
    const allow = allowed.join(', ')
    if (c.req.method === 'OPTIONS') {
      const isPreflight = c.req.raw.headers.has('access-control-request-method') && options.corsOrigins.length > 0
      return finish(c, emptyReply(204, { allow, ...(isPreflight ? preflightHeaders(allowed) : undefined) }))
    }
    const refusal = new ThingmeshError('unsupported', `method is not allowed here, allowed are ${allow}`)
    return finish(c, errorReply(refusal, 405, { allow }))
  })

  return {
    registered: app.routes,
    get streamCount() {
      return exchanges.streams.size
    },
    fetch: async (request, origin) => app.fetch(request, origin),
    close() {
      stopping.abort()
      return sessions.close()
    },
  }
}

/** `/things/:thing` for `/things/{thing}`; a subtopic has one level or more. */
function toPattern(path: string): string {
  return path
    .split('/')
    .map(segment => {
      const name = parameterName(segment)
      return name === undefined ? segment : name === 'subtopic' ? ':subtopic{.+}' : `:${name}`
    })
    .join('/')
}

function methodsOf(app: Hono<{ Bindings: Origin }>, path: string): readonly string[] {
  const found = methods.filter(method => app.router.match(method, path)[0].length > 0)
  if (found.length === 0) return found
  return found.includes('GET') ? ['HEAD', 'OPTIONS', ...found] : ['OPTIONS', ...found]
}

function resultCounters({ meter }: HandlerContext): Readonly<Record<ErrorCode | 'ok', Counter>> {
  const results = ['ok', ...errorCodes] as const
  const counters = results.map(result => [
    result,
    meter.counter('thingmesh_http_requests_total', 'Requests answered, by result.', { result }),
  ])
  return Object.fromEntries(counters) as Record<ErrorCode | 'ok', Counter>
}
