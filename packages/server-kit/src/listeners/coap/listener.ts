import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import { isIP, isIPv6 } from 'node:net'
import { ThingmeshError } from '@thingmesh/core'
import type { Listener, ListenerContext } from '../../contracts/index.ts'
import { type CoapCounters, coapCounters } from './counters.ts'
import { Downloads } from './downloads.ts'
import { EchoValues } from './echo.ts'
import { CoapEngine } from './engine.ts'
import { Observers } from './observers.ts'
import { type CoapLimits, type CoapListenerOptions, defaultCoapLimits } from './options.ts'
import { Resources } from './resources.ts'
import { Sessions } from './sessions.ts'
import { Transfers } from './transfers.ts'
import { Uploads } from './uploads.ts'

const tickMs = 50
const slowTickMs = 1_000
/** For what is under way when the listener stops. */
const drainMs = 2_000
const echoLifetimeMs = 120_000
const receiveBufferBytes = 4 * 1024 * 1024

/** CoAP over UDP (RFC 7252). */
export function coapListener(options: CoapListenerOptions = {}): Listener {
  return new CoapListener({ ...defaultCoapLimits, ...withoutUndefined(options) })
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

async function run(limits: CoapLimits, { ingress, meter, onFault }: ListenerContext): Promise<Running> {
  const socket = await listen(limits)
  const counters = coapCounters(meter)
  const fault = (error: unknown) => onFault(error, { part: 'coap' })
  const nowMs = () => performance.now()
  const transfers = new Transfers(limits, counters, nowMs)
  const downloads = new Downloads(transfers, nowMs)
  const uploads = new Uploads(transfers, limits, counters, nowMs)
  const sessions = new Sessions({ ingress, limits, counters, onFault: fault, nowMs })
  const observers = new Observers({ ingress, limits, counters, downloads, nowMs, onFault: fault })
  const echo = new EchoValues(echoLifetimeMs, nowMs)
  const resources = new Resources({ sessions, observers, uploads, downloads, echo })
  const engine = new CoapEngine({
    limits,
    counters,
    wire: { send: (bytes, address, port) => send(socket, bytes, address, port, limits, counters) },
    echo,
    answer: (request, remote) => resources.answer(request, remote),
    onForgotten: remote => observers.forget(remote),
    nowMs,
    random: Math.random,
  })
  const gauge = (name: string, help: string, read: () => number) => meter.gauge(`thingmesh_coap_${name}`, help, read)
  gauge('peers', 'Endpoints of which anything is remembered.', () => engine.peerCount)
  gauge('exchanges', 'Requests that are remembered, in case they come again.', () => engine.exchangeCount)
  gauge('requests', 'Requests that are not answered yet.', () => engine.requestCount)
  gauge('observers', 'Observers.', () => observers.count)
  gauge('notifications_waiting_bytes', 'Notifications that wait for the one before.', () => observers.waitingBytes)
  gauge('transfers', 'Bodies under way in blocks.', () => transfers.count)
  gauge('transfers_bytes', 'Bytes of bodies under way in blocks.', () => transfers.bytes)

  socket.on('message', (datagram, { address, port }) => {
    try {
      engine.receive(toPlainBytes(datagram), address, port)
    } catch (error) {
      fault(error)
    }
  })
  socket.on('error', fault)
  const ticking = setInterval(() => engine.tick(remote => observers.has(remote)), tickMs).unref()
  const slowly = setInterval(() => {
    transfers.tick()
    sessions.tick()
    observers.tick()
  }, slowTickMs).unref()
  const { address: host, port } = socket.address()
  return {
    socket,
    address: { host, port },
    async stop() {
      clearInterval(ticking)
      clearInterval(slowly)
      await observers.close()
      await Promise.race([engine.settled(), new Promise(resolve => setTimeout(resolve, drainMs).unref())])
      await sessions.close()
      engine.close()
      await new Promise<void>(resolve => socket.close(() => resolve()))
    },
  }
}

/** What the system does not take goes nowhere, as on the way: who waits for it asks again. */
function send(
  socket: Socket,
  bytes: Uint8Array,
  address: string,
  port: number,
  { socketBytesMax }: CoapLimits,
  { refused }: CoapCounters,
): void {
  if (socket.getSendQueueSize() + bytes.length > socketBytesMax) {
    refused['socket-bytes'].value += 1
    return
  }
  socket.send(bytes, port, address, error => {
    if (error !== null) refused['socket-bytes'].value += 1
  })
}

async function listen({ host, port }: CoapLimits): Promise<Socket> {
  const address = await resolveHost(host)
  const socket = createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    // Addresses of peers are addresses: there is nothing to look up.
    lookup: (name, _options, callback) => callback(null, name, isIP(name)),
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

/** A Node `Buffer` becomes the `Uint8Array` that it is: payloads would be Buffers too. */
function toPlainBytes(datagram: Buffer): Uint8Array {
  return new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.length)
}

function withoutUndefined(options: CoapListenerOptions): Partial<CoapLimits> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<CoapLimits>
}
