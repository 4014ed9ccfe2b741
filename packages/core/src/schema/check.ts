import type { ListShape, NumberShape, RecordShape, Shape, TextShape } from './shape.ts'

/** Where a value does not fit, and what was expected there. Never the value itself. */
export interface Issue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export type Checked = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly Issue[] }

/** A value can be wrong in as many places as it has; nobody reads further than this. */
const issuesMax = 16

/** From the first moment of year 0 to the last of 9999: RFC 3339, section 5.6, has four digits for the year. */
const firstMs = -62_167_219_200_000
const lastMs = 253_402_300_799_999

/**
 * Checks a value and copies what the shape names. Who writes must not name anything else, for a name with a slip in it
 * would silently be lost; who reads passes over it, for a newer device may say more.
 */
export function checkShape(shape: Shape, value: unknown, who: 'reading' | 'writing'): Checked {
  const checker = new Checker(who === 'writing')
  const checked = checker.check(shape, value)
  return checker.issues.length === 0 ? { value: checked } : { issues: checker.issues }
}

class Checker {
  readonly issues: Issue[] = []
  readonly #isStrict: boolean
  readonly #path: (string | number)[] = []

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  /** What it answers counts only where there is no issue. */
  check(shape: Shape, value: unknown): unknown {
    switch (shape.kind) {
      case 'number':
        return this.#number(shape, value)
      case 'boolean':
        if (typeof value !== 'boolean') this.#expected('true or false', value)
        return value
      case 'text':
        return this.#text(shape, value)
      case 'choice':
        if (typeof value !== 'string') this.#expected('text', value)
        else if (!shape.of.includes(value)) this.#issue(`expected one of ${shape.of.join(', ')}`)
        return value
      case 'bytes':
        if (!(value instanceof Uint8Array)) this.#expected('bytes', value)
        else if (value.length > (shape.lengthMax ?? Number.POSITIVE_INFINITY))
          this.#issue(`has ${value.length} bytes, the limit is ${shape.lengthMax}`)
        return value
      case 'time':
        if (!(value instanceof Date)) this.#expected('a time', value)
        else if (!(value.getTime() >= firstMs && value.getTime() <= lastMs))
          this.#issue('expected a time of the years 0 to 9999')
        return value
      case 'list':
        return this.#list(shape, value)
      case 'record':
        return this.#record(shape, value)
    }
  }

  #number(shape: NumberShape, value: unknown): unknown {
    if (typeof value !== 'number') return this.#expected('a number', value)
    if (!Number.isFinite(value)) return this.#issue('expected a finite number')
    if (shape.isInteger && !Number.isSafeInteger(value)) return this.#issue('expected a safe integer')
    if (shape.min !== undefined && value < shape.min) return this.#issue(`expected at least ${shape.min}`)
    if (shape.max !== undefined && value > shape.max) return this.#issue(`expected at most ${shape.max}`)
    // JSON and our CBOR have one zero.
    return value === 0 ? 0 : value
  }

  #text({ lengthMin = 0, lengthMax = Number.POSITIVE_INFINITY }: TextShape, value: unknown): unknown {
    if (typeof value !== 'string') return this.#expected('text', value)
    // A code point is two code units at most, so what is far too long is not walked.
    const length = value.length > 2 * lengthMax ? value.length : codePoints(value)
    if (length === -1) return this.#issue('has half of a surrogate pair, which is no character')
    if (length < lengthMin) return this.#issue(`has ${length} characters, at least ${lengthMin} are needed`)
    if (length > lengthMax) return this.#issue(`has more than ${lengthMax} characters, which is the limit`)
    return value
  }

  #list({ of, itemsMin, itemsMax }: ListShape, value: unknown): unknown {
    if (!Array.isArray(value)) return this.#expected('a list', value)
    if (value.length < itemsMin) return this.#issue(`has ${value.length} items, at least ${itemsMin} are needed`)
    if (value.length > itemsMax) return this.#issue(`has ${value.length} items, the limit is ${itemsMax}`)
    const items: unknown[] = []
    for (let i = 0; i < value.length && this.issues.length < issuesMax; i++) items.push(this.#at(i, of, value[i]))
    return items
  }

  #record({ fields }: RecordShape, value: unknown): unknown {
    if (!isObject(value)) return this.#expected('an object', value)
    const record: Record<string, unknown> = {}
    for (const [name, { shape, isOptional }] of fields) {
      const item = Object.hasOwn(value, name) ? value[name] : undefined
      if (item !== undefined) record[name] = this.#at(name, shape, item)
      else if (!isOptional) this.#issue('is missing', name)
    }
    if (this.#isStrict) {
      for (const name of Object.keys(value)) {
        if (!fields.has(name) && value[name] !== undefined) this.#issue('is no field of the channel', name)
      }
    }
    return record
  }

  #at(key: string | number, shape: Shape, value: unknown): unknown {
    this.#path.push(key)
    const checked = this.check(shape, value)
    this.#path.pop()
    return checked
  }

  #expected(what: string, value: unknown): undefined {
    return this.#issue(`expected ${what}, found ${kindOf(value)}`)
  }

  #issue(message: string, ...below: readonly string[]): undefined {
    if (this.issues.length < issuesMax) this.issues.push({ path: [...this.#path, ...below], message })
    return undefined
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && kindOf(value) === 'an object'
}

export function isWellFormed(text: string): boolean {
  return codePoints(text) !== -1
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return 'text'
  if (typeof value !== 'object') return `a ${typeof value}`
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Date) return 'a time'
  return value instanceof Map ? 'a map' : 'an object'
}

/** -1 where the text is not well-formed, and so has no form in UTF-8. */
function codePoints(text: string): number {
  let count = 0
  for (const character of text) {
    const code = character.codePointAt(0)!
    if (code >= 0xd800 && code <= 0xdfff) return -1
    count++
  }
  return count
}
