import { ThingmeshError } from '../../errors/index.ts'
import type { SenmlPack, SenmlRecord } from './record.ts'

/** One measurement that says all by itself: a resolved record (RFC 8428, section 4.6). */
export interface SenmlMeasurement {
  readonly name: string
  readonly unit?: string | undefined
  /** Seconds since 1970. */
  readonly time: number
  /** Absent where there is only a sum. */
  readonly value?: number | string | boolean | Uint8Array | undefined
  /** The integral of the values over time, in units times seconds. */
  readonly sum?: number | undefined
  /** Seconds within which the next value is to be expected. */
  readonly updateSeconds?: number | undefined
}

/** Times below it are counted from now (RFC 8428, section 4.5.3). */
const absoluteFrom = 2 ** 28
/** RFC 8428, section 4.5.1. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/

type Base = Pick<SenmlRecord, 'bn' | 'bt' | 'bu' | 'bv' | 'bs'>

/**
 * Applies what a pack says once for many, and makes every time absolute. In the order of time; measurements of one time stay in the order of the pack.
 * Records that only set the base are no measurements.
 *
 * Throws `invalid-argument` where a name is missing or has a character that is not allowed, or a number is beyond what a float holds.
 */
export function resolveSenml(pack: SenmlPack, nowSeconds: number): readonly SenmlMeasurement[] {
  const measurements: SenmlMeasurement[] = []
  let base: Base = {}
  for (const [index, record] of pack.entries()) {
    base = withBase(base, record)
    if (isMeasurement(record, base)) measurements.push(toMeasurement(record, base, nowSeconds, index + 1))
  }
  return measurements.sort((a, b) => a.time - b.time)
}

function withBase(before: Base, { bn, bt, bu, bv, bs }: SenmlRecord): Base {
  return { bn: bn ?? before.bn, bt: bt ?? before.bt, bu: bu ?? before.bu, bv: bv ?? before.bv, bs: bs ?? before.bs }
}

/** A base value or sum alone is a measurement only of a record that says what it measures. */
function isMeasurement(record: SenmlRecord, { bv, bs }: Base): boolean {
  const { v, vs, vb, vd, s, n, u, t, ut } = record
  if ([v, vs, vb, vd, s].some(field => field !== undefined)) return true
  return (bv !== undefined || bs !== undefined) && [n, u, t, ut].some(field => field !== undefined)
}

function toMeasurement(record: SenmlRecord, base: Base, nowSeconds: number, number: number): SenmlMeasurement {
  const name = (base.bn ?? '') + (record.n ?? '')
  if (!namePattern.test(name)) {
    const found = name === '' ? 'no name' : 'a name with a character that is not allowed there'
    throw new ThingmeshError('invalid-argument', `record ${number} has ${found}`)
  }
  const time = (base.bt ?? 0) + (record.t ?? 0)
  return {
    name,
    unit: record.u ?? base.bu,
    time: finite(time < absoluteFrom ? nowSeconds + time : time, number),
    value: toValue(record, base, number),
    sum: toSum(record, base, number),
    updateSeconds: record.ut,
  }
}

function toValue({ v, vs, vb, vd, s }: SenmlRecord, { bv, bs }: Base, number: number): SenmlMeasurement['value'] {
  const other = vs ?? vb ?? vd
  if (other !== undefined) return other
  if (v !== undefined) return finite((bv ?? 0) + v, number)
  // Where only a sum was measured there is no value, also not the base's.
  return s !== undefined || bs !== undefined ? undefined : bv
}

function toSum({ s }: SenmlRecord, { bs }: Base, number: number): number | undefined {
  return s === undefined && bs === undefined ? undefined : finite((bs ?? 0) + (s ?? 0), number)
}

function finite(sum: number, number: number): number {
  if (Number.isFinite(sum)) return sum
  throw new ThingmeshError('invalid-argument', `record ${number} adds up to more than a float holds`)
}
