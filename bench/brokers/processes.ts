import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const STOP_GRACE_MS = 5_000
const TAIL_CHARS = 4_000

/** A child process with the end of what it said, and how it ended. */
export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly exited: Promise<void>
  /** `undefined` while it runs. */
  death(): string | undefined
  stop(): Promise<void>
}

/** Every process of a run, so that all of them are stopped by pid however the run ends. */
export class Processes {
  readonly #running = new Set<Running>()
  readonly #pinning: boolean

  constructor() {
    this.#pinning = spawnSync('taskset', ['--version']).status === 0
  }

  get canPin(): boolean {
    return this.#pinning
  }

  /** taskset replaces itself by the command: the pid is the command's own. */
  start(core: number, command: readonly string[], options: SpawnOptions = {}, stopMs = STOP_GRACE_MS): Running {
    const [file, ...args] = this.#pinning ? ['taskset', '-c', String(core), ...command] : command
    const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let tail = ''
    let ending: string | undefined
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL_CHARS)
    })
    const running: Running = {
      child,
      pid: child.pid ?? 0,
      exited: new Promise(resolve => {
        child.once('error', error => {
          ending = error.message
          resolve()
        })
        child.once('close', (code, signal) => {
          ending ??= `${signal ?? `exit code ${code}`}${causeIn(tail)}`
          resolve()
        })
      }),
      death: () => ending,
      stop: async () => {
        if (ending === undefined) {
          child.kill('SIGTERM')
          const late = new AbortController()
          const killer = delay(stopMs, undefined, { signal: late.signal }).then(
            () => child.kill('SIGKILL'),
            () => {},
          )
          await running.exited
          late.abort()
          await killer
        }
        this.#running.delete(running)
      },
    }
    this.#running.add(running)
    return running
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map(running => running.stop()))
  }
}

/** The line of a stack trace that names the error, else the last line. */
function causeIn(tail: string): string {
  const lines = tail.split('\n').filter(line => line.trim() !== '')
  const line = lines.find(candidate => /^(\w+ )?\w*Error\b/.test(candidate)) ?? lines.at(-1)
  return line === undefined ? '' : `: ${line.trim().slice(0, 160)}`
}

/** A port that was free a moment ago, for servers that cannot say which one they took. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Settles when somebody accepts on the port; throws when the process ends before, or after `timeoutMs`. */
export async function listening(running: Running, port: number, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs
  while (performance.now() < end) {
    if (running.death() !== undefined) throw new Error(`ended before it listened: ${running.death()}`)
    if (await accepts(port)) return
    await delay(20)
  }
  throw new Error(`does not listen after ${timeoutMs} ms`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** The first line that a process writes to standard output. */
export function firstLine(running: Running, timeoutMs: number): Promise<string> {
  const stdout = running.child.stdout
  if (!stdout) return Promise.reject(new TypeError('the process has no standard output to read'))
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`says nothing after ${timeoutMs} ms`)), timeoutMs)
    stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const end = text.indexOf('\n')
      if (end < 0) return
      clearTimeout(timer)
      resolve(text.slice(0, end))
    })
    void running.exited.then(() => {
      clearTimeout(timer)
      reject(new Error(`ended before it was ready: ${running.death()}`))
    })
  })
}
