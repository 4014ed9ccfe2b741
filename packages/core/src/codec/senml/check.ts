import { ThingmeshError } from '../../errors/index.ts'
import { fields, labels, type SenmlPack, type SenmlRecord } from './record.ts'

/** The version that RFC 8428 defines, and the same with the secondary units of RFC 9100, section 2.1. */
const versionMax = 10
const versionWithSecondaryUnits = 26

/** One field of a record as it was decoded, under its JSON label. */
export type Field = readonly [label: string, value: unknown]

/**
 * Makes a pack of decoded records, each as its fields. Fields that nobody knows are passed over, unless their label says by a `_` at its end that they must be
 * understood (RFC 8428, section 4.4). Throws `invalid-argument`, with the number of the record.
 */
export function toPack(records: unknown, fieldsOf: (record: unknown) => Iterable<Field> | undefined): SenmlPack {
  if (!Array.isArray(records) || records.length === 0) throw refusal('a senml pack is a list of at least one record')
  let version: number | undefined
  return records.map((record, index) => {
    const found = fieldsOf(record)
    if (found === undefined) throw refusal(`record ${index + 1} is no map of fields`)
    const checked = checkRecord(found, index + 1)
    version = checkVersion(checked, version, index)
    return checked
  })
}

function checkRecord(found: Iterable<Field>, number: number): SenmlRecord {
  const record: Record<string, unknown> = {}
  for (const [label, value] of found) {
    if (!Object.hasOwn(fields, label)) {
      if (label.endsWith('_')) throw refusal(`record ${number} has a field that must be understood, and is not known`)
      continue
    }
    const { kind } = fields[label as keyof SenmlRecord]
    if (!isOfKind[kind](value)) throw refusal(`record ${number}: ${label} is no ${kind}`)
    record[label] = value
  }
  checkValues(record, number)
  return record
}

/** One value, or none beside a sum (RFC 8428, section 4.2). A record that only sets the base for others has neither. */
function checkValues(record: SenmlRecord, number: number): void {
  const values = [record.v, record.vs, record.vb, record.vd].filter(value => value !== undefined).length
  if (values > 1) throw refusal(`record ${number} has ${values} values, allowed is one`)
  if (values === 1 || record.s !== undefined || record.bs !== undefined || record.bv !== undefined) return
  const present = labels.filter(label => record[label] !== undefined)
  if (present.length === 0 || !present.every(label => label.startsWith('b'))) {
    throw refusal(`record ${number} has no value and no sum`)
  }
}

function checkVersion({ bver }: SenmlRecord, version: number | undefined, index: number): number | undefined {
  if (bver === undefined) return version
  if (!Number.isInteger(bver) || bver < 1) throw refusal(`record ${index + 1}: bver is no positive integer`)
  if (bver > versionMax && bver !== versionWithSecondaryUnits) {
    throw refusal(`a senml pack of version ${bver}, known is up to ${versionMax}`)
  }
  const before = version ?? (index === 0 ? bver : versionMax)
  if (bver !== before) throw refusal(`record ${index + 1} has version ${bver}, those before have ${before}`)
  return bver
}

const isOfKind = {
  text: (value: unknown) => typeof value === 'string',
  number: (value: unknown) => typeof value === 'number' && Number.isFinite(value),
  boolean: (value: unknown) => typeof value === 'boolean',
  bytes: (value: unknown) => value instanceof Uint8Array,
} as const

function refusal(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message)
}
