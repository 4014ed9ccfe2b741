import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ThingmeshError } from '@thingmesh/core'
import { WebSocketServer } from 'ws'
import type { Caller, ListenerContext, Upgrade, WebSocketRoute } from '../../contracts/index.ts'
import { checkOptions } from '../../contracts/options.ts'
import { openConnection } from './connection.ts'
import { type WebSocketCounters, type WebSocketRefusal, webSocketCounters } from './counters.ts'

export interface WebSocketsOptions {
  readonly routes: readonly WebSocketRoute[]
  /**
   * Origins whose scripts may connect: `https://app.example`, or `*` for any. None by default. Who sends no origin is no browser, and is
   * let through.
   */
  readonly origins?: readonly string[] | undefined
}

/** How long the peer may take to answer the close, before the connection is cut. */
const closeTimeoutMs = 2_000

/** WebSockets on an HTTP listener: `httpListener({ upgrade: webSockets({ routes: [mqttOverWebSocket()] }) })`. */
export function webSockets(options: WebSocketsOptions): Upgrade {
  const { routes, origins = [] } = options
  checkOptions('webSockets', options, { routes, origins })
  for (const { path } of routes) {
    if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path)) throw new TypeError('the path of a WebSocket route is not like /a/b')
  }
  if (new Set(routes.map(({ path }) => path)).size < routes.length)
    throw new TypeError('two WebSocket routes have one path')
  return new WebSockets(routes, new Set(origins.map(origin => origin.toLowerCase())))
}

class WebSockets implements Upgrade {
  readonly #routes: readonly { readonly route: WebSocketRoute; readonly server: WebSocketServer }[]
  readonly #origins: ReadonlySet<string>
  #counters: WebSocketCounters | undefined

  constructor(routes: readonly WebSocketRoute[], origins: ReadonlySet<string>) {
    this.#routes = routes.map(route => ({ route, server: toServer(route) }))
    this.#origins = origins
  }

  start(context: ListenerContext, door: string): void {
    if (this.#counters !== undefined) throw new TypeError('one webSockets() serves one listener')
    this.#counters = webSocketCounters(context.meter)
    for (const { route } of this.#routes) route.start(context, `${door}${route.path}`)
  }

  async stop(): Promise<void> {
    if (this.#counters === undefined) return
    this.#counters = undefined
    await Promise.all(this.#routes.map(({ route }) => route.stop()))
  }

  isMeantBy({ headers }: IncomingMessage): boolean {
    return headers.upgrade?.toLowerCase() === 'websocket'
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer, caller: Caller): ThingmeshError | undefined {
    const counters = this.#counters
    if (counters === undefined) return new ThingmeshError('unavailable', 'the hub is stopping')
    const refuse = (limit: WebSocketRefusal, error: ThingmeshError) => {
      counters[limit].value += 1
      return error
    }
    const { url = '', headers } = request
    const path = url.split('?', 1)[0]!
    const found = this.#routes.find(({ route }) => route.isAt(path))
    if (found === undefined) return refuse('path', new ThingmeshError('not-found', 'no WebSocket at this path'))
    // A browser lets any page connect to anywhere, with what it knows of the user there (RFC 6455, section 10.2).
    if (!this.#allows(headers.origin)) {
      return refuse('origin', new ThingmeshError('permission-denied', 'the origin is not one that is let in'))
    }
    const { route, server } = found
    const { authorization, 'sec-websocket-protocol': names } = headers
    const offered = names === undefined ? [] : names.split(',').map(name => name.trim())
    const isOptional = route.subprotocolOptional && offered.length === 0
    if (!isOptional && !route.subprotocols.some(name => offered.includes(name))) {
      const message = `no subprotocol is offered that is spoken here: ${route.subprotocols.join(', ')}`
      return refuse('subprotocol', new ThingmeshError('invalid-argument', message))
    }
    let isOpened = false
    server.handleUpgrade(request, socket, head, webSocket => {
      isOpened = true
      openConnection({
        webSocket,
        socket,
        route,
        opening: { ...caller, target: url, authorization, offered },
        counters,
      })
    })
    // Answered by then: the handshake itself is at fault.
    if (!isOpened) counters.handshake.value += 1
    return undefined
  }

  #allows(origin: string | undefined): boolean {
    return origin === undefined || this.#origins.has('*') || this.#origins.has(origin.toLowerCase())
  }
}

function toServer({ messageBytesMax, subprotocols }: WebSocketRoute): WebSocketServer {
  const options = {
    noServer: true,
    clientTracking: false,
    // A few bytes that unfold to many are an attack; and telemetry is small.
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
    handleProtocols: (offered: Set<string>) => subprotocols.find(name => offered.has(name)) ?? false,
    // See `connection.ts`.
    autoPong: false,
    closeTimeout: closeTimeoutMs,
  }
  return new WebSocketServer(options)
}
