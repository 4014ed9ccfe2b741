import { resolve } from 'node:path'
import { durabilities } from '../contracts/index.ts'
import type { Call, Command } from './command.ts'
import type { ServeOptions } from './serve-options.ts'
import { UsageError } from './usage-error.ts'
import { choiceOf, flagOf, integerOf, textOf } from './values.ts'

export const serveCommand: Command = {
  name: 'serve',
  synopsis:
    '[--data DIR] [--host HOST] [--mqtt PORT] [--http PORT] [--durability memory|process|disk]' +
    ' [--admin-token-file FILE] [--json | --quiet]',
  summary: 'run a hub; prints the admin token at the first start on its data, this once',
  words: [0, 0],
  flags: {
    data: { type: 'string' },
    host: { type: 'string' },
    mqtt: { type: 'string' },
    http: { type: 'string' },
    durability: { type: 'string' },
    'admin-token-file': { type: 'string' },
    json: { type: 'boolean' },
    quiet: { type: 'boolean' },
  },
  run: async call => {
    const options = parseOptions(call)
    // The hub with its listeners and stores is loaded by who serves, and by nobody else.
    const { runHub } = await import('./hub-process.ts')
    await runHub(options, call.terminal)
  },
}

function parseOptions({ values }: Call): ServeOptions {
  const host = textOf(values, 'host') ?? '127.0.0.1'
  const data = textOf(values, 'data') ?? 'thingmesh-data'
  if (host === '' || data === '') throw new UsageError('--host and --data must not be empty')
  return {
    data: resolve(data),
    host,
    mqtt: integerOf(values, 'mqtt', 0, 65_535) ?? 1883,
    http: integerOf(values, 'http', 0, 65_535) ?? 8080,
    durability: choiceOf(values, 'durability', durabilities) ?? 'disk',
    tokenFile: textOf(values, 'admin-token-file'),
    output: flagOf(values, 'json') ? 'json' : flagOf(values, 'quiet') ? 'quiet' : 'text',
  }
}
