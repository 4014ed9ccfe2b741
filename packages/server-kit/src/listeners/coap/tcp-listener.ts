import { createServer, type Server, type Socket } from 'node:net'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext } from '../../contracts/index.ts'
import { checkOptions, portRule, withDefaults } from '../../contracts/options.ts'
import { tcpFraming } from './framing.ts'
import { type CoapTcpLimits, type CoapTcpListenerOptions, defaultCoapTcpLimits, reliableRules } from './options.ts'
import type { ReliableWire } from './reliable-connection.ts'
import { ReliableConnections } from './reliable-connections.ts'

/** CoAP over TCP (RFC 8323), with the same resources as over UDP. */
export function coapTcpListener(options: CoapTcpListenerOptions = {}): Listener {
  checkOptions('coapTcpListener', options, defaultCoapTcpLimits, { port: portRule, ...reliableRules })
  return new CoapTcpListener(withDefaults(defaultCoapTcpLimits, options as Partial<CoapTcpLimits>))
}

class CoapTcpListener implements Listener {
  readonly protocol = 'coap+tcp'
  readonly #limits: CoapTcpLimits
  readonly #connections: ReliableConnections
  #server: Server | undefined

  constructor(limits: CoapTcpLimits) {
    this.#limits = limits
    this.#connections = new ReliableConnections(limits, 'tcp')
  }

  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : undefined
  }

  async start(context: ListenerContext): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ noDelay: true, keepAlive: true }, socket => this.#accept(socket))
    await listen(server, this.#limits)
    server.on('error', error => context.onFault(error, { part: 'coap' }))
    this.#server = server
    const { host, port } = this.address!
    this.#connections.start(context, `${host}:${port}`)
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    await this.#connections.end()
    await closed
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const giveBack = this.#connections.admit(address)
    if (giveBack === undefined) {
      socket.destroy()
      return
    }
    const framing = tcpFraming(this.#limits.messageBytesMax)
    const connection = this.#connections.open(toWire(socket), framing, { address, port: socket.remotePort })
    socket.on('data', chunk => connection.receive(toPlainBytes(chunk as Buffer)))
    socket.on('drain', () => connection.drained())
    // What follows an error is 'close'.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      giveBack()
      this.#connections.closed(connection)
    })
  }
}

function toWire(socket: Socket): ReliableWire {
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
    destroy: () => socket.destroy(),
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
