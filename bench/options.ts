import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { number, pick, wholeNumber } from './arguments.ts'
import { PAYLOAD_BYTES_MIN } from './load/frames.ts'
import type { Qos } from './load/job.ts'
import { DEFAULT_SIZES, SHAPES, type Shape, type Sizes } from './shapes.ts'

export const BROKER_NAMES = ['thingmesh', 'mosquitto', 'aedes', 'nats', 'relay'] as const
export type BrokerName = (typeof BROKER_NAMES)[number]

export interface MqttBenchOptions {
  readonly brokers: readonly BrokerName[]
  readonly shapes: readonly Shape[]
  readonly qos: readonly Qos[]
  /** Profiles to run, by name; empty means all. */
  readonly profiles: readonly string[]
  /** Times that each row is run; the median stands in the table. */
  readonly repeat: number
  readonly sizes: Sizes
  readonly seconds: number
  readonly warmupSeconds: number
  /** Between the last of the idle connections and the reading of the memory. */
  readonly settleSeconds: number
  readonly latencySeconds: number
  readonly latencyRate: number
  readonly payloadBytes: number
  /** Overrides what each shape says. */
  readonly inFlight: number | undefined
  readonly ackWindow: number
  readonly dataDir: string
  readonly out: string | undefined
  /** Where CPU profiles go; `undefined` takes none. */
  readonly profileDir: string | undefined
  readonly dist: boolean
}

export const MQTT_HELP = `Usage: npm run bench -- mqtt [options]

What is run:
  --brokers A,B        of ${BROKER_NAMES.join(', ')} (default: all but relay;
                       relay is no broker: it shows the load generator's own ceiling)
  --shapes A,B         of ${SHAPES.map(shape => shape.id).join(', ')}
                       (default: all). A broker that cannot do a shape is left out of it
  --qos A,B            of 0, 1, 2, for the first four shapes (default: all three)
  --profiles A,B       only these profiles, by the name in the table
  --repeat N           runs per row, brokers taking turns; the table has the median (default 1)
  --profile-cpu DIR    the hub writes V8 CPU profiles of its threads there, the report sums them up;
                       costs a few per cent, so do not take rates from the same run
  --dist               run the built hub instead of its source

How:
  --seconds N          measured window per row (default 5)
  --warmup N           seconds before it (default 1.5)
  --latency N          seconds of the latency phase, 0 leaves it out (default 3)
  --rate N             deliveries a second in the latency phase (default 2000)
  --payload BYTES      at least ${PAYLOAD_BYTES_MIN} (default 64)
  --in-flight N        undelivered messages per publisher (default: by shape)
  --ack-window N       QoS 1 and 2: unacknowledged messages per publisher (default 64)
  --connections N      of shape idle (default ${DEFAULT_SIZES.connections})
  --settle N           seconds from the last of them to the reading of the memory (default 10)
  --filters N          of shape filters, a multiple of 100 (default ${DEFAULT_SIZES.filters})
  --queued N           messages of shape drain, a multiple of 10 (default ${DEFAULT_SIZES.queued})

Where:
  --data DIR           where brokers keep their data (default: the system's temporary directory)
  --out FILE           write the Markdown there too, after every row`

/** Reads the arguments after `mqtt`. Throws a `TypeError` that says what is wrong. */
export function parseMqttOptions(args: readonly string[]): MqttBenchOptions | 'help' {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: text,
      warmup: text,
      brokers: text,
      shapes: text,
      qos: text,
      profiles: text,
      repeat: text,
      connections: text,
      filters: text,
      queued: text,
      'profile-cpu': text,
      settle: text,
      latency: text,
      rate: text,
      payload: text,
      'in-flight': text,
      'ack-window': text,
      data: text,
      out: text,
      dist: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return 'help'
  return {
    brokers: pick('--brokers', values.brokers ?? 'thingmesh,mosquitto,aedes,nats', BROKER_NAMES),
    shapes: pick(
      '--shapes',
      values.shapes,
      SHAPES.map(shape => shape.id),
    ).map(id => SHAPES.find(shape => shape.id === id)!),
    qos: pick('--qos', values.qos, ['0', '1', '2']).map(qos => Number(qos) as Qos),
    profiles: values.profiles === undefined ? [] : values.profiles.split(',').map(name => name.trim()),
    repeat: wholeNumber('--repeat', values.repeat, 1, 1),
    sizes: {
      connections: wholeNumber('--connections', values.connections, DEFAULT_SIZES.connections, 1),
      filters: wholeNumber('--filters', values.filters, DEFAULT_SIZES.filters, 100, 100),
      queued: wholeNumber('--queued', values.queued, DEFAULT_SIZES.queued, 10, 10),
    },
    seconds: number('--seconds', values.seconds, 5, 0.1),
    warmupSeconds: number('--warmup', values.warmup, 1.5, 0),
    settleSeconds: number('--settle', values.settle, 10, 0),
    latencySeconds: number('--latency', values.latency, 3, 0),
    latencyRate: number('--rate', values.rate, 2_000, 1),
    payloadBytes: wholeNumber('--payload', values.payload, 64, PAYLOAD_BYTES_MIN),
    inFlight: values['in-flight'] === undefined ? undefined : wholeNumber('--in-flight', values['in-flight'], 1, 1),
    ackWindow: wholeNumber('--ack-window', values['ack-window'], 64, 1),
    dataDir: values.data ?? tmpdir(),
    out: values.out,
    profileDir: values['profile-cpu'],
    dist: values.dist ?? false,
  }
}
