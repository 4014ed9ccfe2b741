// The codec of our client's sessions and mqtt-packet, which MQTT.js has, in turns, by the thread's CPU time. The first line on
// standard output is the result.
import { encodePacket, type Packet } from '@thingmesh/core/mqtt'
import { generate, type Packet as JsPacket, parser } from 'mqtt-packet'
// No entry of the package has it: it is for sessions alone.
import {
  encodeToHub,
  FieldWriter,
  PacketStream,
  type ToHub,
} from '../../packages/core/src/bindings/mqtt/client/index.ts'
import { quantile } from '../quantile.ts'
import { type CodecName, type CodecReading, type CodecTask, codecTasks } from './job.ts'

const ROUNDS = 11
const WARM_UP_ROUNDS = 3
const PACKETS = 100_000
/** What a socket hands over at once. */
const CHUNK_BYTES = 65_536
const payload = new Uint8Array(64).fill(0x2e)
const body = Buffer.from(payload)
const contentType = 'application/json'

const ours = {
  PUBLISH: (messageId: number): Packet & ToHub => ({
    type: 'publish',
    topic: 'telemetry/room1/temperature',
    payload,
    qos: 1,
    retain: false,
    dup: false,
    packetId: messageId,
    properties: { contentType },
  }),
  PUBACK: (messageId: number): Packet & ToHub => ({ type: 'puback', packetId: messageId, reasonCode: 0 }),
}

const theirs = {
  PUBLISH: (messageId: number): JsPacket => ({
    cmd: 'publish',
    topic: 'telemetry/room1/temperature',
    payload: body,
    qos: 1,
    retain: false,
    dup: false,
    messageId,
    properties: { contentType },
  }),
  PUBACK: (messageId: number): JsPacket => ({ cmd: 'puback', messageId, reasonCode: 0 }),
}

type Kind = keyof typeof ours
const writer = new FieldWriter()
const v5 = { protocolVersion: 5 }
const idOf = (i: number): number => (i % 65_535) + 1

function chunksOf(kind: Kind): readonly Buffer[] {
  const all = Buffer.concat(Array.from({ length: PACKETS }, (_, i) => encodePacket(ours[kind](idOf(i)), 5)))
  const chunks: Buffer[] = []
  for (let at = 0; at < all.length; at += CHUNK_BYTES) chunks.push(all.subarray(at, at + CHUNK_BYTES))
  return chunks
}

const chunks = { PUBLISH: chunksOf('PUBLISH'), PUBACK: chunksOf('PUBACK') }

/** Each gives how many packets there were, or how many bytes came out, so that nothing is left out as of no use. */
const work: Readonly<Record<'generate' | 'parse', Readonly<Record<CodecName, (kind: Kind) => number>>>> = {
  generate: {
    thingmesh(kind) {
      let bytes = 0
      for (let i = 0; i < PACKETS; i++) bytes += encodeToHub(ours[kind](idOf(i)), writer).length
      return bytes
    },
    'mqtt-packet'(kind) {
      let bytes = 0
      for (let i = 0; i < PACKETS; i++) bytes += generate(theirs[kind](idOf(i)), v5).length
      return bytes
    },
  },
  parse: {
    thingmesh(kind) {
      let packets = 0
      const each = new PacketStream(1_048_576)
      // The parser keeps its bytes: it is given its own, as a socket gives them.
      for (const chunk of chunks[kind]) each.push(new Uint8Array(chunk), () => void packets++)
      return packets
    },
    'mqtt-packet'(kind) {
      let packets = 0
      const each = parser(v5)
      each.on('packet', () => void packets++)
      for (const chunk of chunks[kind]) each.parse(Buffer.from(chunk))
      return packets
    },
  },
}

function check(): void {
  for (const kind of ['PUBLISH', 'PUBACK'] as const) {
    const [a, b] = [Buffer.from(encodeToHub(ours[kind](7), writer)), generate(theirs[kind](7), v5)]
    // mqtt-packet writes a PUBACK's reason code and property length where both may be left out.
    if (kind === 'PUBLISH' && !a.equals(b)) throw new Error('the two codecs do not say the same')
    for (const name of ['thingmesh', 'mqtt-packet'] as const) {
      const packets = work.parse[name](kind)
      if (packets !== PACKETS) throw new Error(`${name} found ${packets} packets in ${PACKETS}`)
    }
  }
}

check()
const samples = new Map<string, number[]>()
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
  for (const task of codecTasks) {
    const [verb, kind] = task.split(' ') as ['generate' | 'parse', Kind]
    for (const name of ['thingmesh', 'mqtt-packet'] as const) {
      const before = process.threadCpuUsage()
      if (work[verb][name](kind) < PACKETS) throw new Error('too little was done')
      const { user, system } = process.threadCpuUsage(before)
      if (round < WARM_UP_ROUNDS) continue
      const key = `${task} ${name}`
      samples.set(key, [...(samples.get(key) ?? []), ((user + system) * 1_000) / PACKETS])
    }
  }
}
const medianOf = (task: CodecTask, name: CodecName): number =>
  quantile(
    [...(samples.get(`${task} ${name}`) ?? [])].sort((a, b) => a - b),
    0.5,
  )
const entries = codecTasks.map(task => [
  task,
  { thingmesh: medianOf(task, 'thingmesh'), 'mqtt-packet': medianOf(task, 'mqtt-packet') },
])
process.stdout.write(`${JSON.stringify(Object.fromEntries(entries) as CodecReading)}\n`)
