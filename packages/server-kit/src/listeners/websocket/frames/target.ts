import { type Delivery, type Principal, ThingmeshError } from '@thingmesh/core'
import type { Cursor, Dialect } from '../../../contracts/index.ts'

/** What the address of a WebSocket says. */
export interface Target {
  readonly channel: string
  /** Absent where the path ends with `messages`. */
  readonly subtopic: string | undefined
  readonly token: string | undefined
  /** Where to go on in the log, exclusive; `now` for its end. */
  readonly after: Cursor | 'now' | undefined
  readonly delivery: Delivery
}

/** Where a path leads, which in a dialect it takes to know who asks. */
type Place = Pick<Target, 'channel' | 'subtopic'>
export interface Asked extends Omit<Target, keyof Place> {
  /** An `Authorization` without a scheme is a key here. */
  readonly takesBareKey: boolean
  /** Throws what the dialect does. */
  placeOf(principal: Principal): Place
}

/** Nobody: enough to see whether a dialect claims a path at all, before it is known who asks. */
const nobody: Principal = { id: '', kind: 'thing', domain: '' }

const parameters: ReadonlySet<string> = new Set(['token', 'after', 'qos'])

/** `/{channel}/messages`, and a subtopic, below a base; as it came, without the query. */
export function isMessagesPath(base: string, path: string): boolean {
  if (!path.startsWith(`${base}/`)) return false
  const [channel, messages] = path.slice(base.length + 1).split('/', 2)
  return channel !== '' && messages === 'messages'
}

/** Whether a path is one of another way to write topics. */
export function isDialectPath(dialects: readonly Dialect[], path: string): boolean {
  try {
    return readInDialects(dialects, path, nobody) !== undefined
  } catch {
    // Claimed, and to be refused when it is known whom.
    return true
  }
}

/**
 * Throws `invalid-argument`, and `unsupported` for what is no channel. The path is one that `isMessagesPath` knows, or
 * `isDialectPath`.
 */
export function parseTarget(base: string, dialects: readonly Dialect[], target: string): Asked {
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  const own = isMessagesPath(base, path) ? placeIn(base, path) : undefined
  const query = new URLSearchParams(question === -1 ? '' : target.slice(question))
  for (const name of query.keys()) {
    if (!parameters.has(name)) throw invalid(`the query has something else than ${[...parameters].join(', ')}`)
    if (query.getAll(name).length > 1) throw invalid(`the query has ${name} more than once`)
  }
  const qos = query.get('qos') ?? '1'
  if (qos !== '0' && qos !== '1') throw invalid('qos in the query is something else than 0 or 1')
  return {
    placeOf(principal) {
      const place = own ?? readInDialects(dialects, path, principal)
      if (place === undefined) throw new ThingmeshError('not-found', 'no WebSocket at this path')
      return place
    },
    takesBareKey: isDialectPath(
      dialects.filter(({ key }) => key?.isBareHeader),
      path,
    ),
    token: query.get('token') ?? undefined,
    after: query.get('after') ?? undefined,
    delivery: qos === '0' ? 'at-most-once' : 'at-least-once',
  }
}

function placeIn(base: string, path: string): Place {
  const [channel, , ...subtopic] = path
    .slice(base.length + 1)
    .split('/')
    .map(decodeLevel)
  // A filter that begins with it would be a subscription of another kind, to whatever channel comes behind.
  if (channel === '$share')
    throw new ThingmeshError('unsupported', 'shared subscriptions are not for a WebSocket of one channel')
  return { channel: channel!, subtopic: subtopic.length === 0 ? undefined : subtopic.join('/') }
}

function readInDialects(dialects: readonly Dialect[], path: string, principal: Principal): Place | undefined {
  if (dialects.length === 0) return undefined
  const text = path.slice(1).split('/').map(decodeLevel).join('/')
  for (const dialect of dialects) {
    const filter = dialect.readFilter(text, principal)?.filter
    if (filter === undefined) continue
    const slash = filter.indexOf('/')
    if (slash === -1) return { channel: filter, subtopic: undefined }
    return { channel: filter.slice(0, slash), subtopic: filter.slice(slash + 1) }
  }
  return undefined
}

/** An encoded slash is refused: decoded it would be one level more. */
function decodeLevel(level: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(level)
  } catch {
    throw invalid('the path has a malformed percent encoding')
  }
  if (decoded.includes('/')) throw invalid('the path has an encoded slash within a level')
  return decoded
}

function invalid(message: string): ThingmeshError {
  return new ThingmeshError('invalid-argument', message)
}
