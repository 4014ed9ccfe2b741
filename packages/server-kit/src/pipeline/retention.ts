import type { Channel } from '@thingmesh/core'
import type { ChannelDirectory, MessageLog, PrunePlan } from '../contracts/index.ts'
import type { Counters } from './counters.ts'

/** Lets the log of each channel go, oldest first, as its retention says. */
export class Retention {
  readonly #log: MessageLog
  readonly #channels: ChannelDirectory
  readonly #counters: Counters
  readonly #lowestCursor: () => number
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(parts: { log: MessageLog; channels: ChannelDirectory; counters: Counters; lowestCursor: () => number }) {
    this.#log = parts.log
    this.#channels = parts.channels
    this.#counters = parts.counters
    this.#lowestCursor = parts.lowestCursor
  }

  start(intervalMs: number, onFault: (error: unknown) => void): void {
    this.#timer = setInterval(() => this.prune().catch(onFault), intervalMs).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running?.catch(() => undefined)
  }

  /** One run at a time; a call during a run is that run. */
  prune(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(): Promise<void> {
    const nowMs = Date.now()
    const lowest = this.#lowestCursor()
    const plans = Array.from(this.#channels.list(), channel => planFor(channel, nowMs, lowest))
    for (const { messages } of await this.#log.prune(plans)) this.#counters.pruned.value += messages
  }
}

function planFor({ domain, name, record, retention }: Channel, nowMs: number, lowestCursor: number): PrunePlan {
  const plan = { domain, channel: name, beforeMs: nowMs - retention.maxAgeSeconds * 1000, bytesMax: retention.bytesMax }
  // What is not to be recorded is kept only until the last session that wants it has it.
  return record === 'none' ? { ...plan, through: lowestCursor } : plan
}
