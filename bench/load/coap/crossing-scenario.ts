import { setTimeout as delay } from 'node:timers/promises'
import { Flow } from '../flow.ts'
import { LatencySamples, runOpenLoop } from '../latency.ts'
import { atOnce, Population } from '../population.ts'
import { Publisher } from '../publisher.ts'
import type { Scenario } from '../scenario.ts'
import { tallyOf } from '../tally.ts'
import { takeReading, windowBetween } from '../window.ts'
import { Endpoints } from './endpoints.ts'
import type { CrossingJob, CrossingResult } from './job.ts'
import { Observing } from './observation.ts'

const LOOK_EVERY_MS = 50
const OBSERVERS_AT_ONCE = 8
// Longer than it takes to give up a CON.
const DRAIN_MAX_MS = 70_000
const TOKEN = 1

/** Messages that come in as MQTT and go out as notifications, one after the other at a fixed rate. */
export class CrossingScenario implements Scenario {
  phase = 'register'
  readonly #job: CrossingJob
  readonly #endpoints: Endpoints
  readonly #population: Population
  readonly #observing: Observing[] = []
  readonly #publishers: Publisher[] = []
  #notified = 0
  #latency: LatencySamples | undefined

  constructor(job: CrossingJob) {
    this.#job = job
    this.#endpoints = new Endpoints(job)
    this.#population = new Population(job.mqtt)
  }

  get delivered(): number {
    return this.#notified
  }

  run(): Promise<CrossingResult> {
    return Promise.race([this.#endpoints.lost, this.#population.lost, this.#scenario()])
  }

  close(): void {
    this.#endpoints.close()
    this.#population.close()
  }

  async #scenario(): Promise<CrossingResult> {
    const { publishers, messagesPerSecond, warmupMs, durationMs } = this.#job
    await this.#observe()
    await this.#connect()
    const send = (publisher: number, dueMs: number): void => this.#publishers[publisher]!.sendOne(dueMs)
    const open = { publishers: publishers.length, messagesPerSecond, send }
    this.phase = 'warm-up'
    await runOpenLoop({ ...open, durationMs: warmupMs })
    await this.#drain()
    this.phase = 'latency'
    const latency = new LatencySamples()
    this.#latency = latency
    const before = takeReading(this.#job)
    await runOpenLoop({ ...open, durationMs })
    const after = takeReading(this.#job)
    await this.#drain()
    const seen = this.#observing.map(({ observations: [observation] }, index) => ({
      corrupt: observation!.corrupt,
      misused: 0,
      unreleased: 0,
      // One tracker for each publisher: an observer hears of its own alone, or it is corrupt.
      trackers: publishers.map((_, publisher) => (publisher === index ? observation!.tracker : NOTHING_SEEN)),
    }))
    return {
      kind: 'crossing',
      window: windowBetween(before, after),
      latency: latency.result(),
      tally: tallyOf({
        qos: 1,
        publishers: this.#publishers,
        subscribers: seen,
        listeners: publisher => seen.slice(publisher, publisher + 1),
      }),
    }
  }

  async #observe(): Promise<void> {
    const { endpoints: specs, payloadBytes } = this.#job
    const endpoints = await this.#endpoints.open(specs, this.#job)
    const onSeen = (timeMs: number): void => {
      this.#notified++
      this.#latency?.add(performance.now() - timeMs)
    }
    endpoints.forEach((endpoint, publisher) => {
      this.#observing.push(new Observing({ endpoint, payloadBytes, publisher, onSeen }))
    })
    await atOnce(this.#observing, OBSERVERS_AT_ONCE, (observing, index) =>
      observing.register(specs[index]!, TOKEN, true),
    )
  }

  async #connect(): Promise<void> {
    const { publishers, payloadBytes } = this.#job
    this.phase = 'connect'
    const connections = await this.#population.open(publishers)
    connections.forEach((connection, publisher) => {
      const { topic } = publishers[publisher]!
      const flow = new Flow(1, Number.MAX_SAFE_INTEGER)
      const options = {
        connection,
        flow,
        topic,
        publisher,
        qos: 1,
        payloadBytes,
        ackWindow: 1,
        onCredit: () => {},
      } as const
      this.#publishers.push(new Publisher(options))
    })
  }

  async #drain(): Promise<void> {
    const endMs = performance.now() + DRAIN_MAX_MS
    while (!this.#isComplete() && performance.now() < endMs) await delay(LOOK_EVERY_MS)
  }

  #isComplete(): boolean {
    const sent = this.#publishers.reduce((sum, { flow }) => sum + flow.sent, 0)
    return this.#notified >= sent && this.#publishers.every(publisher => publisher.isAcked())
  }
}

const NOTHING_SEEN = { duplicated: 0, reordered: 0, unique: 0, has: () => false }
