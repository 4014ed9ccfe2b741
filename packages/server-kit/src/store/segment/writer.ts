import { crc32 } from 'node:zlib'
import type { Message } from '@thingmesh/core'
import { Dictionary } from './dictionary.ts'
import {
  headerBytes,
  magic,
  offsets,
  rowFlags,
  rowHeaderBytesMax,
  segmentVersion,
  trailerBytes,
  writeVarint,
} from './format.ts'
import { GrowingBuffer } from './growing.ts'
import { encodeProperties } from './properties.ts'
import type { SegmentReader } from './reader.ts'

const scratchBytes = 64 * 1024
const propertiesBytes = 1024

/** A copying loop beats the call into the engine up to about this many bytes. */
const smallBytes = 24

interface Translation {
  /** By index in the reader's dictionary: the index here, -1 where there is none yet. */
  readonly topics: Int32Array
  readonly sources: Int32Array
}

/**
 * Puts messages back to back into a segment. One writer serves many segments in turn and keeps its buffer: this runs
 * on the hub's main thread once per message.
 */
export class SegmentWriter {
  readonly #scratch = new GrowingBuffer(scratchBytes)
  /** Of one message. */
  readonly #properties = new GrowingBuffer(propertiesBytes)
  #count = 0
  #baseSequence = 0
  #baseMs = 0
  readonly #dictionary = new Dictionary()
  #translations = new Map<SegmentReader, Translation>()

  // Most messages come from where the one before came from; comparing is cheaper than looking up.
  #lastMessage: Message | undefined
  #lastTopicIndex = 0
  #lastSourceIndex = 0

  get count(): number {
    return this.#count
  }

  constructor() {
    this.begin()
  }

  /** Of the rows, without the dictionary. */
  get bytes(): number {
    return this.#scratch.at - headerBytes
  }

  add(message: Message): void {
    const { payload, properties } = message
    if (properties !== undefined) encodeProperties(properties, this.#properties)
    const last = this.#lastMessage
    if (last === undefined || last.topic !== message.topic || last.domain !== message.domain) {
      this.#lastTopicIndex = this.#dictionary.topic(message.domain, message.topic)
    }
    if (last === undefined || !isSameSource(last, message)) {
      this.#lastSourceIndex = this.#dictionary.source(
        message.log,
        message.publisher,
        message.clientId,
        message.protocol,
        message.contentType,
      )
    }
    this.#lastMessage = message
    const delivery = message.delivery === 'at-most-once' ? 0 : message.delivery === 'at-least-once' ? 1 : 2
    this.#row(
      message.retain ? delivery | rowFlags.retain : delivery,
      message.sequence,
      message.acceptedAtMs,
      this.#lastTopicIndex,
      this.#lastSourceIndex,
      payload.length,
      properties === undefined ? -1 : this.#properties.at,
    )
    this.#write(payload, 0, payload.length)
    if (properties !== undefined) this.#write(this.#properties.bytes, 0, this.#properties.at)
  }

  /** Adds the reader's current row without making a message of it. */
  copy(reader: SegmentReader): void {
    const translation = this.#translationOf(reader)
    let topic = translation.topics[reader.topic] as number
    if (topic < 0) {
      const from = reader.topics[reader.topic]!
      topic = this.#dictionary.topic(from.domain, from.topic)
      translation.topics[reader.topic] = topic
    }
    let source = translation.sources[reader.source] as number
    if (source < 0) {
      const from = reader.sources[reader.source]!
      source = this.#dictionary.source(from.log, from.publisher, from.clientId, from.protocol, from.contentType)
      translation.sources[reader.source] = source
    }
    const hasProperties = (reader.flags & rowFlags.properties) !== 0
    this.#row(
      reader.flags & (rowFlags.delivery | rowFlags.retain),
      reader.sequence,
      reader.acceptedAtMs,
      topic,
      source,
      reader.payloadBytes,
      hasProperties ? reader.propertiesBytes : -1,
    )
    this.#write(reader.bytes, reader.payloadAt, reader.payloadAt + reader.payloadBytes + reader.propertiesBytes)
  }

  /** The segment so far, in a buffer of its own that is exactly as long. The writer goes on as if nothing had happened. */
  finish(): Buffer<ArrayBuffer> {
    const scratch = this.#scratch
    const dictionaryAt = scratch.at
    this.#dictionary.writeTo(scratch)
    const { bytes, at: end } = scratch
    scratch.at = dictionaryAt
    bytes.writeUInt32LE(magic, offsets.magic)
    bytes.writeUInt32LE(segmentVersion, offsets.version)
    bytes.writeUInt32LE(this.#count, offsets.rows)
    bytes.writeUInt32LE(dictionaryAt, offsets.dictionary)
    bytes.writeDoubleLE(this.#baseSequence, offsets.baseSequence)
    bytes.writeDoubleLE(this.#baseMs, offsets.baseMs)
    const content = bytes.subarray(0, end)
    const segment = Buffer.allocUnsafeSlow(end + trailerBytes)
    segment.set(content)
    segment.writeUInt32LE(crc32(content), end)
    return segment
  }

  /** Starts the next segment. */
  begin(): void {
    this.#scratch.clear()
    this.#scratch.at = headerBytes
    this.#count = 0
    this.#lastMessage = undefined
    this.#dictionary.clear()
    this.#translations = new Map()
  }

  #row(
    flags: number,
    sequence: number,
    acceptedAtMs: number,
    topic: number,
    source: number,
    payloadBytes: number,
    propertiesBytes: number,
  ): void {
    if (this.#count === 0) {
      this.#baseSequence = sequence
      this.#baseMs = acceptedAtMs
    }
    this.#count++
    const scratch = this.#scratch
    scratch.reserve(rowHeaderBytesMax + payloadBytes + Math.max(propertiesBytes, 0))
    const { bytes } = scratch
    let at = scratch.at
    const sequenceDelta = sequence - this.#baseSequence
    const msDelta = acceptedAtMs - this.#baseMs
    bytes[at++] =
      flags |
      (propertiesBytes < 0 ? 0 : rowFlags.properties) |
      (sequenceDelta < 0 ? rowFlags.belowSequence : 0) |
      (msDelta < 0 ? rowFlags.beforeMs : 0)
    at = writeVarint(bytes, at, Math.abs(sequenceDelta))
    at = writeVarint(bytes, at, Math.abs(msDelta))
    at = writeVarint(bytes, at, topic)
    at = writeVarint(bytes, at, source)
    at = writeVarint(bytes, at, payloadBytes)
    scratch.at = propertiesBytes < 0 ? at : writeVarint(bytes, at, propertiesBytes)
  }

  /** Into what `#row` reserved. */
  #write(from: Uint8Array, start: number, end: number): void {
    const { bytes, at } = this.#scratch
    if (end - start <= smallBytes) {
      for (let i = start, j = at; i < end; i++, j++) bytes[j] = from[i] as number
    } else {
      bytes.set(start === 0 && end === from.length ? from : from.subarray(start, end), at)
    }
    this.#scratch.at = at + end - start
  }

  #translationOf(reader: SegmentReader): Translation {
    let translation = this.#translations.get(reader)
    if (translation === undefined) {
      translation = {
        topics: new Int32Array(reader.topics.length).fill(-1),
        sources: new Int32Array(reader.sources.length).fill(-1),
      }
      this.#translations.set(reader, translation)
    }
    return translation
  }
}

function isSameSource(a: Message, b: Message): boolean {
  return (
    a.publisher === b.publisher &&
    a.clientId === b.clientId &&
    a.contentType === b.contentType &&
    a.protocol === b.protocol &&
    a.log === b.log
  )
}
