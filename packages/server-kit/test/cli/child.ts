import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface Child extends AsyncDisposable {
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  readonly err: () => string
  /** The next line of stdout; rejects where there is none any more. */
  line(): Promise<string>
  exited(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** The command line as a process of its own. */
export function start(args: readonly string[], options: { readonly cwd?: string } = {}): Child {
  const child = spawn(process.execPath, ['--conditions=@thingmesh/source', main, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A test that times out is left where it stands, and disposes of nothing.
    timeout: 120_000,
    killSignal: 'SIGKILL',
  })
  let err = ''
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const exit = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    process: child,
    err: () => err,
    async line() {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`the process said no more; on stderr: ${err}`)
      return value
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

export interface Ready {
  readonly ready: true
  readonly mqtt: { readonly host: string; readonly port: number }
  readonly http: { readonly host: string; readonly port: number }
  readonly coap: { readonly host: string; readonly port: number }
  readonly coapTcp: { readonly host: string; readonly port: number }
  readonly adminToken?: string
}

export async function ready(child: Child): Promise<Ready> {
  return JSON.parse(await child.line()) as Ready
}
