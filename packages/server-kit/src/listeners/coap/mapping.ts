import { type Draft, type Message, ThingmeshError } from '@thingmesh/core'
import {
  type CoapOption,
  Code,
  ContentFormat,
  findUint,
  fromContentFormat,
  OptionNumber,
  stringOption,
  toContentFormat,
  toMessagePath,
  uintOption,
} from '@thingmesh/core/coap'
import type { Request } from './response.ts'

/** What a POST or PUT says, with the whole of its body. Throws `unsupported` for a format that is in no registry we know. */
export function toDraft(
  topic: string,
  { code, options, confirmable }: Request,
  body: Uint8Array,
  key: string | undefined,
): Draft {
  const expiresInSeconds = findUint(options, OptionNumber.maxAge)
  return {
    topic,
    payload: body,
    contentType: toContentType(findUint(options, OptionNumber.contentFormat)),
    delivery: confirmable ? 'at-least-once' : 'at-most-once',
    retain: code === Code.put,
    properties: expiresInSeconds === undefined ? undefined : { expiresInSeconds },
    key,
  }
}

/** A DELETE: a last value that is empty is none (MQTT 5, section 3.3.1.3). */
export function toClearing(topic: string, { confirmable }: Request): Draft {
  const delivery = confirmable ? 'at-least-once' : 'at-most-once'
  return { topic, payload: new Uint8Array(0), contentType: '', delivery, retain: true }
}

/** A message as the representation of a resource. */
export interface Representation {
  readonly options: readonly CoapOption[]
  readonly eTag: Uint8Array
  readonly format: number | undefined
  readonly payload: Uint8Array
}

/** `withPath`: also where it was published, for who observes more than one address. */
export function toRepresentation(message: Message, nowMs: number, withPath = false): Representation {
  const { contentType, payload, properties, topic } = message
  const eTag = toETag(message)
  const format = toContentFormat(contentType)
  const options: CoapOption[] = [{ number: OptionNumber.eTag, value: eTag }]
  if (withPath) options.push(...toMessagePath(topic).map(level => stringOption(OptionNumber.locationPath, level)))
  if (format !== undefined) options.push(uintOption(OptionNumber.contentFormat, format))
  if (properties?.expiresInSeconds !== undefined) {
    const waited = Math.floor(Math.max(0, nowMs - message.acceptedAtMs) / 1000)
    options.push(uintOption(OptionNumber.maxAge, Math.max(0, properties.expiresInSeconds - waited)))
  }
  return { options, eTag, format, payload }
}

/** With the value of the Observe option in its place, which is behind a tag and before all else that a representation has. */
export function withObserve(options: readonly CoapOption[], sequence: number): CoapOption[] {
  const observe = uintOption(OptionNumber.observe, sequence)
  const [first, ...rest] = options
  if (first === undefined) return [observe]
  return first.number < OptionNumber.observe ? [first, observe, ...rest] : [observe, ...options]
}

/** A message comes to its observers one after the other: they share what it is represented by. */
export class Representations {
  #last: { readonly message: Message; readonly withPath: boolean; readonly value: Representation } | undefined

  of(message: Message, withPath: boolean, nowMs: number): Representation {
    if (this.#last?.message === message && this.#last.withPath === withPath) return this.#last.value
    const value = toRepresentation(message, nowMs, withPath)
    this.#last = { message, withPath, value }
    return value
  }

  /** About once a second: a time to live is told in seconds. */
  forget(): void {
    this.#last = undefined
  }
}

/** Whether it is in the format that the peer wants; bytes of which nothing is known are bytes. */
export function isAcceptable({ format }: Representation, accept: number | undefined): boolean {
  return accept === undefined || accept === (format ?? ContentFormat.octetStream)
}

/**
 * Tells messages of this hub's log apart: a hash of the epoch (FNV-1a, of every other character by turns), with the sequence laid
 * over it. Within an epoch no two are the same. A log and its copy that was put back have the same sequences in epochs of their own.
 */
function toETag({ sequence, log: { epoch } }: Message): Uint8Array {
  let high = 0x811c9dc5
  let low = 0x811c9dc5
  for (let i = 0; i < epoch.length; i += 2) {
    high = Math.imul(high ^ epoch.charCodeAt(i), 0x01000193)
    low = Math.imul(low ^ epoch.charCodeAt(i + 1), 0x01000193)
  }
  high ^= Math.floor(sequence / 2 ** 32)
  low ^= sequence
  const bytes = new Uint8Array(8)
  for (let i = 0; i < 4; i++) {
    bytes[i] = high >>> (24 - 8 * i)
    bytes[4 + i] = low >>> (24 - 8 * i)
  }
  return bytes
}

function toContentType(format: number | undefined): string {
  if (format === undefined) return ''
  const contentType = fromContentFormat(format)
  if (contentType !== undefined) return contentType
  throw new ThingmeshError('unsupported', `content-format ${format} is not in the registry that this hub has`, {
    details: { coapCode: Code.unsupportedContentFormat, found: format },
  })
}
