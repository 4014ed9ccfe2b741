import { setTimeout as delay } from 'node:timers/promises'
import type { MqttJob } from './job.ts'

// A collection takes some tens of milliseconds, and the pages go back after it.
const COLLECT_MS = 1_000

/** Has the broker collect its garbage, where it is one that can be told to. */
export async function collectGarbage({ brokerPid, collectsGarbage }: MqttJob): Promise<void> {
  if (!collectsGarbage) return
  process.kill(brokerPid, 'SIGUSR2')
  await delay(COLLECT_MS)
}
