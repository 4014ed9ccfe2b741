import { ThingmeshError } from '../errors/index.ts'
import type { Domain, Key, NewKey, NewToken, Principal } from '../model/index.ts'
import { type Exchange, type ExchangeRequest, openExchange } from './exchange.ts'
import { type HttpClientOptions, toExchangeOptions } from './options.ts'
import { openPresence } from './presence.ts'
import type {
  Admin,
  CallOptions,
  ChannelClient,
  DomainClient,
  GrantClient,
  GrantFilter,
  KeyClient,
  NamedQuery,
  ResourceClient,
  ThingClient,
  TokenClient,
} from './resources.ts'
import { listAll, readItems, readResource } from './wire-resources.ts'

/**
 * A hub's registry over HTTP, for an operator's token. Errors are those of `HttpClient`. Throws `TypeError` for a url
 * or options that cannot be meant.
 */
export function createAdmin(url: string, options: Omit<HttpClientOptions, 'key'>): Admin {
  const exchange = openExchange(toExchangeOptions(url, options))
  // The casts say what the hub answers with.
  return {
    things: openResource(exchange, 'things') as ThingClient,
    channels: openResource(exchange, 'channels') as ChannelClient,
    grants: openResource(exchange, 'grants') as GrantClient,
    keys: openKeys(exchange),
    tokens: openTokens(exchange),
    domains: openDomains(exchange),
    presence: openPresence(exchange, named),
    me: async options => {
      const me = await exchange.send({ method: 'GET', path: ['api', 'v1', 'me'], signal: options?.signal })
      return readResource(me) as Principal
    },
    close: exchange.close,
  }
}

type Kind = 'things' | 'channels' | 'grants' | 'tokens' | 'domains'
type ListQuery = NamedQuery & GrantFilter

function openResource(exchange: Exchange, kind: Kind): ResourceClient<unknown, unknown, unknown, ListQuery> {
  const path = ['api', 'v1', kind]
  return {
    create: async (draft, options) => readResource(await exchange.send(withBody('POST', path, draft, options))),
    createMany: async (drafts, options) =>
      readItems(await exchange.send(withBody('POST', [...path, 'bulk'], { items: drafts }, options))).items,
    list: (query, options) => listAll(exchange, path, toListQuery(query), options),
    get: async (idOrName, options) =>
      readResource(await exchange.send({ method: 'GET', path: [...path, named(idOrName)], signal: options?.signal })),
    update: async (idOrName, update, options) =>
      readResource(await exchange.send(withBody('PATCH', [...path, named(idOrName)], update, options))),
    remove: async (idOrName, options) => {
      await exchange.send({ method: 'DELETE', path: [...path, named(idOrName)], signal: options?.signal })
    },
  }
}

function openKeys(exchange: Exchange): KeyClient {
  const path = (thing: string): readonly string[] => ['api', 'v1', 'things', named(thing), 'keys']
  return {
    list: async (thing, options) =>
      readItems(await exchange.send({ method: 'GET', path: path(thing), signal: options?.signal })).items as Key[],
    create: async (thing, { signal, ...draft } = {}) =>
      readResource(await exchange.send(withBody('POST', path(thing), draft, { signal }))) as NewKey,
    register: async (thing, { signal, ...draft }) =>
      readResource(await exchange.send(withBody('POST', path(thing), draft, { signal }))) as Key,
    rotate: async (thing, { signal, ...draft } = {}) =>
      readResource(await exchange.send(withBody('POST', [...path(thing), 'rotate'], draft, { signal }))) as NewKey,
    revoke: async (thing, key, options) => {
      await exchange.send({ method: 'DELETE', path: [...path(thing), named(key)], signal: options?.signal })
    },
  }
}

function openTokens(exchange: Exchange): TokenClient {
  const { create, list, get, remove } = openResource(exchange, 'tokens')
  return { create, list, get, revoke: remove } as TokenClient
}

function openDomains(exchange: Exchange): DomainClient {
  const { create, list } = openResource(exchange, 'domains')
  return {
    create: async (draft, options) => {
      const { token, ...domain } = (await create(draft, options)) as Domain & { readonly token: unknown }
      return { ...domain, token: readResource(token) as NewToken }
    },
    list: list as DomainClient['list'],
  }
}

function toListQuery({ pageSize, metadata, ...rest }: ListQuery = {}): ExchangeRequest['query'] {
  return { ...rest, ...toMetadataQuery(metadata), limit: pageSize }
}

/** Texts in quotes: without them `3` and `true` would be taken for what they look like. */
function toMetadataQuery(metadata: ListQuery['metadata'] = {}): ExchangeRequest['query'] {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`metadata[${key}]`, JSON.stringify(value)]))
}

function withBody(
  method: 'POST' | 'PATCH',
  path: readonly string[],
  body: unknown,
  options: CallOptions | undefined,
): ExchangeRequest {
  const headers = { 'content-type': 'application/json' }
  return { method, path, headers, body: JSON.stringify(body), signal: options?.signal }
}

/** An empty name would address the collection itself: `remove('')` must not become a request for all of it. */
function named(idOrName: string): string {
  if (idOrName === '') throw new ThingmeshError('invalid-argument', 'the id or name is empty', { outcome: 'not-sent' })
  return idOrName
}
