import { createServer, type Server, type Socket } from 'node:net'
import { getDefaultHighWaterMark } from 'node:stream'
import { ThingmeshError } from '@thingmesh/core'
import { ReasonCode } from '@thingmesh/core/mqtt'
import type { Counter, Dialect, Listener, ListenerContext, Meter } from '../../contracts/index.ts'
import { Decisions, type MqttDecisions } from './decisions.ts'
import { type EngineContext, MqttEngine } from './engine.ts'
import { defaultMqttLimits, type MqttLimits, type MqttListenerOptions } from './options.ts'
import { Publications } from './publications.ts'
import { TcpWire, type TcpWireContext } from './tcp-wire.ts'
import { TopicWriter } from './topic-writer.ts'
import { WriteBuffers } from './write-buffers.ts'

const tickMs = 1000

/** MQTT 3.1, 3.1.1 and 5 over TCP. */
export function mqttListener(options: MqttListenerOptions = {}): Listener {
  const { dialects = [], responseInformation, redirect, ...limits } = options
  checkNames(dialects)
  const resolved = { ...defaultMqttLimits, ...withoutUndefined(limits) }
  return new MqttListener(resolved, { responseInformation, redirect }, dialects)
}

interface Connection {
  readonly socket: Socket
  readonly engine: MqttEngine
  readonly address: string
  /** Monotonic, in milliseconds. */
  readonly since: number
  heardAt: number
  /** Since when the socket has been full. */
  fullSince: number | undefined
  /** A tick has found it closed. */
  isLeaving: boolean
}

class MqttListener implements Listener {
  readonly protocol = 'mqtt'
  readonly #limits: MqttLimits
  readonly #decide: MqttDecisions
  readonly #connections = new Map<TcpWire, Connection>()
  readonly #byAddress = new Map<string, number>()
  readonly #dialects: readonly Dialect[]
  readonly #publications: Publications
  readonly #buffers = new WriteBuffers()
  #server: Server | undefined
  #ticker: NodeJS.Timeout | undefined
  #dirty: TcpWire[] = []
  #flushing: NodeJS.Immediate | undefined

