import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext, PeerCertificate } from '../../contracts/index.ts'
import { createApp, type HttpApp } from './app.ts'
import { type Connections, refusalCounters, trackConnections } from './connections.ts'
import { gaugeConnections, gaugeStreams } from './gauges.ts'
import { type HttpListenerOptions, type ResolvedListenerOptions, resolveListenerOptions } from './options.ts'
import { unknownPeer } from './peer.ts'
import { endWith, malformed, mayAnswer, toClientError, tooManyHeaders } from './raw-reply.ts'
import { type Reply, toResponse } from './reply.ts'
import { upgradeListener } from './upgrade.ts'
import { writeReply } from './write-reply.ts'

/**
 * The HTTP door: `httpHandler` behind a server of Node's, with the limits that the bytes come under before it. HTTPS where it is given an
 * identity.
 */
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
      running ??= startServer(context, resolved)
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
  stop(): Promise<void>
}

async function startServer(context: ListenerContext, options: ResolvedListenerOptions): Promise<RunningServer> {
  const app = createApp(context, options)
  const connections = trackConnections(context.places(options))
  const refused = refusalCounters(context.meter)
  let stopping = false
  const server = createServer({
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.requestTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    // How late a time-out may be noticed.
    connectionsCheckingInterval: Math.max(20, Math.min(1_000, options.requestTimeoutMs / 4)),
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // Before Node 24 all that ask for an upgrade, to whatever, come by the event below.
    shouldUpgradeCallback: request => options.upgrade?.isMeantBy(request) === true,
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
  // Node's own listener reads requests from whatever socket it is given: it comes after the limits, and after TLS.
  const [readRequests] = server.listeners('connection')
  server.removeAllListeners('connection')
  const open = (socket: Socket, certificate?: PeerCertificate) => {
    connections.open(socket, certificate)
    readRequests!.call(server, socket)
  }
  const terminator = options.tls?.terminator({
    protocols: ['http/1.1'],
    handshakeTimeoutMs: options.requestTimeoutMs,
    handshakeBytesMax: options.handshakeBytesMax,
    onSecured: (socket, { certificate }) => open(socket, certificate),
    onFailed: reason => {
      refused[reason].value++
    },
  })
  server.on('connection', (socket: Socket) => {
    const reason = connections.admit(socket)
    if (reason !== undefined) refused[reason].value++
    else if (terminator === undefined) open(socket)
    else terminator.accept(socket)
  })
  if (options.upgrade !== undefined)
    server.on('upgrade', upgradeListener(options.upgrade, connections, refused, options))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { reason, reply } = toClientError(error, options)
    refused[reason].value++
    if (mayAnswer(socket, connections.of(socket), reason)) endWith(socket, reply)
    else socket.destroy()
  })
  await listen(server, options)
  const { port } = server.address() as AddressInfo
  const door = `${options.host}:${port}`
  gaugeConnections(context.meter, connections, { listener: door })
  gaugeStreams(context.meter, app, { listener: door })
  options.upgrade?.start(context, door)
  server.on('error', error => context.onFault(error, { part: 'http' }))
  return {
    port,
    async stop() {
      stopping = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      terminator?.close()
      const cut = setTimeout(() => server.closeAllConnections(), options.stopTimeoutMs)
      await Promise.all([app.close(), options.upgrade?.stop()])
      connections.cutUnused()
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
