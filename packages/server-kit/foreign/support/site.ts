import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { until, within } from './until.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Finished extends Exit {
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly timeoutMs?: number
}

/** A process of this test, and what it has said so far. */
export class Running {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #name: string
  readonly exited: Promise<Exit>
  #out = ''
  #err = ''
  #ended = false

  constructor(command: string, args: readonly string[]) {
    this.#name = command
    this.#child = spawn(command, args, { stdio: 'pipe' })
    this.#child.stdout.setEncoding('utf8').on('data', text => {
      this.#out += text
    })
    this.#child.stderr.setEncoding('utf8').on('data', text => {
      this.#err += text
    })
    // A process that is gone does not read: what it says at its end tells more than EPIPE.
    this.#child.stdin.on('error', () => {})
    const spawned = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }) as Exit)
    this.exited = spawned.finally(() => {
      this.#ended = true
    })
    this.exited.catch(() => undefined)
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start`)
    return this.#child.pid
  }

  get out(): string {
    return this.#out
  }

  get err(): string {
    return this.#err
  }

  get lines(): readonly string[] {
    return this.#out.split('\n').slice(0, -1)
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** What it reads next. */
  write(text: string): void {
    this.#child.stdin.write(text)
  }

  /** All that it will ever read. */
  feed(stdin: string | Uint8Array): void {
    this.#child.stdin.end(stdin)
  }

  /** Settles when what it has said so far is enough. */
  async says(enough: (running: Running) => boolean, what: string, timeoutMs = 20_000): Promise<void> {
    await until(() => enough(this) || this.#ended, `${this.#name}: ${what}; on stderr: ${this.#err}`, timeoutMs)
    if (!enough(this)) throw new Error(`${this.#name} ended before: ${what}; on stderr: ${this.#err}`)
  }

  async finished(timeoutMs = 30_000): Promise<Finished> {
    const exit = await within(this.exited, `the end of ${this.#name}; on stderr: ${this.#err}`, timeoutMs)
    return { ...exit, out: this.#out, err: this.#err }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL', timeoutMs = 10_000): Promise<Exit> {
    if (!this.#ended) this.#child.kill(signal)
    return within(this.exited, `the end of ${this.#name} after ${signal}`, timeoutMs)
  }
}

/** What one test starts and leaves on disk: stopped by its pid and removed when the test is over, however it ends. */
export class Site {
  readonly directory: string
  readonly #cleanups: (() => Promise<unknown>)[] = []

  constructor(directory: string) {
    this.directory = directory
    this.cleanup(() => rm(directory, { recursive: true, force: true }))
  }

  /** Called at the end of the test, the last one first. */
  cleanup(work: () => Promise<unknown>): void {
    this.#cleanups.push(work)
  }

  spawn(command: string, args: readonly string[]): Running {
    const running = new Running(command, args)
    this.cleanup(() => running.kill())
    return running
  }

  /** Runs a command to its end, or to the deadline. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const running = this.spawn(command, args)
    running.feed(options.stdin ?? '')
    return running.finished(options.timeoutMs)
  }

  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const work of this.#cleanups.splice(0).reverse()) {
      await work().catch(error => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the test left something behind')
  }
}

/** The site of the test that calls it. */
export async function openSite(): Promise<Site> {
  const site = new Site(await mkdtemp(join(tmpdir(), 'thingmesh-foreign-')))
  onTestFinished(() => site.close())
  return site
}
