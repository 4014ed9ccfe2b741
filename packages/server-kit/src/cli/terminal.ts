import type { Readable, Writable } from 'node:stream'

/** What a command sees of the process that it runs in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable
  /** SIGINT and SIGTERM. Returns what gives them back to the default, which ends the process, but for echoes of the first. */
  onSignal(listener: () => void): () => void
  /** SIGHUP, which without a listener ends the process. Returns what ends the listening. */
  onHangup(listener: () => void): () => void
}

/** Settles when it is written, so that a slow reader slows the command down. Rejects with EPIPE where that has gone. */
export function print(terminal: Terminal, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    terminal.stdout.write(`${line}\n`, error => (error ? reject(error) : resolve()))
  })
}

/** Aborted by the first SIGINT or SIGTERM; the second one is the default's, which ends the process. */
export function abortOnSignal(terminal: Terminal): AbortSignal {
  const controller = new AbortController()
  const forget = terminal.onSignal(() => {
    forget()
    controller.abort()
  })
  return controller.signal
}

/** Everything that a terminal would take for a command, made visible: what devices sent must not move the cursor. */
export function toPrintable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
