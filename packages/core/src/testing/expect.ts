import type { ErrorCode, Outcome } from '../errors/index.ts'
import { isThingmeshError, type ThingmeshError } from '../errors/index.ts'

/** Compares by value; a case must not depend on any test runner. */
export function same(found: unknown, wanted: unknown): void {
  const [a, b] = [toText(found), toText(wanted)]
  if (a !== b) throw new Error(`found ${a}, wanted ${b}`)
}

export function check(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise)
}

/** What a promise was rejected with, which has to be one of these codes, and this outcome where it is told. */
export async function refusal(
  promise: Promise<unknown>,
  codes: readonly ErrorCode[],
  outcome?: Outcome,
): Promise<ThingmeshError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error === undefined) throw new Error(`nothing was thrown, wanted ${codes.join(' or ')}`)
  if (!isThingmeshError(error)) throw error
  check(codes.includes(error.code), `found ${error.code} (${error.message}), wanted ${codes.join(' or ')}`)
  if (outcome !== undefined) same(error.outcome, outcome)
  return error
}

function toText(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) => {
    if (item instanceof Uint8Array) return `bytes ${item.join()}`
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
