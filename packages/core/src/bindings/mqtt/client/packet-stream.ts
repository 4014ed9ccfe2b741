import { ThingmeshError } from '../../../errors/index.ts'
import type {
  ConnackPacket,
  DisconnectPacket,
  PingrespPacket,
  PubackPacket,
  PublishPacket,
  QoS,
  SubackPacket,
  UnsubackPacket,
} from '../packets.ts'
import { checkTopic, malformed } from './faults.ts'
import { FieldReader } from './fields.ts'
import { readProperties } from './properties.ts'

/** What a hub says to a client that asks for no QoS 2 and no authentication in steps. */
export type FromHub =
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | SubackPacket
  | UnsubackPacket
  | PingrespPacket
  | DisconnectPacket

/**
 * The client's half of the MQTT 5 codec: turns a stream of bytes into packets, as they come, in time linear in the bytes
 * however they are cut. Small, for pages: it takes what a hub must not send but a reader can understand, and leaves the
 * tables of what may stand where to the codec that a hub has.
 */
export class PacketStream {
  readonly #packetBytesMax: number
  /** The beginning of a packet that is not whole yet, in front of room for more. */
  #kept = new Uint8Array(0)
  #length = 0

  constructor(packetBytesMax: number) {
    this.#packetBytesMax = packetBytesMax
  }

  /** Payloads are views of bytes that nothing else changes. Throws `invalid-argument` and `too-large`; then it is over. */
  push(chunk: Uint8Array, onPacket: (packet: FromHub) => void): void {
    const bytes = this.#length === 0 ? toPlainBytes(chunk) : this.#append(chunk)
    let at = 0
    for (;;) {
      const [body, end] = this.#measure(bytes, at)
      if (end > bytes.length) break
      onPacket(decode(bytes[at]!, new FieldReader(bytes, body, end)))
      at = end
    }
    // Where a packet has been taken out there are views of these bytes, and what comes must not be written behind them.
    if (at === 0 && this.#length > 0) return
    this.#kept = bytes.slice(at)
    this.#length = this.#kept.length
  }

  #append(chunk: Uint8Array): Uint8Array {
    const length = this.#length + chunk.length
    if (length > this.#kept.length) {
      const grown = new Uint8Array(Math.max(length, this.#kept.length * 2))
      grown.set(this.#kept)
      this.#kept = grown
    }
    this.#kept.set(chunk, this.#length)
    this.#length = length
    return this.#kept.subarray(0, length)
  }

  /** Where the packet's body begins and ends; it ends nowhere while that is not known (MQTT 5, section 2.1.4). */
  #measure(bytes: Uint8Array, start: number): readonly [body: number, end: number] {
    let remaining = 0
    for (let size = 1; size <= 4; size++) {
      const byte = bytes[start + size]
      if (byte === undefined) return [start, Number.POSITIVE_INFINITY]
      remaining |= (byte & 0x7f) << (size * 7 - 7)
      if (byte > 0x7f) continue
      const bytesInAll = 1 + size + remaining
      if (bytesInAll <= this.#packetBytesMax) return [start + 1 + size, start + bytesInAll]
      throw new ThingmeshError('too-large', `packet of ${bytesInAll} bytes, the limit is ${this.#packetBytesMax}`)
    }
    throw malformed('variable byte integer does not end')
  }
}

/** A Node `Buffer` becomes the `Uint8Array` that it is: its `slice` is no copy. */
function toPlainBytes({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}

function decode(first: number, reader: FieldReader): FromHub {
  const type = first >> 4
  if (type === 3) return decodePublish(first, reader)
  if ((first & 0x0f) !== 0) throw malformed(`first byte ${first}`)
  switch (type) {
    case 2: {
      const sessionPresent = reader.uint(1) === 1
      return { type: 'connack', sessionPresent, reasonCode: reader.uint(1), properties: readProperties(reader) }
    }
    case 4:
      return { type: 'puback', packetId: packetId(reader), ...decodeReason(reader) }
    case 9:
    case 11: {
      const head = { packetId: packetId(reader), properties: readProperties(reader) }
      return { type: type === 9 ? 'suback' : 'unsuback', ...head, reasonCodes: [...reader.rest()] }
    }
    case 13:
      return { type: 'pingresp' }
    case 14:
      return { type: 'disconnect', ...decodeReason(reader) }
    default:
      throw malformed(`unasked packet type ${type}`)
  }
}

function decodePublish(first: number, reader: FieldReader): PublishPacket {
  const qos = ((first >> 1) & 3) as QoS
  const topic = reader.string()
  // We allow for no aliases, so there is a topic (MQTT-3.3.2-8).
  checkTopic(topic)
  if (qos > 2) throw malformed(`first byte ${first}`)
  return {
    type: 'publish',
    topic,
    qos,
    retain: (first & 1) !== 0,
    dup: (first & 8) !== 0,
    packetId: qos === 0 ? 0 : packetId(reader),
    properties: readProperties(reader),
    payload: reader.rest(),
  }
}

/** MQTT-2.2.1-3 */
function packetId(reader: FieldReader): number {
  const id = reader.uint(2)
  if (id === 0) throw malformed('packet id 0')
  return id
}

/** Either may be missing at the end of a packet, and then means success and none (MQTT 5, sections 3.4.2, 3.14.2). */
function decodeReason(reader: FieldReader): Pick<PubackPacket, 'reasonCode' | 'properties'> {
  const reasonCode = reader.left > 0 ? reader.uint(1) : 0
  return { reasonCode, properties: reader.left > 0 ? readProperties(reader) : undefined }
}
