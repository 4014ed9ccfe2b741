import { setTimeout as delay } from 'node:timers/promises'
import { payloadOf, stampPayload } from '../frames.ts'
import { atOnce } from '../population.ts'
import type { Scenario } from '../scenario.ts'
import { takeReading, windowBetween } from '../window.ts'
import { CHANGED, POST } from './datagrams.ts'
import type { Endpoint } from './endpoint.ts'
import { Endpoints } from './endpoints.ts'
import { codeText, exchange } from './exchange.ts'
import type { ObserversJob, ObserversResult } from './job.ts'
import { Observing } from './observation.ts'

const REGISTRATIONS_AT_ONCE = 32
const LOOK_EVERY_MS = 50
// Longer than it takes to give up a CON: what has not come by then does not come.
const ROUND_MAX_MS = 70_000

/** Registers everybody, then publishes again and again, each time when the last one has been notified. */
export class ObserversScenario implements Scenario {
  phase = 'register'
  readonly #job: ObserversJob
  readonly #endpoints: Endpoints
  #observing: readonly Observing[] = []
  #notified = 0
  #awaited = 0
  #onComplete: () => void = () => {}

  constructor(job: ObserversJob) {
    this.#job = job
    this.#endpoints = new Endpoints(job)
  }

  get delivered(): number {
    return this.#notified
  }

  run(): Promise<ObserversResult> {
    return Promise.race([this.#endpoints.lost, this.#scenario()])
  }

  close(): void {
    this.#endpoints.close()
  }

  async #scenario(): Promise<ObserversResult> {
    const job = this.#job
    const observers = job.endpoints.length * job.perEndpoint
    const specs = [...job.endpoints, job.publisher]
    const endpoints = await this.#endpoints.open(specs, job)
    const publisher = endpoints.pop()!
    const startMs = performance.now()
    await this.#register(endpoints)
    const registerSeconds = (performance.now() - startMs) / 1_000
    this.phase = 'rounds'
    const roundsMs: number[] = []
    const before = takeReading(job)
    for (let round = 0; round < job.rounds; round++) roundsMs.push(await this.#publish(publisher, round, observers))
    const after = takeReading(job)
    const all = this.#observing.flatMap(({ observations }) => observations)
    return {
      kind: 'observers',
      window: windowBetween(before, after),
      observers,
      registerSeconds,
      roundsMs,
      notified: all.reduce((sum, { tracker }) => sum + tracker.unique, 0),
      duplicated: all.reduce((sum, { tracker }) => sum + tracker.duplicated, 0),
      corrupt: all.reduce((sum, { corrupt }) => sum + corrupt, 0),
    }
  }

  async #register(endpoints: readonly Endpoint[]): Promise<void> {
    const { endpoints: specs, payloadBytes, perEndpoint, confirmable } = this.#job
    const onSeen = (): void => {
      this.#notified++
      if (this.#notified === this.#awaited) this.#onComplete()
    }
    this.#observing = endpoints.map(endpoint => new Observing({ endpoint, payloadBytes, publisher: 0, onSeen }))
    await atOnce(this.#observing, REGISTRATIONS_AT_ONCE, async (observing, index) => {
      for (let token = 1; token <= perEndpoint; token++) await observing.register(specs[index]!, token, confirmable)
    })
  }

  /** Settles with the time that it took, which is for ever where some were not notified. */
  async #publish(publisher: Endpoint, round: number, observers: number): Promise<number> {
    const payload = payloadOf(0, this.#job.payloadBytes)
    this.#awaited = this.#notified + observers
    const startMs = performance.now()
    stampPayload(payload, 0, round, startMs)
    let endMs = Number.POSITIVE_INFINITY
    this.#onComplete = () => {
      endMs = performance.now()
    }
    const { code } = await exchange(publisher, { code: POST, ...this.#job.publisher, payload })
    if (code !== CHANGED) throw new Error(`a POST was answered with ${codeText(code)}`)
    while (endMs === Number.POSITIVE_INFINITY && performance.now() - startMs < ROUND_MAX_MS) await delay(LOOK_EVERY_MS)
    return endMs - startMs
  }
}
