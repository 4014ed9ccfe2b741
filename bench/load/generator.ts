import { setTimeout as delay } from 'node:timers/promises'
import { type ProcessReading, readCoreBusySeconds, readProcess } from '../proc.ts'
import { Connection } from './connection.ts'
import { Flow } from './flow.ts'
import type { ClientSpec, LatencyResult, LoadJob, LoadResult } from './job.ts'
import { LatencySamples, runOpenLoop } from './latency.ts'
import { Publisher } from './publisher.ts'
import { type DeliveryBook, Subscriber } from './subscriber.ts'
import { tallyOf } from './tally.ts'

const READ_BUFFER_BYTES = 262_144
const STALL_MS = 500
const LOOK_EVERY_MS = 50
// Longer than any pause of a live broker that was seen here: what has not come by then does not come.
const QUIET_MS = 5_000
const DRAIN_MAX_MS = 30_000
const CONNECTS_AT_ONCE = 20

/** One scenario against one broker: connect, warm up, measure, drain, measure latency, tally. */
export class Generator {
  phase = 'connect'
  readonly #job: LoadJob
  readonly #book: DeliveryBook
  readonly #connections: Connection[] = []
  readonly #publishers: Publisher[] = []
  readonly #subscribers: Subscriber[] = []
  readonly #lost: Promise<never>
  #onLost: (reason: string) => void = () => {}
  #flooding = false
  #pumpPlanned = false
  #quiet = true

  constructor(job: LoadJob) {
    this.#job = job
    this.#book = {
      flows: job.publishers.map(() => new Flow(job.copiesPerMessage, job.inFlight)),
      payloadBytes: job.payloadBytes,
      delivered: 0,
      latency: undefined,
      onCredit: () => this.#planPump(),
    }
    this.#lost = new Promise((_, reject) => {
      this.#onLost = reason => reject(new Error(reason))
    })
    // A connection lost while nobody races against it must not end the process before it has reported.
    this.#lost.catch(() => {})
  }

  get delivered(): number {
    return this.#book.delivered
  }

  async run(): Promise<LoadResult> {
    const watch = setInterval(() => this.#forgiveStalled(), LOOK_EVERY_MS)
    try {
      return await Promise.race([this.#lost, this.#scenario()])
    } finally {
      clearInterval(watch)
      this.#flooding = false
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  async #scenario(): Promise<LoadResult> {
    const job = this.#job
    await this.#connect()
    this.phase = 'warm-up'
    this.#flooding = true
    this.#planPump()
    await delay(job.warmupMs)
    this.phase = 'flood'
    const before = this.#reading()
    await delay(job.windowMs)
    const after = this.#reading()
    this.#flooding = false
    this.phase = 'drain'
    await this.#drain()
    this.phase = 'latency'
    const latency = job.latencyRate > 0 ? await this.#measureLatency() : undefined
    this.phase = 'tally'
    const brokerCpuSeconds = before.broker && after.broker && after.broker.cpuSeconds - before.broker.cpuSeconds
    const loadCpuSeconds = (after.cpuMicros - before.cpuMicros) / 1e6
    return {
      windowSeconds: (after.timeMs - before.timeMs) / 1_000,
      delivered: after.delivered - before.delivered,
      brokerCpuSeconds,
      brokerRssBytes: after.broker?.rssBytes,
      brokerRssPeakBytes: after.broker?.rssPeakBytes,
      loadCpuSeconds,
      othersCpuSeconds: othersBetween(before, after, brokerCpuSeconds, loadCpuSeconds),
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
    const readBuffer = Buffer.alloc(READ_BUFFER_BYTES)
    const listening = await this.#openAll(subscribers, readBuffer)
    await inSlices(listening, (connection, index) => connection.subscribe(subscribers[index]!.topic, qos))
    const publishing = await this.#openAll(publishers, readBuffer)
    for (const connection of listening) this.#subscribers.push(new Subscriber(connection, this.#book))
    publishing.forEach((connection, index) => {
      const flow = this.#book.flows[index]!
      const { topic } = publishers[index]!
      const onCredit = () => this.#planPump()
      const options = { connection, flow, topic, publisher: index, qos, payloadBytes, ackWindow, onCredit }
      this.#publishers.push(new Publisher(options))
    })
  }

  #openAll(specs: readonly ClientSpec[], readBuffer: Buffer): Promise<Connection[]> {
    const { host, port } = this.#job
    return inSlices(specs, async spec => {
      const connection = await Connection.open({ host, port, spec, readBuffer, onLost: this.#onLost })
      this.#connections.push(connection)
      return connection
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
      if (this.#book.flows.every(flow => flow.isComplete()) && this.#publishers.every(p => p.isAcked())) return true
      const moved = this.#publishers.reduce((sum, publisher) => sum + publisher.acked, this.#book.delivered)
      if (moved !== seen) {
        seen = moved
        movedMs = performance.now()
      }
      await delay(LOOK_EVERY_MS)
    }
    return performance.now() < endMs
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

  #reading(): Reading {
    const cpu = process.cpuUsage()
    const { cores } = this.#job
    return {
      timeMs: performance.now(),
      delivered: this.#book.delivered,
      stalls: this.#book.flows.reduce((sum, flow) => sum + flow.stalls, 0),
      cpuMicros: cpu.user + cpu.system,
      broker: readProcess(this.#job.brokerPid),
      brokerCoreSeconds: cores && readCoreBusySeconds(cores.broker),
      loadCoreSeconds: cores && readCoreBusySeconds(cores.load),
    }
  }
}

interface Reading {
  readonly timeMs: number
  readonly delivered: number
  readonly stalls: number
  readonly cpuMicros: number
  readonly broker: ProcessReading | undefined
  readonly brokerCoreSeconds: number | undefined
  readonly loadCoreSeconds: number | undefined
}

/** What the cores did besides the broker and us. */
function othersBetween(
  before: Reading,
  after: Reading,
  brokerCpuSeconds: number | undefined,
  loadCpuSeconds: number,
): LoadResult['othersCpuSeconds'] {
  const [b0, b1, l0, l1] = [
    before.brokerCoreSeconds,
    after.brokerCoreSeconds,
    before.loadCoreSeconds,
    after.loadCoreSeconds,
  ]
  if (b0 === undefined || b1 === undefined || l0 === undefined || l1 === undefined) return undefined
  if (brokerCpuSeconds === undefined) return undefined
  return {
    brokerCore: Math.max(0, b1 - b0 - brokerCpuSeconds),
    loadCore: Math.max(0, l1 - l0 - loadCpuSeconds),
  }
}

/** A few at a time: hundreds of connects at once measure the accept queue, not the broker. */
async function inSlices<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += CONNECTS_AT_ONCE) {
    const slice = items.slice(from, from + CONNECTS_AT_ONCE)
    results.push(...(await Promise.all(slice.map((item, offset) => work(item, from + offset)))))
  }
  return results
}
