import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import { isIP, isIPv6 } from 'node:net'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext } from '../../contracts/index.ts'
import { checkOptions, withDefaults } from '../../contracts/options.ts'
import { CoapEngine } from './engine.ts'
import { type CoapLimits, type CoapListenerOptions, checkFactor, coapRules, defaultCoapLimits } from './options.ts'
import { composeServices } from './services.ts'
import { SocketWire } from './socket-wire.ts'

const tickMs = 50
const slowTickMs = 1_000
const receiveBufferBytes = 4 * 1024 * 1024

/** CoAP over UDP (RFC 7252). */
export function coapListener(options: CoapListenerOptions = {}): Listener {
  checkOptions('coapListener', options, { ...defaultCoapLimits, ackRandomFactor: true }, coapRules)
  checkFactor(options)
  return new CoapListener(withDefaults(defaultCoapLimits, options as Partial<CoapLimits>))
}

interface Running {
  readonly socket: Socket
  readonly address: { readonly host: string; readonly port: number }
  stop(): Promise<void>
}

class CoapListener implements Listener {
  readonly protocol = 'coap'
  readonly #limits: CoapLimits
  #running: Running | undefined

  constructor(limits: CoapLimits) {
    this.#limits = limits
  }

  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.#running?.address
  }

  async start(context: ListenerContext): Promise<void> {
    this.#running ??= await run(this.#limits, context)
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.stop()
  }
}

async function run(limits: CoapLimits, context: ListenerContext): Promise<Running> {
  const socket = await listen(limits)
  const { address: host, port } = socket.address()
  const door = `${host}:${port}`
  const services = composeServices(limits, context, 'udp', door)
  const { counters, echo, resources, observers } = services
  const fault = (error: unknown) => context.onFault(error, { part: 'coap' })
  const engine = new CoapEngine({
    limits,
    counters,
    wire: new SocketWire(socket, limits, counters),
    echo,
    answer: (request, remote) => resources.answer(request, remote),
    onForgotten: remote => observers.forget(remote),
    nowMs: () => performance.now(),
    random: Math.random,
    // Of the pool: small ones by the thousand, each in an allocation of its own, cost more than all the rest of a reply.
    allocate: bytes => Buffer.allocUnsafe(bytes),
  })
  const gauge = (name: string, help: string, read: () => number) =>
    context.meter.gauge(`thingmesh_coap_${name}`, help, read, { transport: 'udp', listener: door })
  gauge('peers', 'Endpoints of which anything is remembered.', () => engine.peerCount)
  gauge('exchanges', 'Requests that are remembered, in case they come again.', () => engine.exchangeCount)
  gauge('requests', 'Requests that are not answered yet.', () => engine.requestCount)

  socket.on('message', (datagram, { address, port }) => {
    try {
      engine.receive(datagram, address, port)
    } catch (error) {
      fault(error)
    }
  })
  socket.on('error', fault)
  const ticking = setInterval(() => engine.tick(remote => observers.has(remote)), tickMs).unref()
  const slowly = setInterval(() => services.tick(), slowTickMs).unref()
  return {
    socket,
    address: { host, port },
    async stop() {
      clearInterval(ticking)
      clearInterval(slowly)
      await services.close(() => engine.settled())
      engine.close()
      await new Promise<void>(resolve => socket.close(() => resolve()))
    },
  }
}

async function listen({ host, port }: CoapLimits): Promise<Socket> {
  const address = await resolveHost(host)
  const family = isIPv6(address) ? 6 : 4
  const socket = createSocket({
    type: `udp${family}`,
    // Addresses of peers are addresses: there is nothing to look up, nor to see of what kind they are.
    lookup: (name, _options, callback) => callback(null, name, family),
  })
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      const message = taken ? `port ${port} on ${host} is taken` : `cannot listen on ${host}:${port}`
      socket.close()
      reject(
        new ThingmeshError(taken ? 'conflict' : 'unavailable', message, {
          cause: error,
          details: { host, port, protocol: 'coap' },
        }),
      )
    })
    socket.bind({ address, port }, () => {
      socket.removeAllListeners('error')
      enlargeBuffer(socket)
      resolve(socket)
    })
  })
}

/** A burst should wait rather than be lost; a system that does not allow it has its reasons. */
function enlargeBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(receiveBufferBytes)
  } catch {
    // As large as it was.
  }
}

function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return Promise.resolve(host)
  return new Promise((resolve, reject) => {
    lookup(host, (error, address) => {
      if (error === null) resolve(address)
      else reject(new ThingmeshError('unavailable', `cannot listen on ${host}: no such host`, { cause: error }))
    })
  })
}
