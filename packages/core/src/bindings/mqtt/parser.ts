import { decodeLevel } from './decode-connect.ts'
import { decodePacket } from './decode-packet.ts'
import type { DecodeSettings } from './decode-properties.ts'
import { decodePublish } from './decode-publish.ts'
import { malformed, packetTooLarge, protocolError } from './faults.ts'
import { checkFixedSize, parsePacketType, type Role } from './fixed-header.ts'
import type { PacketType } from './packet-type.ts'
import type { Packet, ProtocolLevel } from './packets.ts'
import { PartialPacket } from './partial-packet.ts'
import { Reader } from './reader.ts'
import { TopicCache } from './topic-cache.ts'
import { measureVariableInteger, readVariableInteger, variableIntegerSize } from './variable-integer.ts'

export interface PacketParserOptions {
  /** Who reads: a server refuses packets that only a server sends, and the other way round. */
  readonly role: Role
  /**
   * What the bytes are parsed as. A server that leaves it out reads it off the CONNECT, and then refuses any other first
   * packet; a client that leaves it out reads MQTT 3.1.1.
   */
  readonly level?: ProtocolLevel | undefined
  /** Of a whole packet, its fixed header included. */
  readonly maximumPacketSize: number
  /** User properties of one packet, or of one will, and the bytes of their names and values together. */
  readonly userPropertiesMax?: number | undefined
  readonly userPropertyBytesMax?: number | undefined
  /** Topic filters in one SUBSCRIBE or UNSUBSCRIBE. */
  readonly filtersPerSubscribeMax?: number | undefined
}

/** Returns false to pause: what was pushed and not yet parsed is kept until the next `push`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that never pauses returns nothing
export type OnPacket = (packet: Packet) => boolean | void

/**
 * Turns a stream of bytes into packets, as they come, in time linear in the bytes however they are cut.
 *
 * A chunk belongs to the parser once it was pushed: payloads are views of it, and a paused parser keeps it.
 */
export class PacketParser {
  /** Set by the parser itself where a server reads CONNECT, also one that it then refuses for another reason. */
  level: ProtocolLevel
  /** May be changed between packets: smaller before authentication, say. */
  maximumPacketSize: number
  readonly #settings: DecodeSettings
  readonly #reader = new Reader()
  readonly #topics = new TopicCache()
  readonly #partial = new PartialPacket()
  /** Chunks that came while paused, the first of them parsed up to the offset. */
  #backlog: Uint8Array[] = []
  #backlogOffset = 0
  #backlogBytes = 0
  #awaitsConnect: boolean
  #connected = false
  #paused = false
  #pushing = false
  #failure: unknown

