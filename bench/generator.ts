import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Processes } from './brokers/processes.ts'
import type { LoadJob, LoadReport } from './load/work.ts'

export const BROKER_CORE = 0
export const LOAD_CORE = 1
// Connects, drains and a slow start, on top of the phases whose length is known.
const SLACK_MS = 120_000

/** One job in a generator process of its own. Rejects where the process ends before it has reported, or takes for ever. */
export async function runGenerator(job: LoadJob, processes: Processes, plannedMs: number): Promise<LoadReport> {
  const script = fileURLToPath(new URL('./load/main.ts', import.meta.url))
  const generator = processes.start(LOAD_CORE, [process.execPath, ...process.execArgv, script], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const limitMs = plannedMs + SLACK_MS
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
