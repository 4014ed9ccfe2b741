import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from './connection.ts'
import { Flow } from './flow.ts'
import { isPayloadIntact, PUBLISH, payloadSequence } from './frames.ts'
import type { FilterSpread, FiltersJob, FiltersReading, FiltersResult } from './job.ts'
import { atOnce, Population } from './population.ts'
import { Publisher } from './publisher.ts'
import type { Scenario } from './scenario.ts'
import { SequenceTracker } from './sequence.ts'
import { takeReading, windowBetween } from './window.ts'

const LOOK_EVERY_MS = 50
const QUIET_MS = 5_000
const SUBSCRIBES_AT_ONCE = 20
// Messages in a row for the same subscriber, so that a broker coalesces as much with few filters as with many.
const RUN = 100
const FILTER_DIGITS = 5
const UNIQUE_DIGITS = 8

/**
 * The same traffic over few filters, then over many, in one broker process. No topic comes twice, so that nothing that a
 * broker remembers of topics can hide what matching costs.
 */
export class FiltersScenario implements Scenario {
  phase = 'connect'
  readonly #job: FiltersJob
  readonly #population: Population
  readonly #flow: Flow
  readonly #tracker = new SequenceTracker()
  #spread: FilterSpread
  #publisher: Publisher | undefined
  #misrouted = 0
  #flooding = false
  #pumpPlanned = false

  constructor(job: FiltersJob) {
    this.#job = job
    this.#population = new Population(job)
    this.#flow = new Flow(1, job.inFlight)
    this.#spread = job.few
  }

  get delivered(): number {
    return this.#flow.delivered
  }

  async run(): Promise<FiltersResult> {
    try {
      return await Promise.race([this.#population.lost, this.#scenario()])
    } finally {
      this.#flooding = false
    }
  }

  close(): void {
    this.#population.close()
  }

  async #scenario(): Promise<FiltersResult> {
    const job = this.#job
    const listening = await this.#population.open(job.subscribers)
    listening.forEach((connection, index) => {
      this.#listen(connection, index)
    })
    const [publishing] = await this.#population.open([job.publisher])
    this.#publisher = this.#publisherOver(publishing!)
    const few = await this.#measure(listening, job.few, { sessions: 0, perSession: 0 })
    const many = await this.#measure(listening, job.many, job.few)
    return { kind: 'filters', few, many, misrouted: this.#misrouted, lost: this.#flow.sent - this.#tracker.unique }
  }

  async #measure(
    listening: readonly Connection[],
    spread: FilterSpread,
    before: FilterSpread,
  ): Promise<FiltersReading> {
    const job = this.#job
    this.phase = 'subscribe'
    const startedMs = performance.now()
    await atOnce(listening, SUBSCRIBES_AT_ONCE, async (connection, session) => {
      const filters = filtersOf(job, spread, session)
      const present = session < before.sessions ? before.perSession : 0
      await connection.subscribe(filters.slice(present), job.qos)
    })
    const subscribeSeconds = (performance.now() - startedMs) / 1_000
    this.#spread = spread
    this.phase = 'warm-up'
    this.#flooding = true
    this.#planPump()
    await delay(job.warmupMs)
    this.phase = 'flood'
    const first = { reading: takeReading(job), delivered: this.#flow.delivered }
    await delay(job.windowMs)
    const last = { reading: takeReading(job), delivered: this.#flow.delivered }
    this.#flooding = false
    this.phase = 'drain'
    await this.#becomesQuiet()
    return {
      filters: spread.sessions * spread.perSession,
      window: windowBetween(first.reading, last.reading),
      delivered: last.delivered - first.delivered,
      subscribeSeconds,
    }
  }

  #publisherOver(connection: Connection): Publisher {
    const { channel, qos, payloadBytes, ackWindow } = this.#job
    return new Publisher({
      connection,
      flow: this.#flow,
      topic: `${channel}/f/${hex(0, FILTER_DIGITS)}/${hex(0, UNIQUE_DIGITS)}`,
      publisher: 0,
      qos,
      payloadBytes,
      ackWindow,
      onCredit: () => this.#planPump(),
      patchTopic: (frames, batch, index, sequence) => {
        const { session, place } = destinationOf(sequence, this.#spread)
        const filter = filterNumber(this.#job, session, place)
        frames.patchTopic(batch, index, { value: sequence, digits: UNIQUE_DIGITS, fromEnd: 0 })
        frames.patchTopic(batch, index, { value: filter, digits: FILTER_DIGITS, fromEnd: UNIQUE_DIGITS + 1 })
      },
    })
  }

  #listen(connection: Connection, session: number): void {
    const { payloadBytes } = this.#job
    const onFrame = (bytes: Buffer, start: number, body: number, end: number): void => {
      if (bytes[start]! >> 4 !== PUBLISH) return
      const at = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!)
      const sequence = payloadSequence(bytes, at)
      const doubles = this.#tracker.duplicated
      this.#tracker.see(sequence)
      const mine = destinationOf(sequence, this.#spread).session === session
      if (!mine || this.#tracker.duplicated !== doubles || !isPayloadIntact(bytes, at, end, payloadBytes)) {
        this.#misrouted++
        return
      }
      this.#flow.delivered++
    }
    connection.handle({ onFrame, onReadEnd: () => this.#planPump() }, () => {})
  }

  #planPump(): void {
    if (this.#pumpPlanned || !this.#flooding) return
    this.#pumpPlanned = true
    setImmediate(() => {
      this.#pumpPlanned = false
      if (this.#flooding) this.#publisher?.pump()
    })
  }

  async #becomesQuiet(): Promise<void> {
    let seen = -1
    let movedMs = performance.now()
    while (!this.#flow.isComplete() && performance.now() - movedMs < QUIET_MS) {
      if (this.#flow.delivered !== seen) {
        seen = this.#flow.delivered
        movedMs = performance.now()
      }
      await delay(LOOK_EVERY_MS)
    }
  }
}

/** Whom message `sequence` is for, and by which of its filters: runs that go round the subscribers. */
export function destinationOf(sequence: number, spread: FilterSpread): { session: number; place: number } {
  return {
    session: Math.floor(sequence / RUN) % spread.sessions,
    place: (sequence % RUN) % spread.perSession,
  }
}

// By where it lies, so that a filter of the few is one of the many as well.
function filterNumber(job: FiltersJob, session: number, place: number): number {
  return session * job.many.perSession + place
}

function filtersOf(job: FiltersJob, spread: FilterSpread, session: number): string[] {
  if (session >= spread.sessions) return []
  return Array.from(
    { length: spread.perSession },
    (_, place) => `${job.channel}/f/${hex(filterNumber(job, session, place), FILTER_DIGITS)}/+`,
  )
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
