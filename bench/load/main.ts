// The load generator's process: one job comes in over the fork's channel, one report goes out.
import { Generator } from './generator.ts'
import type { LoadJob, LoadReport } from './job.ts'

async function run(job: LoadJob): Promise<void> {
  const generator = new Generator(job)
  let report: LoadReport
  try {
    report = { kind: 'done', result: await generator.run() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    report = { kind: 'failed', phase: generator.phase, reason, delivered: generator.delivered }
  }
  generator.close()
  process.send?.(report, () => process.exit(0))
}

process.once('message', message => void run(message as LoadJob))
// The parent is gone: nobody will read the report, and a flood must not go on without it.
process.once('disconnect', () => process.exit(1))
