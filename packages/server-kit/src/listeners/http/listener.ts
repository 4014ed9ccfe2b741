import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext } from '../../contracts/index.ts'
import { createApp, type HttpApp } from './app.ts'
import { type Connection, type Connections, type Refusal, refusalCounters, trackConnections } from './connections.ts'
import { errorReply } from './errors.ts'
import { type HttpListenerOptions, type ResolvedListenerOptions, resolveListenerOptions } from './options.ts'
import { unknownPeer } from './peer.ts'
import { type Reply, toResponse } from './reply.ts'
import { writeReply } from './write-reply.ts'

/** The HTTP door: `httpHandler` behind a server of Node's, with the limits that the bytes come under before it. */
export function httpListener(options: HttpListenerOptions = {}): Listener {
  const resolved = resolveListenerOptions(options)
  let running: Promise<RunningServer> | undefined
  let open: RunningServer | undefined
  return {
    protocol: 'http',
    get address() {
      return open && { host: resolved.host, port: open.port }
    },
    async start(context) {
      if (running === undefined) {
        const name = `${resolved.host}:${resolved.port}`
        const count = () => open?.connections.size ?? 0
        context.meter.gauge('thingmesh_http_connections', 'Open connections.', count, { listener: name })
        running = startServer(context, resolved)
      }
      try {
        open = await running
      } catch (error) {
        running = undefined
        throw error
      }
    },
    async stop() {
      const stopped = running
      running = undefined
      open = undefined
      await (await stopped?.catch(() => undefined))?.stop()
    },
  }
}

interface RunningServer {
  readonly port: number
  readonly connections: Connections
  stop(): Promise<void>
}

async function startServer(context: ListenerContext, options: ResolvedListenerOptions): Promise<RunningServer> {
  const app = createApp(context, options)
  const connections = trackConnections(options)
  const refused = refusalCounters(context.meter)
  let stopping = false
  const server = createServer({
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.requestTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    // How late a time-out may be noticed.
    connectionsCheckingInterval: Math.max(20, Math.min(1_000, options.requestTimeoutMs / 4)),
    keepAliveTimeout: options.keepAliveTimeoutMs,
  })
  // One more than allowed: Node drops what is beyond in silence, and we want to see that there was more.
  server.maxHeadersCount = options.headersMax + 1
  server.timeout = options.idleTimeoutMs

  const respond = requestListener(app, connections, () => stopping)
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.of(incoming.socket)
    if (connection === undefined) return
    if (++connection.requests > options.requestsPerConnectionMax) {
      refused.pipelining.value++
      incoming.socket.destroy()
      return
    }
    const { socket } = incoming
    outgoing.once('close', () => {
      connection.requests--
      connection.written = socket.bytesWritten
    })
    if (incoming.rawHeaders.length > 2 * options.headersMax) {
      refused.headers.value++
      writeReply(tooManyHeaders(options.headersMax), outgoing)
      return
    }
    respond(incoming, outgoing).catch(error => context.onFault(error, { part: 'http' }))
  }
  server.on('request', onRequest)
  server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // Who asks before sending is not told to go on with what is refused anyway.
    if (!(Number(incoming.headers['content-length']) > options.bodyBytesMax)) outgoing.writeContinue()
    onRequest(incoming, outgoing)
  })
  server.on('connection', socket => {
    const reason = connections.admit(socket)
    if (reason !== undefined) refused[reason].value++
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { reason, reply } = toClientError(error, options)
    refused[reason].value++
    if (mayAnswer(socket, connections.of(socket), reason)) endWith(socket, reply)
    else socket.destroy()
  })
  await listen(server, options)
  server.on('error', error => context.onFault(error, { part: 'http' }))
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async stop() {
      stopping = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      const cut = setTimeout(() => server.closeAllConnections(), options.stopTimeoutMs)
      await app.close()
      await closed
      clearTimeout(cut)
    },
  }
}

function requestListener(app: HttpApp, connections: Connections, isStopping: () => boolean) {
  return getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse }
      const send = (reply: Reply) => {
        if (isStopping()) outgoing.shouldKeepAlive = false
        writeReply(reply, outgoing)
        return RESPONSE_ALREADY_SENT
      }
      return app.fetch(request, { peer: connections.of(incoming.socket)?.peer ?? unknownPeer, send })
    },
    {
      // A library leaves the program's globals alone.
      overrideGlobalObjects: false,
      // HTTP/1.0 may come without a Host, and we do not use it.
      hostname: 'localhost',
      errorHandler: () => toResponse(malformed()),
    },
  )
}

function toClientError(
  error: NodeJS.ErrnoException,
  options: ResolvedListenerOptions,
): { readonly reason: Refusal; readonly reply: Reply } {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const message = `header has more than ${options.headerBytesMax} bytes`
    return { reason: 'header-bytes', reply: errorReply(new ThingmeshError('too-large', message), 431) }
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = `request was not complete after ${options.requestTimeoutMs} ms`
    return { reason: 'request-timeout', reply: errorReply(new ThingmeshError('timeout', message), 408) }
  }
  return { reason: 'malformed', reply: malformed() }
}

function malformed(): Reply {
  return errorReply(new ThingmeshError('invalid-argument', 'malformed request'))
}

function tooManyHeaders(max: number): Reply {
  return errorReply(new ThingmeshError('too-large', `request has more than ${max} header fields`), 431)
}

const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

/**
 * Whether what the parser stumbled over is what would be answered next. Otherwise the answer would be taken for that to
 * an earlier request, or stand in the middle of it. A body that is late belongs to a request that is counted already.
 */
function mayAnswer(socket: Socket, connection: Connection | undefined, reason: Refusal): boolean {
  if (!socket.writable || socket.bytesWritten !== connection?.written) return false
  return connection.requests <= (reason === 'request-timeout' ? 1 : 0)
}

/** For a connection on which the parser gave up, so that there is no response object to write to. */
function endWith(socket: Socket, { status, headers, body }: Reply): void {
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body ?? '') })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${reasonPhrases[status]}\r\n${head}\r\n${body ?? ''}`)
}

function listen(server: Server, { host, port }: ResolvedListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = `cannot listen on ${host}:${port}`
      const isTaken = error.code === 'EADDRINUSE'
      reject(
        isTaken
          ? new ThingmeshError('conflict', `${message}: the port is taken`, { cause: error })
          : new ThingmeshError('unavailable', `${message}: ${error.code ?? 'unknown error'}`, { cause: error }),
      )
    })
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}
