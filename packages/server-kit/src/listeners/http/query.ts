import { type JsonValue, ThingmeshError } from '@thingmesh/core'

const metadataKey = /^metadata\[([^[\]]{1,256})\]$/

/**
 * The query as an object: each name once, `metadata[key]=value` gathered under `metadata`. Without a prototype, so
 * that `__proto__` is a name like any other. Throws `invalid-argument`.
 */
export function parseQuery(url: string): Record<string, unknown> {
  const query: Record<string, unknown> = Object.create(null)
  const start = url.indexOf('?')
  if (start === -1) return query
  const fragment = url.indexOf('#', start)
  const metadata: Record<string, unknown> = Object.create(null)
  let asksMetadata = false
  for (const [name, value] of new URLSearchParams(url.slice(start + 1, fragment === -1 ? undefined : fragment))) {
    const member = metadataKey.exec(name)?.[1]
    const target = member === undefined ? query : metadata
    const key = member ?? name
    if (Object.hasOwn(target, key)) throw new ThingmeshError('invalid-argument', 'query has the same name twice')
    target[key] = member === undefined ? value : toScalar(value)
    asksMetadata ||= member !== undefined
  }
  if (!asksMetadata) return query
  if (Object.hasOwn(query, 'metadata')) throw new ThingmeshError('invalid-argument', 'query has the same name twice')
  query.metadata = metadata
  return query
}

/** `3`, `true`, `null` and `"3"` as in JSON; everything else is text as it stands. */
function toScalar(value: string): JsonValue {
  try {
    const parsed: JsonValue = JSON.parse(value)
    const isText = typeof parsed === 'number' ? !Number.isFinite(parsed) : typeof parsed === 'object' && parsed !== null
    return isText ? value : parsed
  } catch {
    return value
  }
}
