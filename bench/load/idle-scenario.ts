import { setTimeout as delay } from 'node:timers/promises'
import { readProcess } from '../proc.ts'
import { collectGarbage } from './garbage.ts'
import type { IdleJob, IdleResult } from './job.ts'
import { atOnce, Population } from './population.ts'
import type { Scenario } from './scenario.ts'
import { takeReading, windowBetween } from './window.ts'

/** Connects everybody, waits, reads the memory, and asks each of them whether it is still there. */
export class IdleScenario implements Scenario {
  phase = 'connect'
  readonly delivered = 0
  readonly #job: IdleJob
  readonly #population: Population

  constructor(job: IdleJob) {
    this.#job = job
    this.#population = new Population(job)
  }

  async run(): Promise<IdleResult> {
    return Promise.race([this.#population.lost, this.#scenario()])
  }

  close(): void {
    this.#population.close()
  }

  async #scenario(): Promise<IdleResult> {
    const job = this.#job
    const connections = job.clients.map(spec => this.#population.prepare(spec))
    await collectGarbage(job)
    const before = takeReading(job)
    await atOnce(connections, job.atOnce, connection => connection.connect())
    const after = takeReading(job)
    this.phase = 'settle'
    await delay(job.settleMs)
    const settled = readProcess(job.brokerPid)
    await collectGarbage(job)
    const collected = job.collectsGarbage ? readProcess(job.brokerPid) : undefined
    this.phase = 'ping'
    let alive = 0
    await atOnce(connections, job.atOnce, async connection => {
      await connection.ping()
      alive++
    })
    return {
      kind: 'idle',
      window: windowBetween(before, after),
      connections: connections.length,
      rssBeforeBytes: before.broker?.rssBytes,
      rssAfterBytes: settled?.rssBytes,
      rssCollectedBytes: collected?.rssBytes,
      alive,
    }
  }
}
