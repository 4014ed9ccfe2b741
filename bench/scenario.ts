import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Broker, RunningBroker } from './brokers/contract.ts'
import type { Processes } from './brokers/processes.ts'
import { sampleDisk, toDiskReading } from './disk.ts'
import { jobOf, plannedMs } from './jobs.ts'
import type { LoadJob, LoadReport, Qos, Window } from './load/job.ts'
import type { MqttBenchOptions } from './options.ts'
import { profilesIn, type ThreadProfile } from './report/profile.ts'
import type { Outcome } from './report/rows.ts'
import { connectionsOf, type Shape } from './shapes.ts'

export const BROKER_CORE = 0
const LOAD_CORE = 1
// Connects, drains and a slow start, on top of the phases whose length is known.
const SLACK_MS = 120_000
// A dying process closes its sockets a moment before its exit is reported.
const DEATH_NOTICE_MS = 1_000
const DISK_MS = 1_000

export interface ScenarioOptions {
  readonly shape: Shape
  readonly qos: Qos
  readonly broker: Broker
  readonly profile: string
  readonly bench: MqttBenchOptions
  readonly processes: Processes
  readonly workDir: string
  /** An empty directory for the broker's CPU profiles. */
  readonly profileDir: string | undefined
}

/** One row, once: a fresh broker, a fresh generator. Never throws for what a broker does; that becomes the outcome. */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  const { shape, qos, broker, profile, bench, processes, workDir } = options
  const dataDir = mkdtempSync(join(workDir, `${broker.name}-`))
  const againstDisk = shape.kind === 'flow' && qos > 0 && bench.latencySeconds > 0 && broker.isSynced(profile)
  // On both sides of the row: what a shared disk gives changes by the minute.
  const disk = againstDisk ? sampleDisk(workDir, DISK_MS) : []
  let running: RunningBroker | undefined
  try {
    running = await startBroker(options, dataDir)
    const cores = processes.canPin ? { broker: BROKER_CORE, load: LOAD_CORE } : undefined
    const report = await runGenerator(jobOf({ shape, qos, bench, running, cores }), processes)
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

function startBroker(options: ScenarioOptions, dataDir: string): Promise<RunningBroker> {
  const { shape, broker, profile, bench, processes, profileDir } = options
  const connections = connectionsOf(shape, bench.sizes)
  // A restart is no way to keep what lives in memory only.
  const isWeighed = shape.kind === 'idle' || (shape.kind === 'drain' && broker.isSynced(profile))
  return broker.start({ processes, dataDir, profile, connections, isWeighed, core: BROKER_CORE, profileDir })
}

function threadsOf(profileDir: string, window: Window): readonly ThreadProfile[] {
  return profilesIn(profileDir, { startMicros: window.startMicros, endMicros: window.endMicros })
}

async function untilDead(running: RunningBroker): Promise<void> {
  while (running.death() === undefined) await delay(20)
}

async function runGenerator(job: LoadJob, processes: Processes): Promise<LoadReport> {
  const script = fileURLToPath(new URL('./load/main.ts', import.meta.url))
  const generator = processes.start(LOAD_CORE, [process.execPath, ...process.execArgv, script], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const limitMs = plannedMs(job) + SLACK_MS
  const timer = new AbortController()
  try {
    return await Promise.race([
      new Promise<LoadReport>(resolve => {
        generator.child.once('message', message => resolve(message as LoadReport))
        generator.child.send(job)
      }),
      generator.exited.then(() => {
        throw new Error(`the load generator ended: ${generator.death()}`)
      }),
      delay(limitMs, undefined, { signal: timer.signal }).then(() => {
        throw new Error(`timed out after ${limitMs} ms`)
      }),
    ])
  } finally {
    timer.abort()
    await generator.stop()
  }
}
