import { PassThrough, Readable, Writable } from 'node:stream'
import { run } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The lines of `out`, each as JSON. */
  readonly json: readonly Record<string, unknown>[]
}

export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Told of each write to stdout; may send the signal. */
  readonly onOut?: (text: string, signal: () => void) => void
  /** Called once the command listens for signals. */
  readonly onReady?: (signal: () => void) => void
}

/** One call of the command line in this process. */
export async function call(words: readonly string[], options: CallOptions = {}): Promise<Outcome> {
  let out = ''
  let err = ''
  const listeners = new Set<() => void>()
  const signal = (): void => {
    for (const listener of [...listeners]) listener()
  }
  const collect = (take: (text: string) => void): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        take(String(chunk))
        done()
      },
    })
  const terminal: Terminal = {
    env: options.env ?? {},
    stdin: options.stdin === undefined ? new PassThrough() : Readable.from([Buffer.from(options.stdin)]),
    stdout: collect(text => {
      out += text
      options.onOut?.(text, signal)
    }),
    stderr: collect(text => {
      err += text
    }),
    onSignal(listener) {
      listeners.add(listener)
      options.onReady?.(signal)
      return () => listeners.delete(listener)
    },
    onHangup: () => () => undefined,
  }
  const code = await run(words, terminal)
  return {
    code,
    out,
    err,
    get json() {
      return out.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
    },
  }
}
