import type { WriteStream } from 'node:tty'

type Output = NodeJS.WriteStream | WriteStream

/** Text for a terminal: in colour where there is one and nobody asked for none (no-color.org). */
export interface Screen {
  line(text?: string): void
  strong(text: string): string
  faint(text: string): string
  command(text: string): string
  /** One line that is written over and over; nothing at all where the output is no terminal. */
  status(text: string): void
}

export function createScreen(output: Output, env: NodeJS.ProcessEnv): Screen {
  const colour = output.isTTY === true && (env.NO_COLOR ?? '') === ''
  const paint = (code: string) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  return {
    line: (text = '') => void output.write(`${text}\n`),
    strong: paint('1'),
    faint: paint('2'),
    command: paint('36'),
    status: text => {
      if (output.isTTY === true) output.write(`\r\u001b[K${text}`)
    },
  }
}
