import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

export interface Child extends AsyncDisposable {
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  readonly out: () => string
  readonly err: () => string
  /** The first line of stdout, from now on, that matches; rejects where there is none. */
  lineWith(pattern: RegExp): Promise<string>
  exited(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** An example as a process of its own, the way that `npm start` runs it. */
export function startExample(
  path: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Child {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@thingmesh/source', file, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A test that times out is left where it stands, and disposes of nothing.
    timeout: 120_000,
    killSignal: 'SIGKILL',
  })
  let out = ''
  let err = ''
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const exit = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    process: child,
    out: () => out,
    err: () => err,
    async lineWith(pattern) {
      for (;;) {
        const { done, value } = await lines.next()
        if (done === true) throw new Error(`no line matches ${pattern}; on stderr: ${err}`)
        out += `${value}\n`
        if (pattern.test(value)) return value
      }
    },
    async exited() {
      const [code, signal] = await exit
      return { code, signal }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exit
    },
  }
}
