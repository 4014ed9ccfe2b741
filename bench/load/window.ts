import { type ProcessReading, readCoreBusySeconds, readProcess } from '../proc.ts'
import type { JobTarget, Window } from './job.ts'

/** What the counters said at one moment. */
export interface Reading {
  readonly micros: number
  readonly loadCpuMicros: number
  readonly broker: ProcessReading | undefined
  readonly brokerCoreSeconds: number | undefined
  readonly loadCoreSeconds: number | undefined
}

export function takeReading({ brokerPid, cores }: Pick<JobTarget, 'brokerPid' | 'cores'>): Reading {
  const cpu = process.cpuUsage()
  return {
    micros: Number(process.hrtime.bigint() / 1_000n),
    loadCpuMicros: cpu.user + cpu.system,
    broker: readProcess(brokerPid),
    brokerCoreSeconds: cores && readCoreBusySeconds(cores.broker),
    loadCoreSeconds: cores && readCoreBusySeconds(cores.load),
  }
}

export function windowBetween(before: Reading, after: Reading): Window {
  const brokerCpuSeconds = before.broker && after.broker && after.broker.cpuSeconds - before.broker.cpuSeconds
  const loadCpuSeconds = (after.loadCpuMicros - before.loadCpuMicros) / 1e6
  return {
    seconds: (after.micros - before.micros) / 1e6,
    startMicros: before.micros,
    endMicros: after.micros,
    brokerCpuSeconds,
    brokerRssBytes: after.broker?.rssBytes,
    brokerRssPeakBytes: after.broker?.rssPeakBytes,
    loadCpuSeconds,
    othersCpuSeconds: othersBetween(before, after, brokerCpuSeconds, loadCpuSeconds),
  }
}

/** What the cores did besides the broker and us. */
function othersBetween(
  before: Reading,
  after: Reading,
  brokerCpuSeconds: number | undefined,
  loadCpuSeconds: number,
): Window['othersCpuSeconds'] {
  const { brokerCoreSeconds: b0, loadCoreSeconds: l0 } = before
  const { brokerCoreSeconds: b1, loadCoreSeconds: l1 } = after
  if (b0 === undefined || b1 === undefined || l0 === undefined || l1 === undefined) return undefined
  if (brokerCpuSeconds === undefined) return undefined
  return {
    brokerCore: Math.max(0, b1 - b0 - brokerCpuSeconds),
    loadCore: Math.max(0, l1 - l0 - loadCpuSeconds),
  }
}
