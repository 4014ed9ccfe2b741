import type { Codec } from '../codec/codec.ts'
import {
  resolveSenml,
  type SenmlMeasurement,
  type SenmlPack,
  type SenmlRecord,
  senmlUnits,
} from '../codec/senml/index.ts'
import type { Carrier, Content, Format } from './format.ts'
import { refusalAt } from './refusal.ts'
import type { Member, NumberShape } from './shape.ts'

/** Times below it are counted from now (RFC 8428, section 4.5.3): 1978-07-04. */
const absoluteFromMs = 2 ** 28 * 1000
/** RFC 8428, section 4.5.1. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/
/** A pack of more might have more nodes than a codec takes. */
const fieldsMax = 1000

type Members = ReadonlyMap<string, Member>

/**
 * Fields as the records of a pack, and back. A pack is of one moment: a field that is a time is the time of them all.
 * Throws `TypeError` for fields that SenML has no place for.
 */
export function senmlFormat(codec: Codec<SenmlPack>): Format {
  return {
    contentTypes: codec.contentTypes,
    carrierFor(content) {
      const fields = fieldsOf(content)
      return carrier(fields, timeOf(fields), codec)
    },
  }
}

function fieldsOf(content: Content): Members {
  if (content.kind !== 'record')
    throw new TypeError('senml carries fields: a foreign schema or a single value has no names and units')
  if (content.fields.size > fieldsMax)
    throw new TypeError(`a pack has ${content.fields.size} fields, the limit is ${fieldsMax}`)
  for (const [name, { shape }] of content.fields) {
    if (shape.kind === 'list' || shape.kind === 'record') throw new TypeError(`senml has no ${shape.kind}: ${name}`)
    if (shape.kind === 'time') continue
    if (!namePattern.test(name)) throw new TypeError(`senml has no name with such characters: ${name}`)
    if (shape.kind === 'number') checkUnit(name, shape)
  }
  return content.fields
}

/** What is not registered means nothing to a receiver; what is deprecated is not to be sent (RFC 8428, section 12.1). */
function checkUnit(name: string, { unit }: NumberShape): void {
  if (unit === undefined) return
  const known = senmlUnits.get(unit)
  if (known === undefined) throw new TypeError(`senml has no unit ${unit}: ${name}`)
  if (known.deprecated) throw new TypeError(`the unit ${unit} is deprecated in senml: ${name}`)
}

function timeOf(fields: Members): string | undefined {
  const times = [...fields].filter(([, { shape }]) => shape.kind === 'time').map(([name]) => name)
  if (times.length > 1) throw new TypeError(`a senml pack has one time, these are two: ${times.join(', ')}`)
  return times[0]
}

function carrier(fields: Members, time: string | undefined, codec: Codec<SenmlPack>): Carrier {
  return {
    encode(value) {
      const { [time ?? '']: at, ...rest } = value as Readonly<Record<string, unknown>>
      const [first, ...others] = Object.entries(rest).map(([name, item]) => toRecord(name, fields.get(name)!, item))
      if (first === undefined) throw refusalAt([], 'senml has no empty packs, at least one field is needed')
      return codec.encode([at === undefined ? first : { bt: toSeconds(time!, at as Date), ...first }, ...others])
    },
    decode(payload, nowMs) {
      return toValue(withFieldNames(codec.decode(payload), fields), fields, time, nowMs)
    },
  }
}

function toRecord(name: string, { shape }: Member, item: unknown): SenmlRecord {
  if (shape.kind === 'number') {
    const { unit } = shape
    return unit === undefined ? { n: name, v: item as number } : { n: name, u: unit, v: item as number }
  }
  if (shape.kind === 'boolean') return { n: name, vb: item as boolean }
  return shape.kind === 'bytes' ? { n: name, vd: item as Uint8Array } : { n: name, vs: item as string }
}

function toSeconds(name: string, at: Date): number {
  if (at.getTime() < absoluteFromMs) throw refusalAt([name], 'senml has no times before 1978-07-04')
  return at.getTime() / 1000
}

/**
 * A base name says whose measurements they are, which the message says too: a record is of a field by its own name, or
 * by the whole.
 */
function withFieldNames(pack: SenmlPack, fields: Members): SenmlPack {
  let base = ''
  return pack.map(({ bn = base, n = '', ...record }) => {
    base = bn
    return { ...record, n: fields.has(n) ? n : base + n }
  })
}

function toValue(pack: SenmlPack, fields: Members, time: string | undefined, nowMs: number): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  let seconds: number | undefined
  for (const measurement of resolveSenml(pack, nowMs / 1000)) {
    const { name } = measurement
    const shape = fields.get(name)?.shape
    if (shape === undefined || shape.kind === 'time' || measurement.value === undefined) continue
    if (Object.hasOwn(value, name)) throw refusalAt([name], 'the pack has more than one measurement of it')
    if (shape.kind === 'number') checkSameUnit(shape, measurement)
    if (time !== undefined && seconds !== undefined && seconds !== measurement.time)
      throw refusalAt([time], 'the measurements of the pack are of more than one time')
    value[name] = measurement.value
    seconds = measurement.time
  }
  if (time === undefined || seconds === undefined) return value
  // A pack without a time is of now, roughly; whoever lets the time be left out wants to be told just that.
  const saysWhen = pack.some(({ bt = 0, t = 0 }) => bt !== 0 || t !== 0)
  if (saysWhen || !fields.get(time)!.isOptional) value[time] = new Date(Math.round(seconds * 1000))
  return value
}

/** Kelvins taken for degrees Celsius are a wrong value. A record may leave out what both sides know. */
function checkSameUnit(shape: NumberShape, { name, unit }: SenmlMeasurement): void {
  if (unit !== undefined && shape.unit !== undefined && unit !== shape.unit)
    throw refusalAt([name], `is in another unit than ${shape.unit}`)
}
