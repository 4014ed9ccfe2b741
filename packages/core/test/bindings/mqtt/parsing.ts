import {
  type Packet,
  PacketParser,
  type PacketParserOptions,
  type ProtocolLevel,
} from '../../../src/bindings/mqtt/index.ts'
import { isThingmeshError, type ThingmeshError } from '../../../src/errors/index.ts'

export function parser(role: 'server' | 'client', level?: ProtocolLevel, options: Partial<PacketParserOptions> = {}) {
  return new PacketParser({ role, level, maximumPacketSize: 1_048_576, ...options })
}

/** Pushes the chunks and gives the packets, their payloads copied out of the chunks. */
export function parseAll(target: PacketParser, ...chunks: Uint8Array[]): Packet[] {
  const packets: Packet[] = []
  for (const chunk of chunks) {
    target.push(chunk, packet => {
      packets.push(packet)
    })
  }
  return packets
}

/** The error that parsing the chunks ends in; fails where there is none. */
export function refusal(target: PacketParser, ...chunks: Uint8Array[]): ThingmeshError {
  return refusalOf(() => parseAll(target, ...chunks))
}

export function refusalOf(action: () => unknown): ThingmeshError {
  try {
    action()
  } catch (error) {
    if (isThingmeshError(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** `10 02 00 'MQTT'`: bytes as the specification writes them, text in quotes. */
export function hex(source: string): Uint8Array {
  const parts = source.match(/'[^']*'|[0-9a-f]{2}/g) ?? []
  return Uint8Array.from(
    parts.flatMap(part => (part.startsWith("'") ? [...Buffer.from(part.slice(1, -1))] : [Number.parseInt(part, 16)])),
  )
}

export function concat(...chunks: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks))
}
