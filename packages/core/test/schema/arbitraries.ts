import fc from 'fast-check'
import {
  boolean,
  bytes,
  choice,
  type Field,
  type Fields,
  integer,
  list,
  number,
  object,
  string,
  time,
} from '../../src/schema/index.ts'

/** A field and a value that fits it. */
export interface Sample {
  readonly field: Field<unknown, boolean>
  readonly value: unknown
}

const bounds = fc.tuple(fc.integer(), fc.integer()).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }))

const numbers = fc.oneof(
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((value): Sample => ({ field: number(), value: value === 0 ? 0 : value })),
  bounds.chain(({ min, max }) =>
    fc.double({ min, max, noNaN: true }).map(
      (value): Sample => ({
        field: number({ min, max, unit: 'Cel' }),
        value: value === 0 ? 0 : value,
      }),
    ),
  ),
  fc.maxSafeInteger().map((value): Sample => ({ field: integer({ unit: 'W' }), value })),
)

const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((value): Sample => ({ field: string(), value })),
  fc
    .string({ unit: 'binary', minLength: 2, maxLength: 9 })
    .map((value): Sample => ({ field: string({ lengthMin: 2, lengthMax: 9 }), value })),
  fc.constantFrom('on', 'off').map((value): Sample => ({ field: choice(['on', 'off']), value })),
)

const blobs = fc
  .uint8Array({ maxLength: 20 })
  .map((value): Sample => ({ field: bytes({ lengthMax: 20 }), value: Uint8Array.from(value) }))

/** What every format of fields carries. */
export const scalars: fc.Arbitrary<Sample> = fc.oneof(
  numbers,
  texts,
  blobs,
  fc.boolean().map((value): Sample => ({ field: boolean(), value })),
)

const times: fc.Arbitrary<Sample> = fc
  .date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map(value => ({ field: time(), value }))

const names = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
  fc.constantFrom('toString', 'hasOwnProperty', 'length', '0', 'a.b'),
)

/** Samples under names, some of them optional, and of those some absent. */
export function recordOf(sample: fc.Arbitrary<Sample>, name: fc.Arbitrary<string> = names) {
  const member = fc.record({ sample, presence: fc.constantFrom('required', 'optional', 'absent') })
  return fc.dictionary(name, member, { minKeys: 1, maxKeys: 5, noNullPrototype: true }).map(members => {
    const fields: Record<string, Field<unknown, boolean>> = {}
    const value: Record<string, unknown> = {}
    for (const [key, { sample, presence }] of Object.entries(members)) {
      fields[key] = presence === 'required' ? sample.field : sample.field.optional()
      if (presence !== 'absent') value[key] = sample.value
    }
    return { fields: fields as Fields, value }
  })
}

const refusedNames = ['__proto__', 'constructor', 'prototype']
const usable = names.filter(name => !refusedNames.includes(name))

/** Also lists and objects, three levels deep, with members of such names. */
export const samplesNamed = (name: fc.Arbitrary<string>): fc.Arbitrary<Sample> =>
  fc.letrec<{ sample: Sample }>(tie => ({
    sample: fc.oneof(
      { maxDepth: 3 },
      scalars,
      times,
      fc.tuple(tie('sample'), fc.nat({ max: 4 })).map(([{ field, value }, length]) => ({
        field: list(field as Field<unknown>, { itemsMax: 5 }),
        value: Array.from({ length }, () => value),
      })),
      recordOf(tie('sample'), name).map(({ fields, value }) => ({ field: object(fields), value })),
    ),
  })).sample

export const samples = samplesNamed(usable)
export const records = recordOf(samples, usable)
