import { crc32 } from 'node:zlib'
import { type LogId, type Message, ThingmeshError } from '@thingmesh/core'
import {
  Cursor,
  deliveries,
  headerBytes,
  magic,
  messageOverheadBytes,
  offsets,
  rowFlags,
  segmentVersion,
  trailerBytes,
} from './format.ts'
import { bytesOf, decodeProperties } from './properties.ts'

export interface SegmentTopic {
  readonly domain: string
  readonly topic: string
  readonly channel: string
  readonly subtopic: string
}

export interface SegmentSource {
  readonly log: LogId
  readonly publisher: string
  readonly clientId: string
  readonly protocol: string
  readonly contentType: string
}

type Shared = SegmentTopic & SegmentSource

/**
 * Walks the rows of a segment in place. The fields are those of the current row; a message is made only when asked for,
 * so that what does not match costs a few bytes of reading.
 */
export class SegmentReader {
  readonly bytes: Buffer
  readonly count: number
  readonly topics: readonly SegmentTopic[]
  sequence = 0
  acceptedAtMs = 0
  topic = 0
  source = 0
  flags = 0
  /** Where the current row begins, for `seek`. */
  at = 0
  payloadAt = 0
  payloadBytes = 0
  propertiesBytes = 0

  readonly #name: string
  readonly #terms: readonly string[]
  readonly #dictionaryAt: number
  readonly #sourcesAt: number
  readonly #baseSequence: number
  readonly #baseMs: number
  readonly #cursor: Cursor
  #sources: readonly SegmentSource[] | undefined
  #lastShared: Shared | undefined
  #lastTopic: SegmentTopic | undefined
  #lastSource: SegmentSource | undefined

  /** Throws `unavailable` where the bytes are not what was written, `unsupported` where a newer version wrote them. */
  constructor(segment: Uint8Array, name: string) {
    const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength)
    this.bytes = bytes
    this.#name = name
    checkSegment(bytes, name)
    this.count = bytes.readUInt32LE(offsets.rows)
    this.#dictionaryAt = bytes.readUInt32LE(offsets.dictionary)
    this.#baseSequence = bytes.readDoubleLE(offsets.baseSequence)
    this.#baseMs = bytes.readDoubleLE(offsets.baseMs)
    this.#cursor = new Cursor(bytes, headerBytes)
    const dictionary = new Cursor(bytes, this.#dictionaryAt)
    const terms: string[] = []
    for (let left = dictionary.varint(); left > 0; left--) terms.push(dictionary.text())
    const topics: SegmentTopic[] = []
    for (let left = dictionary.varint(); left > 0; left--) {
      topics.push(toSegmentTopic(terms[dictionary.varint()] as string, dictionary.text()))
    }
    this.#terms = terms
    this.topics = topics
    this.#sourcesAt = dictionary.at
  }

  /** Read on demand: a scan that matches nothing needs none. */
  get sources(): readonly SegmentSource[] {
    this.#sources ??= readSources(new Cursor(this.bytes, this.#sourcesAt), this.#terms)
    return this.#sources
  }

  /** What the current row counts for in retention. */
  get costBytes(): number {
    return messageOverheadBytes + this.payloadBytes + this.propertiesBytes
  }

  get retain(): boolean {
    return (this.flags & rowFlags.retain) !== 0
  }

  get acked(): boolean {
    return (this.flags & rowFlags.delivery) !== 0
  }

  /** Back in front of the first row. */
  rewind(): void {
    this.#cursor.at = headerBytes
  }

  /** Goes to the row that began at `at`. */
  seek(at: number): void {
    this.#cursor.at = at
    this.next()
  }

