import { type DomainId, type NewToken, ThingmeshError, type Token, type TokenScope } from '@thingmesh/core'
import type { TokenCollection } from '../contracts/index.ts'
import { userPrincipal } from './authorizer.ts'
import type { Change } from './change.ts'
import type { ControlContext, DomainAccess } from './context.ts'
import { isExpired } from './credentials.ts'
import { parseLabel, parseName } from './described.ts'
import { parseLifetime } from './keys.ts'
import { checkCount, checkLimit, type RegistryLimits } from './limits.ts'
import { parsePageQuery, toPage } from './page.ts'
import type { TokenRow } from './rows.ts'
import { newId } from './secrets.ts'

/** Adds a token to the change, and with an admin's the note that its domain has had one. */
export function makeToken(
  context: ControlContext,
  change: Change,
  domain: DomainId,
  draft: { readonly name: string; readonly scope: TokenScope; readonly lifetimeSeconds?: number | undefined },
): NewToken {
  const id = newId()
  const nowMs = context.nowMs()
  const { secret, hash } = context.keeper().make('token', id)
  const item: Token = Object.freeze({
    id,
    domain,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    name: draft.name,
    scope: draft.scope,
    ...(draft.lifetimeSeconds !== undefined && { expiresAtMs: nowMs + draft.lifetimeSeconds * 1000 }),
  })
  change.put({ kind: 'token', id, item, hash })
  const owner = context.state().domains.get(domain)
  if (draft.scope === 'admin' && owner?.claimed === false) change.put({ ...owner, claimed: true })
  return Object.freeze({ ...item, secret })
}

export function tokenCollection(access: DomainAccess): TokenCollection {
  const { limits } = access

  const find = (id: string): TokenRow => {
    const row = access.tables().tokens.get(id)
    if (row === undefined) throw new ThingmeshError('not-found', 'no token has this id')
    return row
  }

  return {
    async create(draft) {
      access.checkAdmin()
      const name = parseLabel(limits, 'tokenNameBytesMax', 'name of the token', draft.name)
      const scope = parseScope(limits, draft.scope)
      const lifetimeSeconds = parseLifetime(access, draft.expiresInSeconds)
      return access.change((change, tables, nowMs) => {
        // Expired ones go: they are of no use, and would pile up.
        const expired = [...tables.tokens.values()].filter(row => isExpired(row, nowMs))
        for (const row of expired) endToken(change, row)
        checkCount(limits, 'tokensMax', 'tokens', tables.tokens.size - expired.length + 1)
        return makeToken(access.context, change, access.domain, { name, scope, lifetimeSeconds })
      })
    },

    async list(query = {}) {
      const { after, limit } = parsePageQuery(limits, query)
      return toPage(access.tables().tokens.from(after ?? '', true), row => `${row.item.name}\0${row.id}`, limit)
    },

    async get(id) {
      return find(id).item
    },

    async revoke(id) {
      access.checkAdmin()
      return access.change(change => endToken(change, find(id)))
    },
  }
}

/** The user is its token: when that ends, so do its sessions and what they left. */
function endToken(change: Change, row: TokenRow): void {
  change.delete(row)
  change.announce({ kind: 'credential-revoked', credentialId: row.id })
  const { domain } = row.item
  change.announce({ kind: 'principal-revoked', domain, principal: userPrincipal(row.id), deleted: true })
}

function parseScope(limits: RegistryLimits, scope: TokenScope): TokenScope {
  if (scope === 'admin' || scope === 'read') return scope
  const channels: unknown = typeof scope === 'object' && scope !== null ? scope.channels : undefined
  if (!Array.isArray(channels) || channels.length === 0) {
    throw new ThingmeshError('invalid-argument', 'scope of the token: it is admin, read, or a list of channels')
  }
  checkLimit(limits, 'scopeChannelsMax', 'channels of the scope', channels.length)
  const names = channels.map(name => parseName('channel', name))
  if (new Set(names).size !== names.length) {
    throw new ThingmeshError('invalid-argument', 'scope of the token: found a channel twice')
  }
  return Object.freeze({ channels: Object.freeze(names) })
}
