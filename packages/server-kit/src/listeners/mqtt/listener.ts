import { createServer, type Server, type Socket } from 'node:net'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext, Peer, TlsTerminator } from '../../contracts/index.ts'
import { MqttConnections } from './connections.ts'
import { type MqttListenerOptions, type ResolvedMqttListenerOptions, resolveMqttListenerOptions } from './options.ts'
import { SocketCarrier } from './socket-carrier.ts'

/** MQTT 3.1, 3.1.1 and 5 over TCP, or over TLS where it is given an identity. */
export function mqttListener(options: MqttListenerOptions = {}): Listener {
  return new MqttListener(resolveMqttListenerOptions(options))
}

class MqttListener implements Listener {
  readonly protocol = 'mqtt'
  readonly #options: ResolvedMqttListenerOptions
  readonly #connections: MqttConnections
  #server: Server | undefined
  #terminator: TlsTerminator | undefined

  constructor(options: ResolvedMqttListenerOptions) {
    this.#options = options
    this.#connections = new MqttConnections(options, options.tls === undefined ? 'tcp' : 'tls')
  }

  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : undefined
  }

  async start(context: ListenerContext): Promise<void> {
    if (this.#server !== undefined) return
    const { tls, connectTimeoutMs, handshakeBytesMax } = this.#options
    const server = createServer({ noDelay: true, keepAlive: true }, socket => this.#admit(socket))
    await listen(server, this.#options)
    server.on('error', error => context.onFault(error, { part: 'mqtt' }))
    this.#server = server
    const { host, port } = this.address!
    this.#connections.start(context, `${host}:${port}`)
    this.#terminator = tls?.terminator({
      protocols: ['mqtt'],
      handshakeTimeoutMs: connectTimeoutMs,
      handshakeBytesMax,
      onSecured: (socket, { sinceMs, certificate }) => this.#open(socket, toPeer(socket, certificate), sinceMs),
      onFailed: reason => {
        this.#connections.counters.refused[reason].value += 1
      },
    })
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    this.#terminator?.close()
    this.#connections.end()
    await closed
  }

  #admit(socket: Socket): void {
    const giveBack = this.#connections.admit(socket.remoteAddress ?? '')
    if (giveBack === undefined) {
      socket.destroy()
      return
    }
    socket.once('close', giveBack)
    if (this.#terminator === undefined) this.#open(socket, toPeer(socket))
    else this.#terminator.accept(socket)
  }

  #open(socket: Socket, peer: Peer, sinceMs?: number): void {
    const connection = this.#connections.open(new SocketCarrier(socket), peer, sinceMs)
    socket.on('data', chunk => connection.received(chunk as Buffer))
    // What follows an error is 'close'.
    socket.on('error', () => undefined)
    socket.on('close', () => connection.closed())
  }
}

function toPeer({ remoteAddress, remotePort }: Socket, certificate?: Peer['certificate']): Peer {
  return { address: remoteAddress ?? '', port: remotePort, certificate }
}

function listen(server: Server, { host, port }: ResolvedMqttListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      const message = taken ? `port ${port} on ${host} is taken` : `cannot listen on ${host}:${port}`
      reject(
        new ThingmeshError(taken ? 'conflict' : 'unavailable', message, {
          cause: error,
          details: { host, port, protocol: 'mqtt' },
        }),
      )
    }
    server.once('error', onError)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', onError)
      resolve()
    })
  })
}
