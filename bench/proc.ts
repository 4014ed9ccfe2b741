import { readFileSync, writeFileSync } from 'node:fs'

/** What the kernel says about one process, all its threads together. */
export interface ProcessReading {
  /** User and system time, in seconds. */
  readonly cpuSeconds: number
  readonly rssBytes: number
  /** The most it ever had resident. */
  readonly rssPeakBytes: number
}

// proc(5): utime and stime count in USER_HZ, which is 100 on every architecture that Node runs on.
const TICKS_PER_SECOND = 100

/** `undefined` where there is no /proc or no such process. */
export function readProcess(pid: number): ProcessReading | undefined {
  let stat: string
  let status: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    status = readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is the command's name, which may hold spaces and brackets: count from its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    rssBytes: statusBytes(status, 'VmRSS'),
    rssPeakBytes: statusBytes(status, 'VmHWM'),
  }
}

/** Starts the peak of a process anew, from what it has resident now (proc(5), clear_refs). Does nothing where that is not possible. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Then the peak is that of its whole life, which only makes it larger.
  }
}

/** How long a core was busy since boot with anything at all, in seconds; time stolen by the hypervisor is in it. */
export function readCoreBusySeconds(core: number): number | undefined {
  let stat: string
  try {
    stat = readFileSync('/proc/stat', 'utf8')
  } catch {
    return undefined
  }
  const line = new RegExp(`^cpu${core} (.+)$`, 'm').exec(stat)
  if (!line) return undefined
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line[1]!.split(' ').map(Number)
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
}

// A zombie has no Vm lines: its memory is gone.
function statusBytes(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)
  return match ? Number(match[1]) * 1024 : 0
}
