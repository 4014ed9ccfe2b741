import { type Message, ThingmeshError } from '@thingmesh/core'
import { resolveSenml, type SenmlMeasurement, type SenmlRecord, senmlJsonCodec } from '@thingmesh/core/senml'
import { senmlCborCodec } from '@thingmesh/core/senml-cbor'
import { toPayloadJson } from './messages-json.ts'

export const senmlJsonType = 'application/senml+json'
export const senmlCborType = 'application/senml+cbor'

const codecs = [senmlJsonCodec, senmlCborCodec] as const
export type SenmlCodec = (typeof codecs)[number]

export function senmlCodecFor(contentType: string): SenmlCodec | undefined {
  const mediaType = contentType.split(';')[0]!.trim().toLowerCase()
  return codecs.find(({ contentTypes }) => contentTypes.includes(mediaType))
}

/** A resolved record (RFC 8428, section 4.6): it says all by itself. */
function toRecord({ name, unit, time, value, sum, updateSeconds }: SenmlMeasurement): SenmlRecord {
  return {
    n: name,
    ...(unit !== undefined && { u: unit }),
    ...toValue(value),
    ...(sum !== undefined && { s: sum }),
    t: time,
    ...(updateSeconds !== undefined && { ut: updateSeconds }),
  }
}

function toValue(value: SenmlMeasurement['value']): Pick<SenmlRecord, 'v' | 'vs' | 'vb' | 'vd'> {
  if (typeof value === 'number') return { v: value }
  if (typeof value === 'string') return { vs: value }
  if (typeof value === 'boolean') return { vb: value }
  return value === undefined ? {} : { vd: value }
}

export interface Measured {
  /** In the order of time. */
  readonly measurements: readonly SenmlMeasurement[]
  /** Messages that are neither SenML nor a number. */
  readonly leftOut: number
}

/**
 * What messages measured: those that are SenML, relative times counted from their acceptance, and those that are a number,
 * under their topic. Throws `too-large` for more than `max`: a message of a few bytes a record holds thousands of them.
 */
export function measure(messages: readonly Message[], max: number): Measured {
  const measurements: SenmlMeasurement[] = []
  let leftOut = 0
  for (const message of messages) {
    const found = measurementsOf(message)
    if (found === undefined) leftOut += 1
    else for (const measurement of found) measurements.push(measurement)
    if (measurements.length <= max) continue
    const text = `the page has ${measurements.length} measurements or more, the limit is ${max}: ask for fewer messages`
    throw new ThingmeshError('too-large', text, {
      details: { limit: 'measurementsMax', found: measurements.length, max },
    })
  }
  return { measurements: measurements.sort((a, b) => a.time - b.time), leftOut }
}

function measurementsOf(message: Message): readonly SenmlMeasurement[] | undefined {
  const seconds = message.acceptedAtMs / 1000
  const codec = senmlCodecFor(message.contentType)
  try {
    if (codec !== undefined) return resolveSenml(codec.decode(message.payload), seconds)
    const value = numberOf(message)
    return value === undefined ? undefined : resolveSenml([{ n: message.topic, t: seconds, v: value }], seconds)
  } catch {
    // No pack, whatever it is called; or a topic that SenML has no name for.
    return undefined
  }
}

function numberOf(message: Message): number | undefined {
  const { encoding, payload } = toPayloadJson(message)
  if (typeof payload === 'number') return payload
  const isNumber = encoding === 'text' && /^-?\d{1,32}(\.\d{1,32})?([eE][+-]?\d{1,3})?$/.test(String(payload).trim())
  return isNumber ? Number(payload) : undefined
}

/** A pack of one, as a message of its own. */
export function encodeOne(codec: SenmlCodec, measurement: SenmlMeasurement): Uint8Array {
  return codec.encode([toRecord(measurement)])
}

/**
 * A pack of many. Record by record, because the codecs' limits are those of one message, and a page is many: of a pack of one all but what
 * stands for the array is the record.
 */
export function encodeAll(type: string, measurements: readonly SenmlMeasurement[]): Uint8Array<ArrayBuffer> {
  if (type === senmlCborType) {
    const records = measurements.map(one => encodeOne(senmlCborCodec, one).subarray(1))
    return Buffer.concat([arrayHead(measurements.length), ...records])
  }
  const records = measurements.map(one => Buffer.from(encodeOne(senmlJsonCodec, one)).toString().slice(1, -1))
  return Buffer.from(`[${records.join(',')}]`)
}

/** Major type 4 (RFC 8949, section 3.1). */
function arrayHead(count: number): Uint8Array {
  if (count < 24) return Uint8Array.of(0x80 | count)
  if (count < 0x100) return Uint8Array.of(0x98, count)
  if (count < 0x10000) return Uint8Array.of(0x99, count >> 8, count & 0xff)
  return Uint8Array.of(0x9a, count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff)
}
