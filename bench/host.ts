import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'

/** What a reader must know of the machine to compare figures. */
export interface HostFacts {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  /** The commit that was measured, with `+` when the checkout differed from it. */
  readonly commit: string
  /** Before the run. Above zero, somebody else was using the machine. */
  readonly loadAverage: number
}

export function readHost(): HostFacts {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    commit: readCommit(),
    loadAverage: loadavg()[0] ?? Number.NaN,
  }
}

/** What the disk figures rest on: on `tmpfs`, for one, nothing is ever synced. */
export function readFileSystem(directory: string): string {
  const said = spawnSync('df', ['--output=fstype', directory], { encoding: 'utf8' })
  return said.status === 0 ? (said.stdout.trim().split('\n').at(-1) ?? '') : 'unknown file system'
}

function readCommit(): string {
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    return `${git('rev-parse', '--short', 'HEAD').trim()}${git('status', '--porcelain') === '' ? '' : '+'}`
  } catch {
    return 'none'
  }
}
