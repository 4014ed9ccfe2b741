import { setTimeout as delay } from 'node:timers/promises'
import { payloadOf } from '../frames.ts'
import { LatencySamples } from '../latency.ts'
import { atOnce } from '../population.ts'
import type { Scenario } from '../scenario.ts'
import { takeReading, windowBetween } from '../window.ts'
import { CHANGED, CONTENT } from './datagrams.ts'
import { Endpoints } from './endpoints.ts'
import { put } from './exchange.ts'
import type { RequestsJob, RequestsResult, RequestsTally } from './job.ts'
import { type RequestBook, Requester } from './requester.ts'

const LOOK_EVERY_MS = 50
const PUTS_AT_ONCE = 8
// A CON is given up after 62 s at the least.
const DRAIN_MAX_MS = 70_000

/** Puts what is asked for, proves its addresses, warms up, measures, and waits for every answer. */
export class RequestsScenario implements Scenario {
  phase = 'put'
  readonly #job: RequestsJob
  readonly #endpoints: Endpoints
  readonly #book: RequestBook = { answered: 0, latency: undefined }
  #requesters: readonly Requester[] = []

  constructor(job: RequestsJob) {
    this.#job = job
    this.#endpoints = new Endpoints(job)
  }

  get delivered(): number {
    return this.#book.answered
  }

  async run(): Promise<RequestsResult> {
    const watch = setInterval(() => {
      const nowMs = performance.now()
      for (const requester of this.#requesters) requester.look(nowMs)
    }, LOOK_EVERY_MS)
    try {
      return await Promise.race([this.#endpoints.lost, this.#scenario()])
    } finally {
      clearInterval(watch)
      for (const requester of this.#requesters) requester.stop()
    }
  }

  close(): void {
    this.#endpoints.close()
  }

  async #scenario(): Promise<RequestsResult> {
    const job = this.#job
    const book = this.#book
    const latency = new LatencySamples()
    await this.#prepare()
    this.phase = 'warm-up'
    for (const requester of this.#requesters) requester.start()
    await delay(job.warmupMs)
    this.phase = 'flood'
    book.latency = latency
    const before = { reading: takeReading(job), answered: book.answered }
    await delay(job.windowMs)
    const after = { reading: takeReading(job), answered: book.answered }
    book.latency = undefined
    for (const requester of this.#requesters) requester.stop()
    this.phase = 'drain'
    await this.#drain()
    return {
      kind: 'requests',
      window: windowBetween(before.reading, after.reading),
      answered: after.answered - before.answered,
      latency: latency.result(),
      tally: this.#tally(),
    }
  }

  async #prepare(): Promise<void> {
    const { endpoints: specs, payloadBytes, method, inFlight } = this.#job
    const endpoints = await this.#endpoints.open(specs, this.#job)
    const payloads = specs.map((_, index) => payloadOf(isShared(specs) ? 0 : index, payloadBytes))
    if (method === 'get') {
      await atOnce(endpoints, PUTS_AT_ONCE, (endpoint, index) => put(endpoint, specs[index]!, payloads[index]!))
    }
    this.#requesters = endpoints.map((endpoint, index) => {
      const expectedCode = method === 'get' ? CONTENT : CHANGED
      const options = { endpoint, method, inFlight, expectedCode, book: this.#book }
      return new Requester({ ...options, spec: specs[index]!, payload: payloads[index]! })
    })
  }

  async #drain(): Promise<void> {
    const endMs = performance.now() + DRAIN_MAX_MS
    while (this.#requesters.some(requester => !requester.isIdle) && performance.now() < endMs) {
      await delay(LOOK_EVERY_MS)
    }
  }

  #tally(): RequestsTally {
    const sum = (of: (tally: RequestsTally) => number) =>
      this.#requesters.reduce((total, { tally }) => total + of(tally), 0)
    return {
      sent: sum(tally => tally.sent),
      answered: sum(tally => tally.answered),
      refused: sum(tally => tally.refused),
      lost: sum(tally => tally.lost),
      resent: sum(tally => tally.resent),
      duplicated: sum(tally => tally.duplicated),
      corrupt: sum(tally => tally.corrupt),
    }
  }
}

/** Whether all ask for one thing: then what was put there last is what all see. */
function isShared(specs: RequestsJob['endpoints']): boolean {
  return specs.every(({ path }) => path.join('/') === specs[0]!.path.join('/'))
}
