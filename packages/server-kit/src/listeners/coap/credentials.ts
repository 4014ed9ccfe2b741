import { type Principal, ThingmeshError } from '@thingmesh/core'
import type { Credential, Dialect } from '../../contracts/index.ts'

/** The query of a request: names are there once at most. */
export type Query = ReadonlyMap<string, string>

/** `name=value`, or a name alone. Throws `invalid-argument`, without a word of what was found: a key may be mistyped for a name. */
export function parseQuery(parts: readonly string[]): Query {
  const query = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = equals === -1 ? part : part.slice(0, equals)
    if (query.has(name)) throw new ThingmeshError('invalid-argument', 'query has a parameter twice')
    query.set(name, equals === -1 ? '' : part.slice(equals + 1))
  }
  return query
}

/** Nobody: enough to see whether a dialect claims a path at all, before it is known who asks. */
const nobody: Principal = { id: '', kind: 'thing', domain: '' }

/** The same, with the key that stands where a dialect that claims the path has it as our `auth`. Throws `invalid-argument` for two of them. */
export function inOwnWords(query: Query, path: readonly string[], dialects: readonly Dialect[]): Query {
  for (const dialect of dialects) {
    const secret = dialect.key && query.get(dialect.key.parameter)
    if (secret === undefined || !isOf(dialect, path)) continue
    if (query.has('auth')) throw new ThingmeshError('invalid-argument', 'query has two keys')
    return new Map(
      [...query].map(([name, value]) => (name === dialect.key?.parameter ? ['auth', secret] : [name, value])),
    )
  }
  return query
}

function isOf(dialect: Dialect, path: readonly string[]): boolean {
  if (path.some(level => level.includes('/'))) return false
  try {
    return dialect.readFilter(path.join('/'), nobody) !== undefined
  } catch {
    // Claimed, and to be refused when it is known whom.
    return true
  }
}

/** What names a draft, so that one that comes again is stored once. As over HTTP and MQTT. */
export const keyParameter = 'idempotency-key'

const own: ReadonlySet<string> = new Set(['auth', 'u', 'p'])

/** What is left of a query without the credential. */
export function withoutCredential(query: Query): Query {
  return new Map([...query].filter(([name]) => !own.has(name)))
}

/** `auth=<key>`, alone or with `u=<thing>`; or `u=<thing>` and `p=<key>`. Throws `invalid-argument` for any other mixture. */
export function toCredential(query: Query): Credential {
  const [key, name, password] = [query.get('auth'), query.get('u'), query.get('p')]
  if (key === undefined && name === undefined && password === undefined) return { kind: 'anonymous' }
  const secret = key ?? password
  if (secret === undefined || secret === '' || (key !== undefined && password !== undefined)) {
    throw new ThingmeshError('invalid-argument', 'query wants auth, or u and p, each with a value')
  }
  if (key === undefined && name === undefined) throw new ThingmeshError('invalid-argument', 'query has p and no u')
  return { kind: 'key', identity: name === '' ? undefined : name, secret }
}
