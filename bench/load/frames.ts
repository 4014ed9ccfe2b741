// A minimal MQTT 3.1.1 codec of the bench's own. It shares nothing with the project's codec on purpose: a fault in
// that one would otherwise cancel itself out here.
import type { Qos } from './job.ts'

export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export const SUBACK = 9
export const PINGRESP = 13

export const PINGREQ: Uint8Array = Uint8Array.of(0xc0, 0)
export const DISCONNECT: Uint8Array = Uint8Array.of(0xe0, 0)

const MAGIC = 0x544d4231
const PUBLISHER_AT = 4
const SEQUENCE_AT = 8
const TIME_AT = 12
const FILLER_AT = 20

export const PAYLOAD_BYTES_MIN: number = FILLER_AT

export interface ConnectFields {
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  readonly keepAliveSeconds: number
  readonly persistent?: boolean
}

export function encodeConnect(fields: ConnectFields): Buffer {
  const clean = fields.persistent === true ? 0 : 0x02
  const flags = clean | (fields.username === undefined ? 0 : 0x80) | (fields.password === undefined ? 0 : 0x40)
  const parts = [text('MQTT'), Buffer.from([4, flags]), uint16(fields.keepAliveSeconds), text(fields.clientId)]
  if (fields.username !== undefined) parts.push(text(fields.username))
  if (fields.password !== undefined) parts.push(text(fields.password))
  return packet(0x10, parts)
}

export function encodeSubscribe(packetId: number, filters: readonly string[], qos: Qos): Buffer {
  return packet(0x82, [uint16(packetId), ...filters.flatMap(filter => [text(filter), Buffer.from([qos])])])
}

/** The frames of one publisher, all of one length, so that a batch is a copy of a template with a few bytes patched. */
export class PublishFrames {
  readonly frameBytes: number
  readonly #template: Buffer
  readonly #topicEnd: number
  readonly #packetIdAt: number
  readonly #payloadAt: number

  constructor(options: {
    topic: string
    qos: Qos
    publisher: number
    payloadBytes: number
    batchMax: number
  }) {
    const { topic, qos, publisher, payloadBytes, batchMax } = options
    const parts = [text(topic), ...(qos > 0 ? [uint16(0)] : []), payloadOf(publisher, payloadBytes)]
    const frame = packet(0x30 | (qos << 1), parts)
    this.frameBytes = frame.length
    this.#payloadAt = frame.length - payloadBytes
    this.#packetIdAt = this.#payloadAt - 2
    this.#topicEnd = qos > 0 ? this.#packetIdAt : this.#payloadAt
    this.#template = Buffer.alloc(frame.length * batchMax)
    for (let i = 0; i < batchMax; i++) frame.copy(this.#template, i * frame.length)
  }

  /** A batch that may be patched and written; it must not be reused while a socket still holds it. */
  newBatch(): Buffer {
    return Buffer.from(this.#template)
  }

  patch(batch: Buffer, index: number, sequence: number, timeMs: number): void {
    const at = index * this.frameBytes + this.#payloadAt
    stampPayload(batch, at, sequence, timeMs)
  }

  patchPacketId(batch: Buffer, index: number, packetId: number): void {
    const at = index * this.frameBytes + this.#packetIdAt
    batch[at] = packetId >>> 8
    batch[at + 1] = packetId & 0xff
  }

  /** Writes `value` in hexadecimal digits over the topic's characters that end `fromEnd` before its end. */
  patchTopic(batch: Buffer, index: number, field: { value: number; digits: number; fromEnd: number }): void {
    let at = index * this.frameBytes + this.#topicEnd - field.fromEnd
    let rest = field.value
    for (let digit = 0; digit < field.digits; digit++) {
      batch[--at] = HEX[rest & 0xf]!
      rest >>>= 4
    }
  }
}

const HEX = Buffer.from('0123456789abcdef', 'latin1')

export function payloadPublisher(bytes: Uint8Array, at: number): number {
  return getUint32(bytes, at + PUBLISHER_AT)
}

export function payloadSequence(bytes: Uint8Array, at: number): number {
  return getUint32(bytes, at + SEQUENCE_AT)
}

export function payloadTimeMs(bytes: Buffer, at: number): number {
  return bytes.readDoubleBE(at + TIME_AT)
}

export function stampPayload(bytes: Buffer, at: number, sequence: number, timeMs: number): void {
  putUint32(bytes, at + SEQUENCE_AT, sequence)
  bytes.writeDoubleBE(timeMs, at + TIME_AT)
}

/** Whether every byte that is not a sequence or a time is as the publisher sent it. */
export function isPayloadIntact(bytes: Uint8Array, at: number, end: number, payloadBytes: number): boolean {
  if (end - at !== payloadBytes || getUint32(bytes, at) !== MAGIC) return false
  const publisher = payloadPublisher(bytes, at)
  for (let i = FILLER_AT; i < payloadBytes; i++) {
    if (bytes[at + i] !== filler(publisher, i)) return false
  }
  return true
}

/** Sequence and time are 0, to be stamped. */
export function payloadOf(publisher: number, payloadBytes: number): Buffer {
  const payload = Buffer.alloc(payloadBytes)
  putUint32(payload, 0, MAGIC)
  putUint32(payload, PUBLISHER_AT, publisher)
  for (let i = FILLER_AT; i < payloadBytes; i++) payload[i] = filler(publisher, i)
  return payload
}

function filler(publisher: number, offset: number): number {
  return (publisher * 31 + offset * 7) & 0xff
}

function packet(firstByte: number, parts: readonly Uint8Array[]): Buffer {
  let remaining = 0
  for (const part of parts) remaining += part.length
  const header = [firstByte]
  do {
    const low = remaining & 0x7f
    remaining >>>= 7
    header.push(remaining > 0 ? low | 0x80 : low)
  } while (remaining > 0)
  return Buffer.concat([Buffer.from(header), ...parts])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([uint16(bytes.length), bytes])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff])
}

// Plain byte loads and stores: several times faster here than Buffer's checked methods.
function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function getUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
