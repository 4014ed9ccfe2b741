import { BlockList, isIP, isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { durabilities } from '../contracts/index.ts'
import type { Call, Command } from './command.ts'
import { limitChoices, type ServeOptions } from './serve-options.ts'
import { UsageError } from './usage-error.ts'
import { choiceOf, flagOf, integerOf, textOf } from './values.ts'

export const serveCommand: Command = {
  name: 'serve',
  synopsis:
    '[--data DIR] [--host HOST] [--mqtt PORT] [--http PORT] [--durability memory|process|disk]' +
    ' [--open [--open-anywhere]] [--limits safe|spec] [--admin-token-file FILE] [--json | --quiet]',
  summary: 'run a hub; prints the admin token at the first start on its data, this once',
  words: [0, 0],
  flags: {
    data: { type: 'string' },
    host: { type: 'string' },
    mqtt: { type: 'string' },
    http: { type: 'string' },
    durability: { type: 'string' },
    open: { type: 'boolean' },
    'open-anywhere': { type: 'boolean' },
    limits: { type: 'string' },
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
  const anywhere = flagOf(values, 'open-anywhere')
  const open = flagOf(values, 'open') || anywhere
  if (open && !anywhere && !isLoopback(host)) {
    throw new UsageError('--open lets anybody in, so it is for a loopback --host; --open-anywhere is for any')
  }
  return {
    data: resolve(data),
    host,
    mqtt: integerOf(values, 'mqtt', 0, 65_535) ?? 1883,
    http: integerOf(values, 'http', 0, 65_535) ?? 8080,
    durability: choiceOf(values, 'durability', durabilities) ?? 'disk',
    open,
    limits: choiceOf(values, 'limits', limitChoices) ?? 'safe',
    tokenFile: textOf(values, 'admin-token-file'),
    output: flagOf(values, 'json') ? 'json' : flagOf(values, 'quiet') ? 'quiet' : 'text',
  }
}

/** Names are not looked up: only the one that means it everywhere (RFC 6761, section 6.3). */
function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  return isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
