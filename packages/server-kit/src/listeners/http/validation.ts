import { ThingmeshError } from '@thingmesh/core'
import * as v from 'valibot'
import type { Schema } from './route.ts'

/** Throws `invalid-argument`: the path of the first fault, what was found there and what is allowed. */
export function validate<Output>(
  schema: Schema<Output>,
  value: unknown,
  part: 'query' | 'body' | `line ${number}`,
): Output {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const { issue, path } = deepest(result.issues[0], part)
  // Where a member is missing and another is one too many, a name is misspelt: that one is worth more to be told.
  const misspelt = unknownMember(schema as SchemaPart, result.issues[0])
  if (misspelt !== undefined) {
    const beside = path.slice(0, path.lastIndexOf('.'))
    throw refusal(`${beside}.${shorten(misspelt)}`, 'an unknown member', 'none of that name')
  }
  throw refusal(path, describe(issue), allow(issue))
}

function refusal(path: string, found: string, allowed: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', `${path}: found ${found}, allowed is ${allowed}`, {
    details: { path, found, allowed },
  })
}

type Issue = v.BaseIssue<unknown>

/** Of a union, the alternative that got farthest, so that the fault within it is named and not the whole. */
function deepest(issue: Issue, prefix: string): { issue: Issue; path: string } {
  const path = pathOf(issue, prefix)
  const within = issue.issues?.find(candidate => candidate.path !== undefined)
  return within === undefined ? { issue, path } : deepest(within, path)
}

function pathOf(issue: Issue, prefix: string): string {
  let path = prefix
  for (const item of issue.path ?? []) {
    path += typeof item.key === 'number' ? `[${item.key}]` : `.${shorten(String(item.key))}`
  }
  return path
}

/** The first one beside what is missing, `undefined` where nothing is missing or nothing too many. Looks at that object alone. */
function unknownMember(schema: SchemaPart, { type, input, path }: Issue): string | undefined {
  const missing = path?.at(-1)
  if (type !== 'strict_object' || input !== undefined || missing === undefined) return undefined
  let at: SchemaPart | undefined = schema
  for (const { key } of path!.slice(0, -1)) at = partOf(at, key)
  const entries = unwrapped(at)?.entries
  return entries && Object.keys(missing.input as object).find(name => !Object.hasOwn(entries, name))
}

/** What schemas are made of, as far as it is looked at here. */
interface SchemaPart {
  readonly entries?: Readonly<Record<string, SchemaPart>>
  readonly item?: SchemaPart
  readonly wrapped?: SchemaPart
}

function partOf(schema: SchemaPart | undefined, key: unknown): SchemaPart | undefined {
  const { entries, item } = unwrapped(schema) ?? {}
  return entries?.[String(key)] ?? item
}

function unwrapped(schema: SchemaPart | undefined): SchemaPart | undefined {
  return schema?.wrapped === undefined ? schema : unwrapped(schema.wrapped)
}

/** Kinds and lengths; of texts only those that should have been one of a few words. */
function describe(issue: Issue): string {
  const { input } = issue
  if (issue.expected === 'never') return 'an unknown member'
  if (input === undefined) return 'nothing'
  if (input === null) return 'null'
  if (Array.isArray(input)) return `an array of ${input.length}`
  if (typeof input === 'string') {
    return issue.type === 'picklist' || issue.type === 'union' ? `"${shorten(input)}"` : `a string of ${input.length}`
  }
  return typeof input === 'object' ? 'an object' : String(input)
}

function allow(issue: Issue): string {
  if (issue.expected === 'never') return 'none of that name'
  if (issue.type === 'strict_object' && issue.expected !== 'Object') return 'a value'
  // The schemas' own messages say what is allowed; where one has none, the library's expectation does.
  const own = issue.message.startsWith('Invalid ') ? undefined : issue.message
  return own ?? issue.expected ?? 'another value'
}

/** Printable and short: it goes into logs. */
function shorten(text: string): string {
  const cut = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return JSON.stringify(cut).slice(1, -1)
}
