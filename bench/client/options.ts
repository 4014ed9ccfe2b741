import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'

export interface ClientBenchOptions {
  /** How the hub stores what it acknowledges. */
  readonly profiles: readonly ('disk' | 'memory')[]
  readonly repeat: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly payloadBytes: number
  /** Publishes of the program that are not acknowledged yet, at most. */
  readonly window: number
  readonly dist: boolean
  readonly dataDir: string
  readonly out: string | undefined
}

export const CLIENT_HELP = `Usage: npm run bench -- client [options]

  --profiles A,B    of disk, memory: how the hub stores what it acknowledges (default: both)
  --repeat N        runs of each client, in turns; the table has the median (default 5)
  --seconds N       measured window per run (default 4)
  --warmup N        seconds before it (default 2)
  --payload BYTES   (default 64)
  --window N        publishes without an acknowledgement, of our client (default 1000)
  --dist            run the built hub instead of its source
  --data DIR        where hub and outbox keep their data (default: the system's temporary directory)
  --out FILE        write the Markdown there too`

/** Reads the arguments after `client`. Throws a `TypeError` that says what is wrong. */
export function parseClientOptions(args: readonly string[]): ClientBenchOptions | 'help' {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      profiles: text,
      repeat: text,
      seconds: text,
      warmup: text,
      payload: text,
      window: text,
      dist: flag,
      data: text,
      out: text,
      help: flag,
    },
  })
  if (values.help) return 'help'
  return {
    profiles: (values.profiles ?? 'disk,memory').split(',').map(toProfile),
    repeat: toWhole('--repeat', values.repeat ?? '5'),
    seconds: toNumber('--seconds', values.seconds ?? '4'),
    warmupSeconds: toNumber('--warmup', values.warmup ?? '2'),
    payloadBytes: toWhole('--payload', values.payload ?? '64'),
    window: toWhole('--window', values.window ?? '1000'),
    dist: values.dist ?? false,
    dataDir: values.data ?? tmpdir(),
    out: values.out,
  }
}

function toProfile(name: string): 'disk' | 'memory' {
  if (name === 'disk' || name === 'memory') return name
  throw new TypeError(`--profiles does not know ${name}; it knows disk, memory`)
}

function toNumber(option: string, value: string): number {
  const parsed = Number(value)
  if (!(parsed > 0) || !Number.isFinite(parsed)) throw new TypeError(`${option} must be a number above 0`)
  return parsed
}

function toWhole(option: string, value: string): number {
  const parsed = toNumber(option, value)
  if (!Number.isInteger(parsed)) throw new TypeError(`${option} must be a whole number`)
  return parsed
}
