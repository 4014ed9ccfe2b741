import { ThingmeshError } from '@thingmesh/core'
import type {
  ListenerContext,
  Places,
  WebSocketConnection,
  WebSocketHandler,
  WebSocketOpening,
} from '../../../contracts/index.ts'
import { type ConnectionContext, FramesConnection, type Speak } from './connection.ts'
import { type FramesCounters, framesCounters } from './counters.ts'
import { LiveFrames } from './live-frames.ts'
import type { FramesLimits } from './options.ts'

const tickMs = 1000

export type Speaker = (limits: FramesLimits, counters: FramesCounters) => Speak

/** The connections of one route: who has a place, one flush a turn, and time. */
export class FramesConnections {
  readonly #limits: FramesLimits
  readonly #speaker: Speaker
  readonly #open = new Set<FramesConnection>()
  #places: Places | undefined
  #context: ConnectionContext | undefined
  #ticker: NodeJS.Timeout | undefined
  #corked: FramesConnection[] = []
  #flushing: NodeJS.Immediate | undefined

  constructor(limits: FramesLimits, speaker: Speaker) {
    this.#limits = limits
    this.#speaker = speaker
  }

  start({ ingress, meter, places, onFault }: ListenerContext, door: string): void {
    const opened = places(this.#limits)
    this.#places = opened
    const counters = framesCounters(meter)
    this.#context = {
      ingress,
      limits: this.#limits,
      counters,
      speak: this.#speaker(this.#limits, counters),
      liveFrames: new LiveFrames(),
      schedule: connection => this.#schedule(connection),
      onFault: error => onFault(error, { part: 'websocket' }),
    }
    meter.gauge(
      'thingmesh_frames_connections',
      'Open WebSockets for messages, whether or not it is known who is on them.',
      () => opened.taken,
      { listener: door },
    )
    this.#ticker = setInterval(() => this.#tick(), tickMs).unref()
  }

  /** Says farewell to everybody. Who does not answer is cut by what carries it. */
  stop(): void {
    clearInterval(this.#ticker)
    const reason = new ThingmeshError('unavailable', 'the hub is stopping')
    for (const connection of this.#open) connection.fail(reason)
  }

  accept(socket: WebSocketConnection, opening: WebSocketOpening): WebSocketHandler | undefined {
    const context = this.#context!
    const place = this.#places!.take(opening.peer.address)
    if (typeof place === 'string') {
      context.counters.refused[place].value += 1
      return undefined
    }
    const connection: FramesConnection = new FramesConnection(socket, context, {
      ended: () => this.#open.delete(connection),
      closed: place,
    })
    this.#open.add(connection)
    connection.open(opening)
    return connection
  }

  /** One flush a turn for all: what is sent in one turn leaves together. */
  #schedule(connection: FramesConnection): void {
    this.#corked.push(connection)
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      const corked = this.#corked
      this.#corked = []
      this.#context?.liveFrames.forget()
      for (const one of corked) one.flush()
    })
  }

  #tick(): void {
    const nowMs = performance.now()
    for (const connection of this.#open) connection.tick(nowMs)
  }
}
