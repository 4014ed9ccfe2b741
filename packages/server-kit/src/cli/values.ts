import type { JsonObject } from '@thingmesh/core'
import { toPrintable } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** The flags of one call, as `parseArgs` gives them. */
export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

export function flagOf(values: Values, name: string): boolean {
  return values[name] === true
}

export function textOf(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** Of a flag that may be given several times. */
export function textsOf(values: Values, name: string): readonly string[] | undefined {
  const value = values[name]
  return Array.isArray(value) ? value.map(String) : undefined
}

/** Throws `UsageError` for what is not a whole number within the bounds. */
export function integerOf(values: Values, name: string, min: number, max: number): number | undefined {
  const text = textOf(values, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}`)
  }
  return value
}

export function choiceOf<Choice extends string>(
  values: Values,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = textOf(values, name)
  if (text === undefined) return undefined
  const choice = choices.find(candidate => candidate === text)
  if (choice === undefined)
    throw new UsageError(`--${name} must be one of ${choices.join(', ')}: found ${toPrintable(text)}`)
  return choice
}

/** Words separated by commas, each of them one of the choices. */
export function choicesOf<Choice extends string>(
  values: Values,
  name: string,
  choices: readonly Choice[],
): readonly Choice[] | undefined {
  const text = textOf(values, name)
  return text?.split(',').map(word => choiceOf({ [name]: word.trim() }, name, choices)!)
}

/** Milliseconds since 1970 of a time as RFC 3339 writes it, or of a date. */
export function timeOf(values: Values, name: string): number | undefined {
  const text = textOf(values, name)
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new UsageError(`--${name} must be a time such as 2026-11-23T10:00:00Z`)
  return time
}

export function jsonObjectOf(values: Values, name: string): JsonObject | undefined {
  const text = textOf(values, name)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`--${name} must be a JSON object`)
  }
  return value as JsonObject
}

type Given<Members> = { [Name in keyof Members]?: Exclude<Members[Name], undefined> }

/** The members that are given, so that an absent flag is an absent member. */
export function given<Members extends object>(members: Members): Given<Members> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<Members>
}
