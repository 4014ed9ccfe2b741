import { type LogId, type Message, matchesFilter } from '@thingmesh/core'
import type { Meter } from '../contracts/index.ts'
import type { Router } from './router.ts'
import { SystemValues } from './system-values.ts'

const channel = '$SYS'
const prefix = `${channel}/`

/** Asks for topics of the hub's own, which only a grant on them gives. */
export function isSystemFilter(filter: string): boolean {
  return filter.startsWith(prefix)
}

/**
 * A source of messages of its own: what the hub counts, told every few seconds to whoever subscribes to `$SYS/#` with a right to it.
 * Nothing of it is accepted, numbered or stored.
 */
export class SystemTopics {
  readonly #meter: Meter
  readonly #router: Router
  readonly #logId: () => LogId
  readonly #version: string
  /** The latest, by topic. */
  #messages = new Map<string, Message>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: { meter: Meter; router: Router; logId: () => LogId; version: string }) {
    this.#meter = parts.meter
    this.#router = parts.router
    this.#logId = parts.logId
    this.#version = parts.version
  }

  /** 0: nothing is told, and nothing is spent on it. */
  start(intervalMs: number): void {
    if (intervalMs === 0) return
    const values = new SystemValues(this.#version)
    this.#tell(values)
    this.#timer = setInterval(() => this.#tell(values), intervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#messages.clear()
  }

  /** The latest values, for a new subscription. */
  match(filter: string): readonly Message[] {
    return [...this.#messages.values()].filter(({ topic }) => matchesFilter(filter, topic))
  }

  /** What is as it was is not told again. */
  #tell(values: SystemValues): void {
    for (const [name, text] of values.read(this.#meter.collect())) {
      const topic = `${prefix}broker/${name}`
      const payload = new TextEncoder().encode(text)
      const before = this.#messages.get(topic)
      if (before !== undefined && Buffer.compare(before.payload, payload) === 0) continue
      const message = this.#message(topic, payload)
      this.#messages.set(topic, message)
      for (const receiver of this.#router.receiversOf(topic)) {
        const target = receiver.targetFor(topic)
        if (target !== undefined) receiver.offer(message, target)
      }
    }
  }

  #message(topic: string, payload: Uint8Array): Message {
    const log = this.#logId()
    return {
      topic,
      channel,
      subtopic: topic.slice(prefix.length),
      payload,
      contentType: '',
      delivery: 'at-most-once',
      retain: true,
      // It is of no domain, and in no log.
      domain: '',
      log,
      sequence: 0,
      publisher: `hub:${log.origin}`,
      clientId: '',
      protocol: 'hub',
      acceptedAtMs: Date.now(),
    }
  }
}
