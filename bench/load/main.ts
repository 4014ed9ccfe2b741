// The load generator's process: one job comes in over the fork's channel, one report goes out.
import { CrossingScenario } from './coap/crossing-scenario.ts'
import { ObserversScenario } from './coap/observers-scenario.ts'
import { RequestsScenario } from './coap/requests-scenario.ts'
import { DrainScenario } from './drain-scenario.ts'
import { FiltersScenario } from './filters-scenario.ts'
import { FlowScenario } from './flow-scenario.ts'
import { IdleScenario } from './idle-scenario.ts'
import type { Scenario } from './scenario.ts'
import type { LoadJob, LoadReport } from './work.ts'

function scenarioOf(job: LoadJob): Scenario {
  switch (job.kind) {
    case 'flow':
      return new FlowScenario(job)
    case 'idle':
      return new IdleScenario(job)
    case 'filters':
      return new FiltersScenario(job)
    case 'drain':
      return new DrainScenario(job)
    case 'requests':
      return new RequestsScenario(job)
    case 'observers':
      return new ObserversScenario(job)
    case 'crossing':
      return new CrossingScenario(job)
  }
}

async function run(job: LoadJob): Promise<void> {
  const scenario = scenarioOf(job)
  let report: LoadReport
  try {
    report = { kind: 'done', result: await scenario.run() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    report = { kind: 'failed', phase: scenario.phase, reason, delivered: scenario.delivered }
  }
  scenario.close()
  process.send?.(report, () => process.exit(0))
}

process.once('message', message => void run(message as LoadJob))
// The parent is gone: nobody will read the report, and a flood must not go on without it.
process.once('disconnect', () => process.exit(1))
