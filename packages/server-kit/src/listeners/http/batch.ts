import { type Draft, jsonCodec, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import { resolveSenml } from '@thingmesh/core/senml'
import type * as v from 'valibot'
import { batchLine } from './schemas.ts'
import { encodeOne, type SenmlCodec, senmlCodecFor } from './senml.ts'
import { validate } from './validation.ts'

export const ndjsonType = 'application/x-ndjson'

/** What holds for everything in a batch that does not say otherwise. */
export type BatchTerms = Pick<Draft, 'topic' | 'delivery' | 'retain'> & {
  readonly expiresInSeconds: number | undefined
}

/** What is wrong with one line is said of that line, and keeps no other. */
export type BatchEntry = Draft | ThingmeshError

/**
 * One draft for each line of JSON, or for each measurement of a SenML pack. `undefined` for a content type that is neither. Throws
 * `invalid-argument` where there is nothing in it, or a pack is none, `too-large` for more than `entriesMax`.
 */
export function toBatch(
  bytes: Uint8Array,
  contentType: string,
  terms: BatchTerms,
  entriesMax: number,
): readonly BatchEntry[] | undefined {
  const mediaType = contentType.split(';')[0]!.trim().toLowerCase()
  if (mediaType === ndjsonType) return fromLines(bytes, terms, entriesMax)
  const codec = senmlCodecFor(contentType)
  return codec === undefined ? undefined : fromPack(codec, bytes, terms, entriesMax)
}

function fromLines(bytes: Uint8Array, terms: BatchTerms, entriesMax: number): readonly BatchEntry[] {
  const lines = [...linesOf(bytes)]
  checkCount('lines', lines.length, entriesMax)
  return lines.map((line, index) => {
    try {
      const value = validate(batchLine, jsonCodec.decode(line), `line ${index + 1}`)
      return toDraft(value, terms)
    } catch (error) {
      return toThingmeshError(error)
    }
  })
}

/** Blank ones are none. A return before the line feed is white space in JSON. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; ) {
    const feed = bytes.indexOf(0x0a, start)
    const end = feed === -1 ? bytes.byteLength : feed
    const isBlank = end === start || (end === start + 1 && bytes[start] === 0x0d)
    if (!isBlank) yield bytes.subarray(start, end)
    start = end + 1
  }
}

type BatchLine = v.InferOutput<typeof batchLine>

function toDraft(line: BatchLine, terms: BatchTerms): Draft {
  const { subtopic = '', qos, retain = terms.retain, key, expires, headers, replyTo, correlation } = line
  const expiresInSeconds = expires ?? terms.expiresInSeconds
  const delivery = qos === undefined ? terms.delivery : qos === 0 ? 'at-most-once' : 'at-least-once'
  if (key !== undefined && delivery === 'at-most-once') {
    throw new ThingmeshError('invalid-argument', 'key comes with qos 0, allowed only with qos 1')
  }
  const properties = {
    ...(expiresInSeconds !== undefined && { expiresInSeconds }),
    ...(headers !== undefined && { headers }),
    ...(replyTo !== undefined && { replyTo }),
    ...(correlation !== undefined && { correlation: fromBase64(correlation, 'correlation') }),
  }
  return {
    topic: subtopic === '' ? terms.topic : `${terms.topic}/${subtopic}`,
    ...toPayload(line),
    delivery,
    retain,
    properties: Object.keys(properties).length === 0 ? undefined : properties,
    key,
  }
}

/** A text is text, everything else JSON, unless the line says what it is. */
function toPayload({ payload, encoding, contentType }: BatchLine): Pick<Draft, 'payload' | 'contentType'> {
  const found = encoding ?? (typeof payload === 'string' ? 'text' : 'json')
  if (found === 'json') {
    return { payload: Buffer.from(JSON.stringify(payload)), contentType: contentType ?? 'application/json' }
  }
  if (typeof payload !== 'string') {
    throw new ThingmeshError('invalid-argument', `payload is no string, allowed with encoding ${found} is one`)
  }
  if (found === 'base64') return { payload: fromBase64(payload, 'payload'), contentType: contentType ?? '' }
  if (!payload.isWellFormed()) {
    throw new ThingmeshError('invalid-argument', 'payload has an unpaired surrogate, which no text in utf-8 has')
  }
  return { payload: Buffer.from(payload), contentType: contentType ?? 'text/plain;charset=utf-8' }
}

function fromBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  // What Node passes over, or reads in another alphabet, is not what was meant.
  if (bytes.toString('base64') !== text) throw new ThingmeshError('invalid-argument', `${what} is not base64`)
  return bytes
}

/** In the order of time. Each is a pack of its own, that says all by itself: the name with its base, the time since 1970. */
function fromPack(
  codec: SenmlCodec,
  bytes: Uint8Array,
  { topic, delivery, retain, expiresInSeconds }: BatchTerms,
  entriesMax: number,
): readonly Draft[] {
  const pack = codec.decode(bytes)
  checkCount('records', pack.length, entriesMax)
  const measurements = resolveSenml(pack, Date.now() / 1000)
  checkCount('measurements', measurements.length, entriesMax)
  const properties = expiresInSeconds === undefined ? undefined : { expiresInSeconds }
  return measurements.map(measurement => ({
    topic: `${topic}/${measurement.name}`,
    payload: encodeOne(codec, measurement),
    contentType: codec.contentTypes[0]!,
    delivery,
    retain,
    properties,
  }))
}

function checkCount(what: string, found: number, max: number): void {
  if (found === 0) throw new ThingmeshError('invalid-argument', `body has no ${what}, allowed are 1 to ${max}`)
  if (found > max) {
    throw new ThingmeshError('too-large', `body has ${found} ${what}, the limit is ${max}`, {
      details: { limit: 'batchMessagesMax', found, max },
    })
  }
}
