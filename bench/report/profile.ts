import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Where one thread's time went, by function, itself alone. */
export interface ThreadProfile {
  readonly thread: string
  /** Of the window, what it was not idle. */
  readonly busyShare: number
  /** Most first. Shares are of the window; native code and system calls are `(program)`. */
  readonly top: readonly { readonly name: string; readonly share: number }[]
}

/** V8's format, as far as it is needed. Times are microseconds on the clock of `process.hrtime`. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly startTime: number
  readonly endTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface Span {
  readonly startMicros: number
  readonly endMicros: number
}

const TOP = 10

/** Of all profiles in a directory those that were running in that span, main thread first. */
export function profilesIn(directory: string, span: Span): ThreadProfile[] {
  return readdirSync(directory)
    .map(name => ({ name, thread: threadIn(name) }))
    .filter(({ thread }) => thread !== undefined)
    .sort((a, b) => a.thread! - b.thread!)
    .flatMap(({ name, thread }) => {
      const profile = JSON.parse(readFileSync(join(directory, name), 'utf8')) as CpuProfile
      if (profile.startTime > span.startMicros || profile.endTime < span.endMicros) return []
      return [threadProfile(thread === 0 ? 'main thread' : `worker ${thread}`, profile, span)]
    })
}

/** Node names them `CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile`. */
function threadIn(name: string): number | undefined {
  const match = /^CPU\.\d+\.\d+\.\d+\.(\d+)\.\d+\.cpuprofile$/.exec(name)
  return match ? Number(match[1]) : undefined
}

/** A sample stands for the time until the next one. */
export function threadProfile(thread: string, profile: CpuProfile, span: Span): ThreadProfile {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const micros = new Map<string, number>()
  let at = profile.startTime
  profile.samples.forEach((node, index) => {
    at += profile.timeDeltas[index]!
    const until = index + 1 < profile.samples.length ? at + profile.timeDeltas[index + 1]! : profile.endTime
    const inside = Math.min(until, span.endMicros) - Math.max(at, span.startMicros)
    if (inside <= 0) return
    const name = names.get(node) ?? '(unknown)'
    micros.set(name, (micros.get(name) ?? 0) + inside)
  })
  const whole = span.endMicros - span.startMicros
  const busy = [...micros].filter(([name]) => name !== '(idle)').sort((a, b) => b[1] - a[1])
  return {
    thread,
    busyShare: busy.reduce((sum, [, time]) => sum + time, 0) / whole,
    top: busy.slice(0, TOP).map(([name, time]) => ({ name, share: time / whole })),
  }
}

// V8 counts lines from 0; its own entries have no file.
function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${basename(url)}:${lineNumber + 1}`
}
