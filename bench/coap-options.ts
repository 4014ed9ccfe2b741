import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { number, pick, wholeNumber } from './arguments.ts'
import {
  COAP_SHAPES,
  type CoapShape,
  DEFAULT_CROSSING_RATE,
  DEFAULT_OBSERVERS,
  OBSERVERS_PER_ENDPOINT,
} from './coap-shapes.ts'
import { PAYLOAD_BYTES_MIN } from './load/frames.ts'

export const SERVER_NAMES = ['thingmesh', 'libcoap', 'node-coap'] as const
export type ServerName = (typeof SERVER_NAMES)[number]

export interface CoapBenchOptions {
  readonly servers: readonly ServerName[]
  readonly shapes: readonly CoapShape[]
  /** Profiles to run, by name; empty means all. */
  readonly profiles: readonly string[]
  readonly repeat: number
  readonly seconds: number
  readonly warmupSeconds: number
  /** Sockets that send requests, and how many of them each has unanswered. */
  readonly endpoints: number
  readonly inFlight: number
  readonly observers: number
  readonly rounds: number
  readonly crossingRate: number
  readonly payloadBytes: number
  readonly dataDir: string
  readonly out: string | undefined
  readonly profileDir: string | undefined
  readonly dist: boolean
}

export const COAP_HELP = `Usage: npm run bench -- coap [options]

What is run:
  --servers A,B        of ${SERVER_NAMES.join(', ')} (default: all)
  --shapes A,B         of ${COAP_SHAPES.map(shape => shape.id).join(', ')} (default: all)
  --profiles A,B       only these profiles, by the name in the table
  --repeat N           runs per row, servers taking turns; the table has the median (default 1)
  --profile-cpu DIR    the hub writes V8 CPU profiles of its threads there, the report sums them up;
                       costs a few per cent, so do not take rates from the same run
  --dist               run the built hub instead of its source

How:
  --seconds N          measured window per row (default 5)
  --warmup N           seconds before it (default 1.5)
  --endpoints N        sockets that send requests (default 32)
  --in-flight N        unanswered requests per socket, 1 to 64 (default 4)
  --observers N        of one resource, a multiple of ${OBSERVERS_PER_ENDPOINT} (default ${DEFAULT_OBSERVERS})
  --rounds N           messages that they are notified of (default 10)
  --rate N             messages a second from MQTT to CoAP (default ${DEFAULT_CROSSING_RATE})
  --payload BYTES      at least ${PAYLOAD_BYTES_MIN} (default 64)

Where:
  --data DIR           where servers keep their data (default: the system's temporary directory)
  --out FILE           write the Markdown there too, after every row`

// What a hub leaves unanswered for one endpoint by default.
const IN_FLIGHT_MAX = 64

/** Reads the arguments after `coap`. Throws a `TypeError` that says what is wrong. */
export function parseCoapOptions(args: readonly string[]): CoapBenchOptions | 'help' {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      servers: text,
      shapes: text,
      profiles: text,
      repeat: text,
      seconds: text,
      warmup: text,
      endpoints: text,
      'in-flight': text,
      observers: text,
      rounds: text,
      rate: text,
      payload: text,
      'profile-cpu': text,
      data: text,
      out: text,
      dist: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return 'help'
  const inFlight = wholeNumber('--in-flight', values['in-flight'], 4, 1)
  if (inFlight > IN_FLIGHT_MAX) throw new TypeError(`--in-flight must be a number of at most ${IN_FLIGHT_MAX}`)
  const ids = COAP_SHAPES.map(shape => shape.id)
  return {
    servers: pick('--servers', values.servers, SERVER_NAMES),
    shapes: pick('--shapes', values.shapes, ids).map(id => COAP_SHAPES.find(shape => shape.id === id)!),
    profiles: values.profiles === undefined ? [] : values.profiles.split(',').map(name => name.trim()),
    repeat: wholeNumber('--repeat', values.repeat, 1, 1),
    seconds: number('--seconds', values.seconds, 5, 0.1),
    warmupSeconds: number('--warmup', values.warmup, 1.5, 0),
    endpoints: wholeNumber('--endpoints', values.endpoints, 32, 1),
    inFlight,
    observers: wholeNumber(
      '--observers',
      values.observers,
      DEFAULT_OBSERVERS,
      OBSERVERS_PER_ENDPOINT,
      OBSERVERS_PER_ENDPOINT,
    ),
    rounds: wholeNumber('--rounds', values.rounds, 10, 1),
    crossingRate: number('--rate', values.rate, DEFAULT_CROSSING_RATE, 1),
    payloadBytes: wholeNumber('--payload', values.payload, 64, PAYLOAD_BYTES_MIN),
    dataDir: values.data ?? tmpdir(),
    out: values.out,
    profileDir: values['profile-cpu'],
    dist: values.dist ?? false,
  }
}
