import { setTimeout as delay } from 'node:timers/promises'
import { forgetPeak, readProcess } from '../proc.ts'
import { Flow } from './flow.ts'
import { collectGarbage } from './garbage.ts'
import type { DrainJob, DrainResult } from './job.ts'
import { Population } from './population.ts'
import { Publisher } from './publisher.ts'
import type { Scenario } from './scenario.ts'
import { type DeliveryBook, Subscriber } from './subscriber.ts'
import { takeReading, windowBetween } from './window.ts'

const LOOK_EVERY_MS = 20

/** Makes sessions, sends them away, publishes what they miss, and times their return. */
export class DrainScenario implements Scenario {
  phase = 'connect'
  readonly #job: DrainJob
  readonly #book: DeliveryBook
  readonly #population: Population
  readonly #publishers: Publisher[] = []
  #pumpPlanned = false

  constructor(job: DrainJob) {
    this.#job = job
    this.#population = new Population(job)
    this.#book = {
      // Nothing is delivered while they are away: how much is queued is what bounds them.
      flows: job.publishers.map(() => new Flow(1, job.messagesPerSession)),
      payloadBytes: job.payloadBytes,
      delivered: 0,
      latency: undefined,
      onCredit: () => {},
    }
  }

  get delivered(): number {
    return this.#book.delivered
  }

  async run(): Promise<DrainResult> {
    return Promise.race([this.#population.lost, this.#scenario()])
  }

  close(): void {
    this.#population.close()
  }

  async #scenario(): Promise<DrainResult> {
    const job = this.#job
    await this.#makeSessions()
    this.phase = 'fill'
    await collectGarbage(job)
    const rssEmptyBytes = readProcess(job.brokerPid)?.rssBytes
    const fillSeconds = await this.#fill()
    this.phase = 'drain'
    await collectGarbage(job)
    forgetPeak(job.brokerPid)
    const before = takeReading(job)
    const subscribers = await this.#return()
    const after = takeReading(job)
    const trackers = subscribers.flatMap(subscriber => subscriber.trackers)
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    return {
      kind: 'drain',
      window: windowBetween(before, after),
      queued: job.messagesPerSession * job.publishers.length,
      fillSeconds,
      delivered: this.#book.delivered,
      duplicated: sum(trackers.map(tracker => tracker.duplicated)),
      reordered: sum(trackers.map(tracker => tracker.reordered)),
      corrupt: sum(subscribers.map(subscriber => subscriber.corrupt)),
      rssEmptyBytes,
      rssFullBytes: before.broker?.rssBytes,
      rssPeakBytes: after.broker?.rssPeakBytes,
    }
  }

  async #makeSessions(): Promise<void> {
    const { subscribers, qos } = this.#job
    const connections = await this.#population.open(subscribers)
    await Promise.all(connections.map((connection, index) => connection.subscribe([subscribers[index]!.topic], qos)))
    await Promise.all(connections.map(connection => connection.closed()))
  }

  async #fill(): Promise<number> {
    const { publishers, qos, payloadBytes, ackWindow } = this.#job
    const connections = await this.#population.open(publishers)
    connections.forEach((connection, index) => {
      const flow = this.#book.flows[index]!
      const { topic } = publishers[index]!
      const onCredit = () => this.#planPump()
      const options = { connection, flow, topic, publisher: index, qos, payloadBytes, ackWindow, onCredit }
      this.#publishers.push(new Publisher(options))
    })
    const startedMs = performance.now()
    this.#planPump()
    await this.#until(
      () => this.#publishers.every(publisher => publisher.acked === this.#job.messagesPerSession),
      () => this.#publishers.reduce((sum, publisher) => sum + publisher.acked, 0),
    )
    const seconds = (performance.now() - startedMs) / 1_000
    await Promise.all(connections.map(connection => connection.closed()))
    return seconds
  }

  async #return(): Promise<Subscriber[]> {
    const { subscribers, messagesPerSession, publishers } = this.#job
    const returning = subscribers.map(spec => {
      const connection = this.#population.prepare(spec)
      return { connection, subscriber: new Subscriber(connection, this.#book) }
    })
    const answers = await Promise.all(returning.map(({ connection }) => connection.connect()))
    if (answers.some(({ sessionPresent }) => !sessionPresent)) throw new Error('a session was not kept')
    const wanted = messagesPerSession * publishers.length
    await this.#until(
      () => this.#book.delivered >= wanted,
      () => this.#book.delivered,
      'give up',
    )
    return returning.map(({ subscriber }) => subscriber)
  }

  #planPump(): void {
    if (this.#pumpPlanned) return
    this.#pumpPlanned = true
    setImmediate(() => {
      this.#pumpPlanned = false
      for (const publisher of this.#publishers) publisher.pump()
    })
  }

  /** Throws when `progress` stands still for too long, or just ends where that is a result. */
  async #until(isDone: () => boolean, progress: () => number, otherwise?: 'give up'): Promise<void> {
    let seen = -1
    let movedMs = performance.now()
    while (!isDone()) {
      if (progress() !== seen) {
        seen = progress()
        movedMs = performance.now()
      } else if (performance.now() - movedMs > this.#job.quietMs) {
        if (otherwise === 'give up') return
        throw new Error(`nothing moved for ${this.#job.quietMs} ms, at ${seen}`)
      }
      await delay(LOOK_EVERY_MS)
    }
  }
}
