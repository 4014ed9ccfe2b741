import { createServer, type Server, type Socket } from 'node:net'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext, Places } from '../../contracts/index.ts'
import { type CoapTcpLimits, type CoapTcpListenerOptions, defaultCoapTcpLimits } from './options.ts'
import { composeServices, type Services } from './services.ts'
import { type StreamWire, TcpConnection, type TcpConnectionContext } from './tcp-connection.ts'

const tickMs = 1_000

/** CoAP over TCP (RFC 8323), with the same resources as over UDP. */
export function coapTcpListener(options: CoapTcpListenerOptions = {}): Listener {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return new CoapTcpListener({ ...defaultCoapTcpLimits, ...(Object.fromEntries(given) as Partial<CoapTcpLimits>) })
}

class CoapTcpListener implements Listener {
  readonly protocol = 'coap+tcp'
  readonly #limits: CoapTcpLimits
  readonly #connections = new Map<Socket, TcpConnection>()
  #server: Server | undefined
  #services: Services | undefined
  #ticker: NodeJS.Timeout | undefined

  constructor(limits: CoapTcpLimits) {
    this.#limits = limits
  }

  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : undefined
  }

  async start(context: ListenerContext): Promise<void> {
    if (this.#server !== undefined) return
    const services = composeServices(this.#limits, context, 'tcp')
    const { counters, resources } = services
    const places = context.places(this.#limits)
    const connectionContext: TcpConnectionContext = {
      limits: this.#limits,
      counters,
      answer: (request, remote) => resources.answer(request, remote),
      nowMs: () => performance.now(),
    }
    context.meter.gauge('thingmesh_coap_connections', 'Open CoAP connections over TCP.', () => this.#connections.size)
    const server = createServer({ noDelay: true, keepAlive: true }, socket =>
      this.#accept(socket, places, connectionContext, services),
    )
    await listen(server, this.#limits)
    server.on('error', error => context.onFault(error, { part: 'coap' }))
    this.#server = server
    this.#services = services
    this.#ticker = setInterval(() => this.#tick(services), tickMs).unref()
  }

  async stop(): Promise<void> {
    const server = this.#server
    const services = this.#services
    if (server === undefined || services === undefined) return
    this.#server = undefined
    this.#services = undefined
    clearInterval(this.#ticker)
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    await services.close(async () => {
      await Promise.all([...this.#connections.values()].map(connection => connection.settled()))
    })
    for (const connection of this.#connections.values()) connection.release()
    const cut = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy()
    }, tickMs)
    await closed
    clearTimeout(cut)
  }

  #accept(socket: Socket, places: Places, context: TcpConnectionContext, { counters, observers }: Services): void {
    const address = socket.remoteAddress ?? ''
    const place = places.take(address)
    if (typeof place === 'string') {
      counters.refused[place].value += 1
      socket.destroy()
      return
    }
    const peer = { address, port: socket.remotePort }
    const connection = new TcpConnection(`${address} ${socket.remotePort}`, peer, toWire(socket), context)
    this.#connections.set(socket, connection)
    socket.on('data', chunk => connection.receive(toPlainBytes(chunk as Buffer)))
    socket.on('drain', () => connection.drained())
    // What follows an error is 'close'.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#connections.delete(socket)
      place()
      connection.lost()
      observers.forget(connection)
    })
  }

  #tick(services: Services): void {
    services.tick()
    const nowMs = performance.now()
    const { settingsTimeoutMs, drainTimeoutMs, observerSilenceMs } = this.#limits
    const { refused } = services.counters
    for (const [socket, connection] of this.#connections) {
      const { fullSinceMs } = connection
      if (!connection.isSettled && nowMs - connection.openedAtMs > settingsTimeoutMs) {
        refused['settings-timeout'].value += 1
        socket.destroy()
      } else if (fullSinceMs !== undefined && nowMs - fullSinceMs > drainTimeoutMs) {
        refused['drain-timeout'].value += 1
        socket.destroy()
      } else if (connection.isLost(nowMs) || connection.isClosed) socket.destroy()
      else if (nowMs - connection.heardAtMs > observerSilenceMs) connection.ping()
    }
  }
}

function toWire(socket: Socket): StreamWire {
  return {
    get waitingBytes() {
      return socket.writableLength
    },
    write(bytes, onTaken) {
      if (!socket.writable) return
      socket.write(bytes, error => {
        if (error == null) onTaken?.()
      })
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end() {
      socket.end()
      // A peer that broke a rule, or is told to go, need not close its side.
      socket.destroySoon()
    },
  }
}

/** A Node `Buffer` becomes the `Uint8Array` that it is: payloads would be Buffers too. */
function toPlainBytes(chunk: Buffer): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
}

function listen(server: Server, { host, port }: CoapTcpLimits): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      const message = taken ? `port ${port} on ${host} is taken` : `cannot listen on ${host}:${port}`
      const details = { host, port, protocol: 'coap+tcp' }
      reject(new ThingmeshError(taken ? 'conflict' : 'unavailable', message, { cause: error, details }))
    }
    server.once('error', onError)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', onError)
      resolve()
    })
  })
}
