import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { PAYLOAD_BYTES_MIN } from './load/frames.ts'
import type { Qos } from './load/job.ts'
import { SHAPES, type Shape } from './shapes.ts'

export const BROKER_NAMES = ['thingmesh', 'mosquitto', 'aedes', 'nats', 'relay'] as const
export type BrokerName = (typeof BROKER_NAMES)[number]

export interface MqttBenchOptions {
  readonly brokers: readonly BrokerName[]
  readonly shapes: readonly Shape[]
  readonly qos: readonly Qos[]
  /** Profiles to run, by name; empty means all. */
  readonly profiles: readonly string[]
  readonly seconds: number
  readonly warmupSeconds: number
  readonly latencySeconds: number
  readonly latencyRate: number
  readonly payloadBytes: number
  /** Overrides what each shape says. */
  readonly inFlight: number | undefined
  readonly ackWindow: number
  readonly dataDir: string
  readonly out: string | undefined
  readonly dist: boolean
}

export const MQTT_HELP = `Usage: npm run bench -- mqtt [options]

  --seconds N          measured window per row (default 5)
  --warmup N           seconds before it (default 1.5)
  --brokers A,B        of ${BROKER_NAMES.join(', ')} (default: all but relay;
                       relay is no broker: it shows the load generator's own ceiling)
  --shapes A,B         of ${SHAPES.map(shape => shape.id).join(', ')} (default: all)
  --qos A,B            of 0, 1 (default: both)
  --profiles A,B       only these profiles, by the name in the table
  --latency N          seconds of the latency phase, 0 leaves it out (default 3)
  --rate N             deliveries a second in the latency phase (default 2000)
  --payload BYTES      at least ${PAYLOAD_BYTES_MIN} (default 64)
  --in-flight N        undelivered messages per publisher (default: by shape)
  --ack-window N       QoS 1: unacknowledged messages per publisher (default 64)
  --data DIR           where brokers keep their data (default: the system's temporary directory)
  --dist               run the built hub instead of its source
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
    qos: pick('--qos', values.qos, ['0', '1']).map(qos => (qos === '0' ? 0 : 1)),
    profiles: values.profiles === undefined ? [] : values.profiles.split(',').map(name => name.trim()),
    seconds: number('--seconds', values.seconds, 5, 0.1),
    warmupSeconds: number('--warmup', values.warmup, 1.5, 0),
    latencySeconds: number('--latency', values.latency, 3, 0),
    latencyRate: number('--rate', values.rate, 2_000, 1),
    payloadBytes: Math.floor(number('--payload', values.payload, 64, PAYLOAD_BYTES_MIN)),
    inFlight: values['in-flight'] === undefined ? undefined : number('--in-flight', values['in-flight'], 1, 1),
    ackWindow: number('--ack-window', values['ack-window'], 64, 1),
    dataDir: values.data ?? tmpdir(),
    out: values.out,
    dist: values.dist ?? false,
  }
}

function pick<T extends string>(option: string, value: string | undefined, known: readonly T[]): T[] {
  const names = value === undefined ? known : value.split(',').map(name => name.trim())
  return names.map(name => {
    const found = known.find(candidate => candidate === name)
    if (found === undefined) throw new TypeError(`${option} does not know ${name}; it knows ${known.join(', ')}`)
    return found
  })
}

function number(option: string, value: string | undefined, otherwise: number, min: number): number {
  const parsed = value === undefined ? otherwise : Number(value)
  if (!Number.isFinite(parsed) || parsed < min) throw new TypeError(`${option} must be a number of at least ${min}`)
  return parsed
}