  constructor(options: PacketParserOptions) {
    const { role, level, maximumPacketSize } = options
    this.level = level ?? 4
    this.maximumPacketSize = maximumPacketSize
    this.#awaitsConnect = role === 'server' && level === undefined
    this.#settings = {
      role,
      userPropertiesMax: options.userPropertiesMax ?? Number.POSITIVE_INFINITY,
      userPropertyBytesMax: options.userPropertyBytesMax ?? Number.POSITIVE_INFINITY,
      filtersPerSubscribeMax: options.filtersPerSubscribeMax ?? Number.POSITIVE_INFINITY,
    }
  }

  /** Bytes that were pushed and have not become a packet yet. */
  get bufferedBytes(): number {
    return this.#partial.bytes + this.#backlogBytes
  }

  /**
   * Calls `onPacket` for each packet that is whole. An empty chunk goes on after a pause.
   *
   * Throws `invalid-argument`, `too-large` or `unsupported`, each with the MQTT 5 reason code in `details.reasonCode`.
   * After that, or after `onPacket` threw, every push throws the same again. `onPacket` must not push.
   */
  push(chunk: Uint8Array, onPacket: OnPacket): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#pushing) throw new TypeError('push was called from within onPacket')
    this.#pushing = true
    this.#paused = false
    try {
      this.#parseAll(toPlainBytes(chunk), onPacket)
    } catch (error) {
      this.#failure = error
      this.#partial.clear()
      this.#dropBacklog()
      throw error
    } finally {
      this.#pushing = false
      this.#reader.release()
    }
  }

  #parseAll(chunk: Uint8Array, onPacket: OnPacket): void {
    if (this.#backlog.length === 0) {
      const position = this.#parse(chunk, 0, onPacket)
      if (position < chunk.length) this.#keep(chunk, position)
      return
    }
    if (chunk.length > 0) this.#keep(chunk, this.#backlogOffset)
    this.#parseBacklog(onPacket)
  }

  #keep(chunk: Uint8Array, offset: number): void {
    this.#backlogBytes += this.#backlog.length === 0 ? chunk.length - offset : chunk.length
    this.#backlog.push(chunk)
    this.#backlogOffset = offset
  }

  #parseBacklog(onPacket: OnPacket): void {
    const backlog = this.#backlog
    let done = 0
    while (done < backlog.length && !this.#paused) {
      const chunk = backlog[done]!
      const position = this.#parse(chunk, this.#backlogOffset, onPacket)
      this.#backlogBytes -= position - this.#backlogOffset
      this.#backlogOffset = position
      if (position === chunk.length) {
        done += 1
        this.#backlogOffset = 0
      }
    }
    backlog.splice(0, done)
  }

  #dropBacklog(): void {
    this.#backlog = []
    this.#backlogOffset = 0
    this.#backlogBytes = 0
  }

  /** Parses from `start` on and returns where it stopped: at the end, or after the packet that paused it. */
  #parse(chunk: Uint8Array, start: number, onPacket: OnPacket): number {
    const end = chunk.length
    let position = start
    if (this.#partial.headerLength > 0) {
      position = this.#parsePartial(chunk, position, onPacket)
      if (this.#paused) return position
    }
    while (position < end) {
      const first = chunk[position]!
      const type = this.#parseType(first)
      let body = position + 2
      let remaining = position + 1 < end ? chunk[position + 1]! : 0x80
      if (remaining > 0x7f) {
        const size = measureVariableInteger(chunk, position + 1, end)
        if (size === 0) {
          this.#partial.addHeader(chunk, position, end)
          return end
        }
        remaining = readVariableInteger(chunk, position + 1, size)
        body = position + 1 + size
        this.#checkShortest(type, size, remaining)
      }
      const bodyEnd = body + remaining
      this.#checkSize(type, remaining, bodyEnd - position)
      if (bodyEnd > end) {
        this.#partial.addHeader(chunk, position, body)
        this.#partial.bodyTotal = remaining
        this.#partial.addBody(chunk, body, end)
        return end
      }
      position = bodyEnd
      if (onPacket(this.#decode(type, first, chunk, body, bodyEnd)) === false) {
        this.#paused = true
        return position
      }
    }
    return position
  }

  /** Goes on with the packet that an earlier chunk began, and returns where it ends, or where the chunk does. */
  #parsePartial(chunk: Uint8Array, start: number, onPacket: OnPacket): number {
    const partial = this.#partial
    const first = partial.header[0]!
    const type = this.#parseType(first)
    let position = start
    while (partial.bodyTotal < 0) {
      if (position === chunk.length) return position
      partial.addHeader(chunk, position, ++position)
      this.#finishHeader(type)
    }
    const end = Math.min(chunk.length, position + partial.missing)
    partial.addBody(chunk, position, end)
    if (partial.missing > 0) return end
    const body = partial.takeBody()
    if (onPacket(this.#decode(type, first, body, 0, body.length)) === false) this.#paused = true
    return end
  }

  #finishHeader(type: PacketType): void {
    const { header, headerLength } = this.#partial
    const size = measureVariableInteger(header, 1, headerLength)
    if (size === 0) return
    const remaining = readVariableInteger(header, 1, size)
    this.#checkShortest(type, size, remaining)
    this.#checkSize(type, remaining, headerLength + remaining)
    this.#partial.bodyTotal = remaining
  }

  #parseType(first: number): PacketType {
    const type = parsePacketType(first, this.#settings.role, this.level)
    if (this.#awaitsConnect && type !== 'connect') throw protocolError(`${type} before connect`) // MQTT-3.1.0-1
    if (this.#connected && type === 'connect') throw protocolError('second connect') // MQTT-3.1.0-2
    return type
  }

  /** MQTT-1.5.5-1. MQTT 3.1 and 3.1.1 do not ask for the shortest form, and the level of a CONNECT is not known here. */
  #checkShortest(type: PacketType, size: number, remaining: number): void {
    if (this.level !== 5 || type === 'connect' || size === variableIntegerSize(remaining)) return
    throw malformed(`remaining length of ${size} bytes for ${remaining}`)
  }

  #checkSize(type: PacketType, remaining: number, size: number): void {
    if (size > this.maximumPacketSize) throw packetTooLarge(size, this.maximumPacketSize)
    if (type !== 'publish') checkFixedSize(type, this.level, remaining)
  }

  #decode(type: PacketType, first: number, bytes: Uint8Array, start: number, end: number): Packet {
    if (type === 'publish') {
      return decodePublish(first, bytes, start, end, this.level, this.#topics, this.#reader, this.#settings)
    }
    const reader = this.#reader.reset(bytes, start, end)
    if (type === 'connect') {
      // Set before the rest is read, so that a refusal of the rest can be answered at the peer's level.
      this.level = decodeLevel(reader)
      this.#awaitsConnect = false
      this.#connected = true
    }
    return decodePacket(type, reader, this.level, this.#settings)
  }
}

/**
 * A Node `Buffer` becomes the `Uint8Array` that it is: its `subarray` is slow, payloads would be Buffers too, and code
 * that sees two classes is compiled for two.
 */
function toPlainBytes(chunk: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(chunk) === Uint8Array.prototype) return chunk
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
}
