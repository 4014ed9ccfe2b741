import { readFileSync } from 'node:fs'

/** The most memory that the process has had resident so far, in MiB: the kernel's own mark, so no peak is missed between two looks. */
export function residentPeakMebibytes(pid: number): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (peak === undefined) throw new Error('/proc tells no VmHWM')
  return Number(peak) / 1024
}
