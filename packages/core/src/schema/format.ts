import { codecFor } from '../codec/index.ts'
import { ThingmeshError } from '../errors/index.ts'
import type { ChannelName } from '../model/index.ts'
import type { Shape } from './shape.ts'

/** What a channel's values are made of: own fields, or whatever a foreign schema says. */
export type Content = Shape | ForeignContent

export interface ForeignContent {
  readonly kind: 'foreign'
  /** The `type` of its JSON Schema, where that is known and one. */
  readonly jsonType: string | undefined
}

/** A way to write values as payloads. */
export interface Format {
  /** Media types without parameters, in lower case; the first is the one to send. */
  readonly contentTypes: readonly string[]
  /** The structured syntax suffix that it reads too, such as `+json` (RFC 6839). */
  readonly suffix?: string | undefined
  /** Throws `TypeError`, with the reason, where there are values that the format cannot carry. */
  carrierFor(content: Content): Carrier
}

/** A format for one channel. */
export interface Carrier {
  /** For a value that has been checked. */
  encode(value: unknown): Uint8Array
  /** A value still to be checked. Throws `invalid-argument` for bytes that are not of the format. */
  decode(payload: Uint8Array, nowMs: number): unknown
}

/** A format and what it comes to for one channel, or why it cannot carry that. */
export type Carry = readonly [format: Format, carrier: Carrier | TypeError]

/** RFC 8428 and its stream form have a `+json` and a `+cbor` that say what the members are, and that is not ours. */
const ownSuffixes = /^application\/(senml|sensml)\+/

/** The carrier for a content type as a peer wrote it, parameters and all. */
export function carrierOf(contentType: string, carries: readonly Carry[]): Carrier | TypeError | undefined {
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
  // UTF-8 is the one charset: others are text, and not ours.
  if (type.startsWith('text/') && codecFor(contentType) === undefined) return undefined
  const exact = carries.find(([format]) => format.contentTypes.includes(type))
  if (exact !== undefined || ownSuffixes.test(type)) return exact?.[1]
  return carries.find(([{ suffix }]) => suffix !== undefined && type.endsWith(suffix))?.[1]
}

/** `TypeError`s are for who writes the program; this one is about a message. */
export function unreadable(channel: ChannelName, contentType: string): ThingmeshError {
  // The content type is a peer's text: only what is harmless in a log is repeated.
  const type = /^[\w.+/-]{1,64}/.exec(contentType)?.[0] ?? ''
  return new ThingmeshError('unsupported', `channel ${channel} has no format for the content type of the message`, {
    details: { channel, contentType: type },
  })
}
