import { type JsonObject, type JsonValue, ThingmeshError } from '@thingmesh/core'

/** Names that reach a prototype in code that copies objects without care: ours does not, its users' might. */
const refusedKeys = new Set(['__proto__', 'constructor', 'prototype'])

export interface JsonBounds {
  readonly bytesMax: number
  readonly depthMax: number
  /** Names of the two limits, for errors. */
  readonly bytesLimit: string
  readonly depthLimit: string
}

/**
 * Copies an untrusted value into a frozen JSON object. Throws `invalid-argument` for what JSON cannot say, for names
 * that reach a prototype, and beyond the bounds. Work is bounded by the bytes allowed, also for values that share or
 * contain themselves.
 */
export function parseJsonObject(what: string, value: unknown, bounds: JsonBounds): JsonObject {
  if (!isPlainObject(value)) throw new ThingmeshError('invalid-argument', `${what}: found no JSON object`)
  const copy = new JsonCopy(what, bounds).copy(value, 1) as JsonObject
  const bytes = Buffer.byteLength(JSON.stringify(copy))
  if (bytes > bounds.bytesMax) throw tooLarge(what, bounds, bytes)
  return copy
}

/** Deep equality; the order of an object's members does not count. */
export function equalJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, index) => equalJson(item as JsonValue, b[index] as JsonValue))
  }
  const left = a as JsonObject
  const right = b as JsonObject
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every(name => Object.hasOwn(right, name) && equalJson(left[name], right[name]))
}

class JsonCopy {
  readonly #what: string
  readonly #bounds: JsonBounds
  /** A lower bound of the text's length: enough to stop early. */
  #bytes = 0

  constructor(what: string, bounds: JsonBounds) {
    this.#what = what
    this.#bounds = bounds
  }

  copy(value: unknown, depth: number): JsonValue {
    this.#count(1)
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'string') {
      this.#count(value.length)
      return value
    }
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw this.#refused('a number that is not finite')
      // JSON text has no negative zero: what is stored must equal what is held.
      return value === 0 ? 0 : value
    }
    if (Array.isArray(value)) {
      this.#descend(depth)
      return Object.freeze(Array.from(value, item => this.copy(item, depth + 1)))
    }
    if (isPlainObject(value)) return this.#object(value, depth)
    throw this.#refused(`a value of type ${typeof value}`)
  }

  #object(value: Record<string, unknown>, depth: number): JsonObject {
    this.#descend(depth)
    const copy: Record<string, JsonValue> = {}
    for (const name of Object.keys(value)) {
      if (refusedKeys.has(name)) throw this.#refused(`the member name ${name}`)
      this.#count(name.length)
      const member = value[name]
      if (member !== undefined) copy[name] = this.copy(member, depth + 1)
    }
    return Object.freeze(copy)
  }

  #descend(depth: number): void {
    const { depthMax, depthLimit } = this.#bounds
    if (depth <= depthMax) return
    throw new ThingmeshError(
      'invalid-argument',
      `${this.#what}: found depth ${depth}, the limit ${depthLimit} is ${depthMax}`,
      { details: { limit: depthLimit, found: depth, max: depthMax } },
    )
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#bounds.bytesMax) throw tooLarge(this.#what, this.#bounds, this.#bytes)
  }

  #refused(found: string): ThingmeshError {
    return new ThingmeshError('invalid-argument', `${this.#what}: found ${found}, which is not allowed in it`)
  }
}

function tooLarge(what: string, bounds: JsonBounds, found: number): ThingmeshError {
  return new ThingmeshError(
    'invalid-argument',
    `${what}: found at least ${found} bytes, the limit ${bounds.bytesLimit} is ${bounds.bytesMax}`,
    { details: { limit: bounds.bytesLimit, found, max: bounds.bytesMax } },
  )
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
