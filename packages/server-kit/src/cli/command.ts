import type { ParseArgsOptionsConfig } from 'node:util'
import type { Terminal } from './terminal.ts'
import type { Values } from './values.ts'

/** One command of the command line. */
export interface Command {
  /** As it is typed: `things create`. */
  readonly name: string
  /** What follows the name, for the usage: `NAME [--tag TAG]...` */
  readonly synopsis: string
  readonly summary: string
  /** How many words besides flags it takes. */
  readonly words: readonly [min: number, max: number]
  readonly flags: ParseArgsOptionsConfig
  /** Throws `UsageError` and `ThingmeshError`. */
  run(call: Call): Promise<void>
}

export interface Call {
  readonly words: readonly string[]
  readonly values: Values
  readonly terminal: Terminal
}
