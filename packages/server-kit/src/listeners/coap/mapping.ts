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

/** Tells messages of this hub's log apart: its number, and of which life of the log it is. */
function toETag({ sequence, log }: Message): Uint8Array {
  const bytes = new Uint8Array(8)
  let epoch = 0
  for (let i = 0; i < log.epoch.length; i++) epoch = (epoch * 31 + log.epoch.charCodeAt(i)) & 0xff
  bytes[0] = epoch
  for (let i = 7, rest = sequence; i > 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest
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