  next(): boolean {
    const cursor = this.#cursor
    const at = cursor.at
    if (at >= this.#dictionaryAt) return false
    this.at = at
    const flags = this.bytes[cursor.at++] as number
    const sequenceDelta = cursor.varint()
    const msDelta = cursor.varint()
    this.flags = flags
    this.sequence = this.#baseSequence + (flags & rowFlags.belowSequence ? -sequenceDelta : sequenceDelta)
    this.acceptedAtMs = this.#baseMs + (flags & rowFlags.beforeMs ? -msDelta : msDelta)
    this.topic = cursor.varint()
    this.source = cursor.varint()
    this.payloadBytes = cursor.varint()
    this.propertiesBytes = flags & rowFlags.properties ? cursor.varint() : 0
    this.payloadAt = cursor.at
    cursor.at += this.payloadBytes + this.propertiesBytes
    if (cursor.at > this.#dictionaryAt || this.topic >= this.topics.length) throw damaged(this.#name, 'a row')
    return true
  }

  /** The current row. Its payload is a view of the segment. */
  message(): Message {
    const { flags, payloadAt, payloadBytes, sequence, acceptedAtMs } = this
    const payload = bytesOf(this.bytes, payloadAt, payloadBytes)
    const delivery = deliveries[flags & rowFlags.delivery]!
    const retain = (flags & rowFlags.retain) !== 0
    const message = { ...this.#shared(), payload, delivery, retain, sequence, acceptedAtMs }
    if ((flags & rowFlags.properties) === 0) return message
    return { ...message, properties: decodeProperties(this.bytes, payloadAt + payloadBytes) }
  }

  /**
   * What the current row has in common with the others of its topic and source. Messages are copies of it and not literals
   * of their own: V8 counts how many objects of a literal live on, and because pages wait for slow readers it comes to
   * create all of them in the old generation, where each stays, with its payload, until the next full collection.
   */
  #shared(): Shared {
    const topic = this.topics[this.topic]!
    const source = this.sources[this.source]!
    if (this.#lastShared === undefined || this.#lastTopic !== topic || this.#lastSource !== source) {
      this.#lastShared = { ...topic, ...source }
      this.#lastTopic = topic
      this.#lastSource = source
    }
    return this.#lastShared
  }
}

/** Every message of a segment, in its order. */
export function readMessages(segment: Uint8Array, name: string): Message[] {
  const reader = new SegmentReader(segment, name)
  const messages: Message[] = []
  while (reader.next()) messages.push(reader.message())
  return messages
}

function checkSegment(bytes: Buffer, name: string): void {
  if (bytes.length < headerBytes + trailerBytes) throw damaged(name, `${bytes.length} bytes are too few`)
  const end = bytes.length - trailerBytes
  if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) throw damaged(name, 'its checksum does not match')
  // Behind the checksum: from here on the bytes are as they were written, by whatever version.
  if (bytes.readUInt32LE(offsets.magic) !== magic) throw damaged(name, 'it is something else')
  const version = bytes.readUInt32LE(offsets.version)
  if (version !== segmentVersion) {
    throw new ThingmeshError(
      'unsupported',
      `segment ${name} has version ${version}, this release reads ${segmentVersion}`,
    )
  }
}

function damaged(name: string, found: string): ThingmeshError {
  return new ThingmeshError('unavailable', `segment ${name} is damaged: ${found}`)
}

function toSegmentTopic(domain: string, topic: string): SegmentTopic {
  const slash = topic.indexOf('/')
  return slash === -1
    ? { domain, topic, channel: topic, subtopic: '' }
    : { domain, topic, channel: topic.slice(0, slash), subtopic: topic.slice(slash + 1) }
}

function readSources(cursor: Cursor, terms: readonly string[]): SegmentSource[] {
  const logs = new Map<number, LogId>()
  const sources: SegmentSource[] = []
  for (let left = cursor.varint(); left > 0; left--) {
    const origin = cursor.varint()
    const epoch = cursor.varint()
    const protocol = terms[cursor.varint()] as string
    const contentType = terms[cursor.varint()] as string
    // Shared between the messages of a segment; more than one log in it is rare.
    const pair = origin * terms.length + epoch
    let log = logs.get(pair)
    if (log === undefined) {
      log = { origin: terms[origin] as string, epoch: terms[epoch] as string }
      logs.set(pair, log)
    }
    sources.push({ log, publisher: cursor.text(), clientId: cursor.text(), protocol, contentType })
  }
  return sources
}