  constructor(limits: MqttLimits, decide: MqttDecisions, dialects: readonly Dialect[]) {
    this.#limits = limits
    this.#decide = decide
    this.#dialects = dialects
    this.#publications = new Publications(new TopicWriter(dialects))
  }

  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? { host: address.address, port: address.port } : undefined
  }

  async start({ ingress, meter, onFault }: ListenerContext): Promise<void> {
    if (this.#server !== undefined) return
    const report = (error: unknown) => onFault(error, { part: 'mqtt' })
    const context: EngineContext = {
      ingress,
      limits: this.#limits,
      decisions: new Decisions(this.#decide, report),
      publications: this.#publications,
      dialects: this.#dialects,
      tooLargeForPeer: dropped(meter, 'too-large-for-peer'),
      unsayable: dropped(meter, 'no-topic-for-peer'),
      onFault: report,
    }
    const counts = listenerCounters(meter)
    meter.gauge(
      'thingmesh_mqtt_connections',
      'Open MQTT connections, whether or not they have proved who they are.',
      () => this.#connections.size,
    )
    // A socket tells that it has drained only where its own mark was reached: it must not lie above what may wait.
    const highWaterMark = Math.min(getDefaultHighWaterMark(false), this.#limits.socketBytesMax)
    const server = createServer({ noDelay: true, keepAlive: true, highWaterMark }, socket =>
      this.#accept(socket, context, counts),
    )
    await listen(server, this.#limits)
    server.on('error', report)
    this.#server = server
    this.#ticker = setInterval(() => this.#tick(counts), tickMs).unref()
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    clearInterval(this.#ticker)
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    const reason = new ThingmeshError('unavailable', 'the hub is stopping')
    for (const { engine } of this.#connections.values()) engine.stop(reason)
    const cut = setTimeout(() => {
      for (const { socket } of this.#connections.values()) socket.destroy()
    }, tickMs)
    await closed
    clearTimeout(cut)
  }

  #accept(socket: Socket, context: EngineContext, counts: ListenerCounters): void {
    const address = socket.remoteAddress ?? ''
    const fromThere = this.#byAddress.get(address) ?? 0
    const { connectionsMax, connectionsPerAddressMax, socketBytesMax } = this.#limits
    if (this.#connections.size >= connectionsMax || fromThere >= connectionsPerAddressMax) {
      counts.refused[fromThere >= connectionsPerAddressMax ? 'connections-per-address' : 'connections'].value += 1
      socket.destroy()
      return
    }
    this.#byAddress.set(address, fromThere + 1)
    const wireContext: TcpWireContext = {
      buffers: this.#buffers,
      socketBytesMax,
      schedule: wire => this.#schedule(wire),
      onFailed: ({ code }) => {
        counts.failed(code).value += 1
      },
    }
    const wire = new TcpWire(socket, wireContext)
    const engine = new MqttEngine(context, wire, { address, port: socket.remotePort })
    const now = performance.now()
    const connection: Connection = {
      socket,
      engine,
      address,
      since: now,
      heardAt: now,
      fullSince: undefined,
      isLeaving: false,
    }
    this.#connections.set(wire, connection)
    socket.on('data', chunk => {
      connection.heardAt = performance.now()
      engine.receive(chunk as Buffer)
    })
    socket.on('drain', () => {
      connection.fullSince = undefined
      engine.drained()
    })
    // What follows an error is 'close'.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#connections.delete(wire)
      this.#forget(address)
      engine.lost()
    })
  }

  #forget(address: string): void {
    const rest = (this.#byAddress.get(address) ?? 1) - 1
    if (rest === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, rest)
  }

  /** One flush a turn for all connections: writes of one turn leave together. */
  #schedule(wire: TcpWire): void {
    this.#dirty.push(wire)
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      const wires = this.#dirty
      this.#dirty = []
      this.#publications.forget()
      for (const one of wires) one.flush()
    })
  }

  #tick(counts: ListenerCounters): void {
    const now = performance.now()
    const { connectTimeoutMs, drainTimeoutMs } = this.#limits
    for (const [wire, connection] of this.#connections) {
      const { engine, socket } = connection
      if (engine.isClosed) {
        // One that does not read its farewell goes without it.
        if (connection.isLeaving) socket.destroy()
        connection.isLeaving = true
        continue
      }
      if (!engine.isOpen) {
        if (now - connection.since > connectTimeoutMs) {
          counts.refused['connect-timeout'].value += 1
          socket.destroy()
        }
        continue
      }
      if (now - (engine.authenticatesSinceMs ?? now) > connectTimeoutMs) {
        counts.refused['connect-timeout'].value += 1
        const details = { limit: connectTimeoutMs, reasonCode: ReasonCode.notAuthorized }
        engine.end(new ThingmeshError('timeout', `not authenticated again within ${connectTimeoutMs} ms`, { details }))
        continue
      }
      const silenceMs = engine.silenceMaxSeconds * 1000
      if (silenceMs > 0 && now - connection.heardAt > silenceMs && !socket.isPaused()) {
        counts.refused['keep-alive'].value += 1
        engine.end(new ThingmeshError('timeout', `nothing heard for ${Math.round(silenceMs / 1000)} s`))
      }
      if (!wire.isFull) connection.fullSince = undefined
      else if (connection.fullSince === undefined) connection.fullSince = now
      else if (now - connection.fullSince > drainTimeoutMs) {
        counts.refused['drain-timeout'].value += 1
        // Nothing that is still to be said would be read.
        socket.destroy()
      }
    }
  }
}

const listenerRefusals = [
  'connections',
  'connections-per-address',
  'connect-timeout',
  'keep-alive',
  'drain-timeout',
] as const

interface ListenerCounters {
  readonly refused: Readonly<Record<(typeof listenerRefusals)[number], Counter>>
  failed(code: string): Counter
}

function listenerCounters(meter: Meter): ListenerCounters {
  const refused = Object.fromEntries(
    listenerRefusals.map(limit => [
      limit,
      meter.counter('thingmesh_mqtt_refused_total', 'Connections refused or cut at a limit.', { limit }),
    ]),
  ) as ListenerCounters['refused']
  return {
    refused,
    failed: code =>
      meter.counter('thingmesh_mqtt_failures_total', 'Connections ended because of what the peer sent.', { code }),
  }
}

function dropped(meter: Meter, reason: string): Counter {
  const help = 'Accepted messages, or copies of them, that did not arrive.'
  return meter.counter('thingmesh_messages_dropped_total', help, { reason })
}

/** Sessions know their dialect by its name. */
function checkNames(dialects: readonly Dialect[]): void {
  const names = new Set(dialects.map(({ name }) => name))
  if (names.size < dialects.length || dialects.some(({ name }) => name === '' || name.includes(' '))) {
    throw new TypeError('mqttListener: dialects need names of their own, without spaces')
  }
}

function listen(server: Server, { host, port }: MqttLimits): Promise<void> {
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

function withoutUndefined(options: Omit<MqttListenerOptions, 'dialects' | keyof MqttDecisions>): Partial<MqttLimits> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<MqttLimits>
}
