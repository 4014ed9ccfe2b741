import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Processes } from './brokers/processes.ts'
import { sampleDisk, toDiskReading } from './disk.ts'
import { BROKER_CORE, LOAD_CORE, runGenerator } from './generator.ts'
import type { Window } from './load/job.ts'
import type { LoadJob } from './load/work.ts'
import { profilesIn, type ThreadProfile } from './report/profile.ts'
import type { Outcome } from './report/rows.ts'

// A dying process closes its sockets a moment before its exit is reported.
const DEATH_NOTICE_MS = 1_000
const DISK_MS = 1_000

/** A broker or server that is there to be measured. */
interface Measurable {
  /** How the process ended by itself, `undefined` while it runs. */
  death(): string | undefined
  stop(): Promise<void>
}

export interface ScenarioOptions<Running extends Measurable, Job extends LoadJob> {
  readonly name: string
  readonly processes: Processes
  readonly workDir: string
  /** The bare disk is measured on both sides of the row: what a shared disk gives changes by the minute. */
  readonly againstDisk: boolean
  /** An empty directory for the broker's CPU profiles. */
  readonly profileDir: string | undefined
  readonly start: (dataDir: string) => Promise<Running>
  readonly jobOf: (running: Running, cores: LoadJob['cores']) => Job
  readonly plannedMs: (job: Job) => number
}

/** One row, once: a fresh broker, a fresh generator. Never throws for what a broker does; that becomes the outcome. */
export async function runScenario<Running extends Measurable, Job extends LoadJob>(
  options: ScenarioOptions<Running, Job>,
): Promise<Outcome> {
  const { name, processes, workDir, againstDisk } = options
  const dataDir = mkdtempSync(join(workDir, `${name}-`))
  const disk = againstDisk ? sampleDisk(workDir, DISK_MS) : []
  let running: Running | undefined
  try {
    running = await options.start(dataDir)
    const cores = processes.canPin ? { broker: BROKER_CORE, load: LOAD_CORE } : undefined
    const job = options.jobOf(running, cores)
    const report = await runGenerator(job, processes, options.plannedMs(job))
    if (report.kind === 'done') {
      const { result } = report
      await running.stop()
      if (againstDisk) disk.push(...sampleDisk(workDir, DISK_MS))
      const window = 'many' in result ? result.many.window : result.window
      return {
        result,
        ...(againstDisk ? { disk: toDiskReading(disk) } : {}),
        ...(options.profileDir === undefined ? {} : { threads: threadsOf(options.profileDir, window) }),
      }
    }
    await Promise.race([delay(DEATH_NOTICE_MS), untilDead(running)])
    const death = running.death()
    const happened = death === undefined ? report.reason : `died (${death})`
    return { failed: `${happened} in the ${report.phase} phase, after ${report.delivered} deliveries` }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  } finally {
    await running?.stop()
    // What a start that failed half way left behind.
    await processes.stopAll()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

function threadsOf(profileDir: string, window: Window): readonly ThreadProfile[] {
  return profilesIn(profileDir, { startMicros: window.startMicros, endMicros: window.endMicros })
}

async function untilDead(running: Measurable): Promise<void> {
  while (running.death() === undefined) await delay(20)
}
