import { isRefusedKey } from '../codec/data-limits.ts'
import { isWellFormed } from './check.ts'
import { type Field, type Fields, toField, type ValueOf } from './field.ts'
import type { Member, Shape } from './shape.ts'

export interface FieldOptions {
  /** For people; goes into what is exported. */
  readonly description?: string | undefined
}

export interface NumberOptions extends FieldOptions {
  /** A symbol of the SenML units registry (RFC 8428, section 12.1), such as `Cel`; needed as such for SenML only. */
  readonly unit?: string | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
}

export interface StringOptions extends FieldOptions {
  /** In Unicode code points. */
  readonly lengthMin?: number | undefined
  readonly lengthMax?: number | undefined
}

export interface BytesOptions extends FieldOptions {
  readonly lengthMax?: number | undefined
}

export interface ListOptions extends FieldOptions {
  readonly itemsMin?: number | undefined
  /** 256 by default. */
  readonly itemsMax?: number | undefined
}

const itemsMaxByDefault = 256

/** A finite number; -0 becomes 0. Throws `TypeError`, as all that follow do, for options that cannot be meant. */
export function number(options: NumberOptions = {}): Field<number> {
  return numeric(options, false)
}

/** A whole number from -(2^53 - 1) to 2^53 - 1. */
export function integer(options: NumberOptions = {}): Field<number> {
  return numeric(options, true)
}

export function boolean({ description }: FieldOptions = {}): Field<boolean> {
  return toField({ kind: 'boolean', description })
}

/** Well-formed text: half of a surrogate pair is refused, for it has no form in UTF-8. */
export function string({ lengthMin, lengthMax, description }: StringOptions = {}): Field<string> {
  checkBounds('length', lengthMin, lengthMax, isCount)
  return toField({ kind: 'text', lengthMin, lengthMax, description })
}

/** One of the given texts. */
export function choice<const Of extends readonly [string, ...string[]]>(
  of: Of,
  { description }: FieldOptions = {},
): Field<Of[number]> {
  if (of.length === 0 || new Set(of).size !== of.length) throw new TypeError('a choice is of texts that differ')
  if (of.some(text => !isWellFormed(text))) throw new TypeError('a choice has a text that is not well-formed')
  return toField({ kind: 'choice', of: [...of], description })
}

/** In JSON as text in base64url without padding (RFC 4648, section 5). */
export function bytes({ lengthMax, description }: BytesOptions = {}): Field<Uint8Array> {
  checkBounds('length', undefined, lengthMax, isCount)
  return toField({ kind: 'bytes', lengthMax, description })
}

/**
 * A moment of the years 0 to 9999, to the millisecond. In JSON as RFC 3339 writes it; in SenML it is the time of the
 * pack, and there can be one.
 */
export function time({ description }: FieldOptions = {}): Field<Date> {
  return toField({ kind: 'time', description })
}

export function list<Value>(of: Field<Value>, options: ListOptions = {}): Field<readonly Value[]> {
  const { itemsMin = 0, itemsMax = itemsMaxByDefault, description } = options
  if (of.isOptional) throw new TypeError('the items of a list cannot be left out')
  checkBounds('items', itemsMin, itemsMax, isCount)
  return toField({ kind: 'list', of: of.shape, itemsMin, itemsMax, description })
}

/** Fields within a field. Members that are not named are refused when a value is written, passed over when it is read. */
export function object<const F extends Fields>(fields: F, { description }: FieldOptions = {}): Field<ValueOf<F>> {
  const members = Object.entries(fields).map(([name, { shape, isOptional }]): readonly [string, Member] => {
    if (name === '' || isRefusedKey(name) || !isWellFormed(name))
      throw new TypeError('a field has a name that no field can have')
    return [name, { shape, isOptional }]
  })
  if (members.length === 0) throw new TypeError('at least one field is needed')
  const shape: Shape = { kind: 'record', fields: new Map(members), description }
  return toField(shape)
}

function numeric({ unit, min, max, description }: NumberOptions, isInteger: boolean): Field<number> {
  checkBounds('number', min, max, isInteger ? Number.isSafeInteger : Number.isFinite)
  return toField({ kind: 'number', isInteger, unit, min, max, description })
}

function checkBounds(
  what: string,
  min: number | undefined,
  max: number | undefined,
  isBound: (bound: number) => boolean,
): void {
  for (const bound of [min, max]) {
    if (bound !== undefined && !isBound(bound)) throw new TypeError(`a bound of the ${what} is ${bound}`)
  }
  if (min !== undefined && max !== undefined && min > max)
    throw new TypeError(`the ${what} is at least ${min} and at most ${max}`)
}

function isCount(bound: number): boolean {
  return Number.isSafeInteger(bound) && bound >= 0
}
