import type { ListenerContext, Peer, Places } from '../../contracts/index.ts'
import type { Framing } from './framing.ts'
import type { ReliableLimits } from './options.ts'
import { ReliableConnection, type ReliableConnectionContext, type ReliableWire } from './reliable-connection.ts'
import { awaitAnswer } from './response.ts'
import { composeServices, type Services } from './services.ts'

const tickMs = 1_000

interface Started {
  readonly services: Services
  readonly places: Places
  readonly context: ReliableConnectionContext
}

/** The CoAP connections of one door over a reliable transport (RFC 8323): who may connect, what they share, and time. */
export class ReliableConnections {
  readonly #limits: ReliableLimits
  readonly #transport: 'tcp' | 'websocket'
  readonly #open = new Set<ReliableConnection>()
  #count = 0
  #started: Started | undefined
  #ticker: NodeJS.Timeout | undefined

  constructor(limits: ReliableLimits, transport: 'tcp' | 'websocket') {
    this.#limits = limits
    this.#transport = transport
  }

  /** `door` tells it from others of its kind, in metrics: `127.0.0.1:5683`. */
  start(context: ListenerContext, door: string): void {
    const services = composeServices(this.#limits, context, this.#transport, door)
    const places = context.places(this.#limits)
    context.meter.gauge('thingmesh_coap_connections', 'Open CoAP connections.', () => places.taken, {
      transport: this.#transport,
      listener: door,
    })
    this.#started = {
      services,
      places,
      context: {
        limits: this.#limits,
        counters: services.counters,
        answer: (request, remote) => awaitAnswer(services.resources.answer(request, remote)),
        nowMs: () => performance.now(),
      },
    }
    this.#ticker = setInterval(() => this.#tick(services), tickMs).unref()
  }

  /**
   * Takes a place for a connection from this address, to be given back by the function returned when it is gone. Undefined
   * where a limit is reached, which is counted.
   */
  admit(address: string): (() => void) | undefined {
    const { places, services } = this.#begun()
    const place = places.take(address)
    if (typeof place === 'function') return place
    services.counters.refused[place].value += 1
    return undefined
  }

  /** Of a connection that has a place. */
  open(wire: ReliableWire, framing: Framing, peer: Peer): ReliableConnection {
    this.#count += 1
    const key = `${this.#transport} ${this.#count}`
    const connection = new ReliableConnection(key, peer, wire, framing, this.#begun().context)
    this.#open.add(connection)
    return connection
  }

  /** The connection is gone, whatever it ended by. */
  closed(connection: ReliableConnection): void {
    this.#open.delete(connection)
    connection.lost()
    this.#started?.services.observers.forget(connection)
  }

  /** Finishes what is under way, says farewell to everybody, and cuts off after a second who does not go. */
  async end(): Promise<void> {
    const started = this.#started
    if (started === undefined) return
    clearInterval(this.#ticker)
    await started.services.close(async () => {
      await Promise.all([...this.#open].map(connection => connection.settled()))
    })
    for (const connection of this.#open) connection.release()
    setTimeout(() => {
      for (const connection of this.#open) connection.destroy()
    }, tickMs).unref()
  }

  #begun(): Started {
    if (this.#started === undefined) throw new TypeError('start comes first')
    return this.#started
  }

  #tick(services: Services): void {
    services.tick()
    const nowMs = performance.now()
    const { settingsTimeoutMs, drainTimeoutMs, observerSilenceMs } = this.#limits
    const { refused } = services.counters
    for (const connection of this.#open) {
      const { fullSinceMs } = connection
      if (!connection.isSettled && nowMs - connection.openedAtMs > settingsTimeoutMs) {
        refused['settings-timeout'].value += 1
        connection.destroy()
      } else if (fullSinceMs !== undefined && nowMs - fullSinceMs > drainTimeoutMs) {
        refused['drain-timeout'].value += 1
        connection.destroy()
      } else if (connection.isLost(nowMs) || connection.isClosed) connection.destroy()
      else if (nowMs - connection.heardAtMs > observerSilenceMs) connection.ping()
    }
  }
}
