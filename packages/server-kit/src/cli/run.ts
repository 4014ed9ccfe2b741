import { parseArgs } from 'node:util'
import { isThingmeshError, nearestOf } from '@thingmesh/core'
import { version } from '../version.ts'
import { channelCommands } from './channels.ts'
import type { Command } from './command.ts'
import { grantCommands } from './grants.ts'
import { keyCommands } from './keys.ts'
import { messageCommands } from './messages.ts'
import { serveCommand } from './serve.ts'
import { print, type Terminal, toPrintable } from './terminal.ts'
import { thingCommands } from './things.ts'
import { tokenCommands } from './tokens.ts'
import { UsageError } from './usage-error.ts'

const commands: readonly Command[] = [
  serveCommand,
  ...thingCommands,
  ...channelCommands,
  ...grantCommands,
  ...keyCommands,
  ...tokenCommands,
  ...messageCommands,
]

/** Runs one call of the command line. The exit code: 0 done, 1 refused or failed, 2 the call itself is wrong. */
export async function run(words: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    await dispatch(words, terminal)
    return 0
  } catch (error) {
    // The reader of a pipe has what it wanted, as in `thingmesh read … | head`.
    if (isBrokenPipe(error)) return 0
    if (error instanceof UsageError) {
      terminal.stderr.write(`thingmesh: ${error.message}\n`)
      return 2
    }
    terminal.stderr.write(`thingmesh: ${toErrorText(error)}\n`)
    return 1
  }
}

async function dispatch(words: readonly string[], terminal: Terminal): Promise<void> {
  if (words[0] === '--version') return print(terminal, version)
  const command = commands.find(candidate => isCalled(candidate, words))
  if (command === undefined) {
    if (words.length === 0) throw new UsageError(`a command is missing\n\n${toUsage(commands)}`)
    if (isHelp(words)) return print(terminal, toUsage(commands.filter(one => isWithin(one, words))))
    throw new UsageError(toUnknown(words))
  }
  const rest = words.slice(command.name.split(' ').length)
  if (isHelp(rest)) return print(terminal, toUsage([command]))
  await command.run({ ...parseWords(command, rest), terminal })
}

function isCalled(command: Command, words: readonly string[]): boolean {
  return command.name.split(' ').every((word, index) => words[index] === word)
}

/** The words in front of the first flag are how the command's name begins. */
function isWithin(command: Command, words: readonly string[]): boolean {
  const flag = words.findIndex(word => word.startsWith('-'))
  const prefix = words.slice(0, flag === -1 ? words.length : flag).filter(word => word !== 'help')
  const name = command.name.split(' ')
  return prefix.every((word, index) => word === name[index])
}

/** What was found, what was likely meant, and where the rest is told. */
function toUnknown(words: readonly string[]): string {
  const flag = words.findIndex((word, index) => index > 0 && word.startsWith('-'))
  const said = flag === -1 ? words : words.slice(0, flag)
  const named = said.slice(0, 2).join(' ')
  const nearest = nearestOf(
    named,
    commands.map(({ name }) => name),
  )
  const shown = toPrintable(named.length > 40 ? `${named.slice(0, 40)}…` : named)
  const isGroup = commands.some(one => isWithin(one, said.slice(0, 1)))
  const help = isGroup ? `thingmesh ${said[0]} --help lists those of ${said[0]}` : 'thingmesh --help lists them all'
  return `unknown command "${shown}"${nearest === undefined ? '' : `, the nearest is "${nearest}"`}; ${help}`
}

function isHelp(words: readonly string[]): boolean {
  return words.some(word => word === '--help' || word === '-h') || words[0] === 'help'
}

function parseWords(command: Command, args: readonly string[]) {
  const { values, positionals } = parse(command, args)
  const [min, max] = command.words
  if (positionals.length < min || positionals.length > max) {
    const wrong = positionals.length < min ? 'too few words' : 'too many words'
    throw new UsageError(`${wrong}\n\n${toUsage([command])}`)
  }
  return { words: positionals, values }
}

function parse(command: Command, args: readonly string[]) {
  try {
    const parsed = parseArgs({
      args: [...args],
      options: command.flags,
      allowPositionals: true,
      strict: true,
      tokens: true,
    })
    checkOnce(command, parsed.tokens)
    return parsed
  } catch (error) {
    // parseArgs says what was wrong with which flag, never with which value.
    throw new UsageError(`${(error as Error).message}\n\n${toUsage([command])}`)
  }
}

/** The last of two would win, and nobody be told. */
function checkOnce({ flags }: Command, tokens: readonly { readonly kind: string; readonly name?: string }[]): void {
  const seen = new Set<string>()
  for (const { kind, name = '' } of tokens) {
    if (kind !== 'option' || flags[name]?.multiple === true) continue
    if (seen.has(name)) throw new TypeError(`--${name} is given twice`)
    seen.add(name)
  }
}

function toUsage(commands: readonly Command[]): string {
  const lines = commands.flatMap(({ name, synopsis, summary }) => [
    `  thingmesh ${name} ${synopsis}`.trimEnd(),
    `      ${summary}`,
  ])
  return ['usage:', ...lines, ...(commands.some(({ name }) => name !== 'serve') ? ['', connectionHelp] : [])].join('\n')
}

const connectionHelp = `every command but serve:
  --url URL                the hub, or THINGMESH_URL; http://127.0.0.1:8080 by default
  --token-file FILE        a file with an operator's token, or THINGMESH_TOKEN with the token itself
  --token TOKEN            the same, in sight of every user of this machine who lists processes: avoid it
  --thing-key-file FILE    pub, sub, read: a file with a thing's key, or THINGMESH_KEY, to act as that thing
  --json                   one JSON object per line

exit codes: 0 done, 1 refused or failed, 2 wrong usage`

function toErrorText(error: unknown): string {
  if (isThingmeshError(error)) {
    const cause = error.code === 'internal' && error.cause instanceof Error ? ` (${error.cause.message})` : ''
    return `${error.code}: ${error.message}${cause}`
  }
  return error instanceof Error ? `internal: ${error.message}` : 'internal: something that is not an error was thrown'
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE'
}
