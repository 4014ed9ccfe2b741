import { ThingmeshError } from '../errors/index.ts'
import type { Exchange, ExchangeRequest } from './exchange.ts'
import type { CallOptions } from './resources.ts'

/**
 * A resource as the model has it: the hub writes `createdAt` as text, the model has `createdAtMs`. Everything else is
 * passed on as it comes, so that a newer hub's members are not lost. Throws `unavailable` for what no hub would say.
 */
export function readResource(answer: unknown): unknown {
  if (!isRecord(answer)) throw unexpected('body')
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => {
      if (times.has(name)) return [`${name}Ms`, readTime(name, value)]
      // A new thing brings its first key along.
      return [name, name === 'key' && isRecord(value) ? readResource(value) : value]
    }),
  )
}

export function readItems(answer: unknown): { readonly items: readonly unknown[]; readonly next: string | undefined } {
  if (!isRecord(answer) || !Array.isArray(answer.items)) throw unexpected('items')
  return { items: answer.items.map(readResource), next: typeof answer.next === 'string' ? answer.next : undefined }
}

/** Every item, page by page as the loop goes on, as the hub writes them. */
export async function* listAll(
  exchange: Exchange,
  path: readonly string[],
  query: ExchangeRequest['query'],
  options: CallOptions | undefined,
): AsyncGenerator<unknown, void, undefined> {
  let cursor: string | undefined
  do {
    const page = readItems(
      await exchange.send({ method: 'GET', path, query: { ...query, cursor }, signal: options?.signal }),
    )
    yield* page.items
    cursor = page.next
  } while (cursor !== undefined)
}

const times: ReadonlySet<string> = new Set(['createdAt', 'updatedAt', 'expiresAt'])

export function readTime(name: string, value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(time)) throw unexpected(name)
  return time
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

export function unexpected(field: string): ThingmeshError {
  return new ThingmeshError('unavailable', `the answer's ${field} is not as a hub writes it`, {
    outcome: 'unknown',
    details: { field },
  })
}
