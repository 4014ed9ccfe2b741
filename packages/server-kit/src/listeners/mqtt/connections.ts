import { getDefaultHighWaterMark } from 'node:stream'
import { ThingmeshError } from '@thingmesh/core'
import type { ListenerContext, Peer, Places } from '../../contracts/index.ts'
import type { Carrier } from './carrier.ts'
import { Connection } from './connection.ts'
import { type ConnectionCounters, connectionCounters, type Transport } from './counters.ts'
import { Decisions } from './decisions.ts'
import { type EngineContext, MqttEngine } from './engine.ts'
import { GatheredWire, type GatheredWireContext } from './gathered-wire.ts'
import type { ResolvedMqttOptions } from './options.ts'
import { Publications } from './publications.ts'
import { TopicWriter } from './topic-writer.ts'
import { WriteBuffers } from './write-buffers.ts'

const tickMs = 1000

/** The MQTT connections of one door, however their bytes come: who may connect, one flush a turn, and time. */
export class MqttConnections {
  readonly #limits: ResolvedMqttOptions
  readonly #transport: Transport
  readonly #open = new Set<Connection>()
  readonly #publications: Publications
  #places: Places | undefined
  #context: EngineContext | undefined
  #counters: ConnectionCounters | undefined
  #ticker: NodeJS.Timeout | undefined
  #dirty: GatheredWire[] = []
  #flushing: NodeJS.Immediate | undefined
  readonly #wireContext: GatheredWireContext

  constructor(options: ResolvedMqttOptions, transport: Transport) {
    this.#limits = options
    this.#publications = new Publications(new TopicWriter(options.dialects))
    this.#transport = transport
    this.#wireContext = {
      buffers: new WriteBuffers(),
      socketBytesMax: options.socketBytesMax,
      drainBytesMin: Math.min(getDefaultHighWaterMark(false), options.socketBytesMax),
      schedule: wire => this.#schedule(wire),
      onFailed: ({ code }) => {
        this.counters.failed(code).value += 1
      },
    }
  }

  get counters(): ConnectionCounters {
    if (this.#counters === undefined) throw new TypeError('start comes first')
    return this.#counters
  }

  /** `door` tells it from others of its kind, in metrics: `127.0.0.1:1883`. */
  start({ ingress, meter, places, keysPerPublisherMax, onFault }: ListenerContext, door: string): void {
    const opened = places(this.#limits)
    this.#places = opened
    const counters = connectionCounters(meter, this.#transport)
    this.#counters = counters
    const report = (error: unknown) => onFault(error, { part: 'mqtt' })
    this.#context = {
      ingress,
      limits: this.#limits,
      keysPerPublisherMax,
      decisions: new Decisions(this.#limits.decisions, report),
      publications: this.#publications,
      dialects: this.#limits.dialects,
      bytes: counters.bytes,
      tooLargeForPeer: counters.tooLargeForPeer,
      unsayable: counters.unsayable,
      onFault: report,
    }
    meter.gauge(
      'thingmesh_mqtt_connections',
      'Open MQTT connections, whether or not they have proved who they are.',
      () => opened.taken,
      { transport: this.#transport, listener: door },
    )
    this.#ticker = setInterval(() => this.#tick(), tickMs).unref()
  }

  /** Says farewell to everybody, and cuts off after a second who does not go. Settles at once. */
  end(): void {
    clearInterval(this.#ticker)
    const reason = new ThingmeshError('unavailable', 'the hub is stopping')
    for (const connection of this.#open) connection.stop(reason)
    const cut = setTimeout(() => {
      for (const connection of this.#open) connection.destroy()
    }, tickMs)
    cut.unref()
  }

  /**
   * Takes a place for a connection from this address, to be given back by the function returned when it is gone. Undefined where a
   * limit is reached, which is counted.
   */
  admit(address: string): (() => void) | undefined {
    const place = this.#places!.take(address)
    if (typeof place === 'function') return place
    this.counters.refused[place].value += 1
    return undefined
  }

  /** Of a connection that has a place. `sinceMs` is when it began, monotonic. */
  open(carrier: Carrier, peer: Peer, sinceMs = performance.now()): Connection {
    const wire = new GatheredWire(carrier, this.#wireContext, () => connection.drained())
    const engine = new MqttEngine(this.#context!, wire, peer)
    const connection: Connection = new Connection(engine, wire, carrier, sinceMs, () => this.#open.delete(connection))
    this.#open.add(connection)
    return connection
  }

  /** One flush a turn for all connections: writes of one turn leave together. */
  #schedule(wire: GatheredWire): void {
    this.#dirty.push(wire)
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      const wires = this.#dirty
      this.#dirty = []
      this.#publications.forget()
      for (const one of wires) one.flush()
    })
  }

  #tick(): void {
    const nowMs = performance.now()
    for (const connection of this.#open) connection.tick(nowMs, this.#limits, this.counters)
  }
}
