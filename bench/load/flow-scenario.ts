import { setTimeout as delay } from 'node:timers/promises'
import { Flow } from './flow.ts'
import type { FlowJob, FlowResult, LatencyResult } from './job.ts'
import { LatencySamples, runOpenLoop } from './latency.ts'
import { atOnce, Population } from './population.ts'
import { Publisher } from './publisher.ts'
import type { Scenario } from './scenario.ts'
import { type DeliveryBook, Subscriber } from './subscriber.ts'
import { tallyOf } from './tally.ts'
import { takeReading, windowBetween } from './window.ts'

const STALL_MS = 500
const LOOK_EVERY_MS = 50
// Longer than any pause of a live broker that was seen here: what has not come by then does not come.
const QUIET_MS = 5_000
const DRAIN_MAX_MS = 30_000
const SUBSCRIBES_AT_ONCE = 20

/** Connect, warm up, measure, drain, measure latency, tally. */
export class FlowScenario implements Scenario {
  phase = 'connect'
  readonly #job: FlowJob
  readonly #book: DeliveryBook
  readonly #population: Population
  readonly #publishers: Publisher[] = []
  readonly #subscribers: Subscriber[] = []
  #flooding = false
  #pumpPlanned = false
  #quiet = true

  constructor(job: FlowJob) {
    this.#job = job
    this.#population = new Population(job)
    this.#book = {
      flows: job.publishers.map(() => new Flow(job.copiesPerMessage, job.inFlight)),
      payloadBytes: job.payloadBytes,
      delivered: 0,
      latency: undefined,
      onCredit: () => this.#planPump(),
    }
  }

  get delivered(): number {
    return this.#book.delivered
  }

  async run(): Promise<FlowResult> {
    const watch = setInterval(() => this.#forgiveStalled(), LOOK_EVERY_MS)
    try {
      return await Promise.race([this.#population.lost, this.#scenario()])
    } finally {
      clearInterval(watch)
      this.#flooding = false
    }
  }

  close(): void {
    this.#population.close()
  }

  async #scenario(): Promise<FlowResult> {
    const job = this.#job
    await this.#connect()
    this.phase = 'warm-up'
    this.#flooding = true
    this.#planPump()
    await delay(job.warmupMs)
    this.phase = 'flood'
    const before = { reading: takeReading(job), delivered: this.#book.delivered, stalls: this.#stalls() }
    await delay(job.windowMs)
    const after = { reading: takeReading(job), delivered: this.#book.delivered, stalls: this.#stalls() }
    this.#flooding = false
    this.phase = 'drain'
    await this.#drain()
    this.phase = 'latency'
    const latency = job.latencyRate > 0 ? await this.#measureLatency() : undefined
    this.phase = 'tally'
    return {
      kind: 'flow',
      window: windowBetween(before.reading, after.reading),
      delivered: after.delivered - before.delivered,
      stalls: after.stalls - before.stalls,
      tally: tallyOf({
        qos: job.qos,
        publishers: this.#publishers,
        subscribers: this.#subscribers,
        listeners: publisher => this.#listeners(publisher),
      }),
      drained: this.#quiet,
      latency,
    }
  }

  async #connect(): Promise<void> {
    const { qos, payloadBytes, ackWindow, subscribers, publishers } = this.#job
    const listening = await this.#population.open(subscribers)
    await atOnce(listening, SUBSCRIBES_AT_ONCE, (connection, index) =>
      connection.subscribe([subscribers[index]!.topic], qos),
    )
    const publishing = await this.#population.open(publishers)
    for (const connection of listening) this.#subscribers.push(new Subscriber(connection, this.#book))
    publishing.forEach((connection, index) => {
      const flow = this.#book.flows[index]!
      const { topic } = publishers[index]!
      const onCredit = () => this.#planPump()
      const options = { connection, flow, topic, publisher: index, qos, payloadBytes, ackWindow, onCredit }
      this.#publishers.push(new Publisher(options))
    })
  }

  // Once per turn of the event loop, after all reads: credit then comes in lumps and leaves in batches.
  #planPump(): void {
    if (this.#pumpPlanned || !this.#flooding) return
    this.#pumpPlanned = true
    setImmediate(() => {
      this.#pumpPlanned = false
      if (!this.#flooding) return
      for (const publisher of this.#publishers) publisher.pump()
    })
  }

  #forgiveStalled(): void {
    if (!this.#flooding) return
    const nowMs = performance.now()
    for (const flow of this.#book.flows) flow.forgiveIfStalled(nowMs, STALL_MS)
    this.#planPump()
  }

  /** Settles when everything is in, or nothing has come for a while (quiet), or the broker takes for ever (not quiet). */
  async #drain(): Promise<void> {
    this.#quiet = await this.#becomesQuiet()
  }

  async #becomesQuiet(): Promise<boolean> {
    const endMs = performance.now() + DRAIN_MAX_MS
    let seen = -1
    let movedMs = performance.now()
    while (performance.now() < endMs && performance.now() - movedMs < QUIET_MS) {
      if (this.#isComplete()) return true
      const moved = this.#moved()
      if (moved !== seen) {
        seen = moved
        movedMs = performance.now()
      }
      await delay(LOOK_EVERY_MS)
    }
    return performance.now() < endMs
  }

  /** A number that grows with everything that the broker does for a message. */
  #moved(): number {
    const acked = this.#publishers.reduce((sum, publisher) => sum + publisher.acked, 0)
    const released = this.#subscribers.reduce((sum, subscriber) => sum + subscriber.released, 0)
    return this.#book.delivered + acked + released
  }

  #isComplete(): boolean {
    return (
      this.#book.flows.every(flow => flow.isComplete()) &&
      this.#publishers.every(publisher => publisher.isAcked()) &&
      this.#subscribers.every(subscriber => subscriber.unreleased === 0)
    )
  }

  async #measureLatency(): Promise<LatencyResult | { missing: string }> {
    const job = this.#job
    // What the flood left undelivered would be taken for answers of this phase.
    if (!this.#quiet || this.#publishers.some(publisher => !publisher.isAcked()))
      return { missing: 'the flood never drained' }
    const messagesPerSecond = job.latencyRate / job.copiesPerMessage
    const send = (publisher: number, dueMs: number): void => this.#publishers[publisher]!.sendOne(dueMs)
    const open = { publishers: job.publishers.length, messagesPerSecond, send }
    await runOpenLoop({ ...open, durationMs: job.warmupMs / 2 })
    await this.#drain()
    const latency = new LatencySamples()
    this.#book.latency = latency
    await runOpenLoop({ ...open, durationMs: job.latencyMs })
    await this.#drain()
    this.#book.latency = undefined
    return latency.result()
  }

  #listeners(publisher: number): readonly Subscriber[] {
    const { copiesPerMessage } = this.#job
    if (copiesPerMessage > 1 || this.#subscribers.length === 1) return this.#subscribers
    return this.#subscribers.slice(publisher, publisher + 1)
  }

  #stalls(): number {
    return this.#book.flows.reduce((sum, flow) => sum + flow.stalls, 0)
  }
}
