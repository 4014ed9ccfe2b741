import type { Key, Principal, PrincipalGrant, Thing, Token, TokenScope } from '@thingmesh/core'
import type { PeerCertificate } from '../contracts/index.ts'

/** Its rights are the registry's grants; it brings none. */
export function thingPrincipal(thing: Thing, key: Key, domainName: string): Principal {
  return {
    id: `thing:${thing.id}`,
    kind: 'thing',
    domain: thing.domain,
    domainName,
    credentialId: key.id,
    ...(key.expiresAtMs !== undefined && { expiresAtMs: key.expiresAtMs }),
  }
}

/** No key proved it, so it stands and falls with its thing, and ends with the certificate. */
export function certifiedPrincipal(thing: Thing, { expiresAtMs }: PeerCertificate): Principal {
  return { id: `thing:${thing.id}`, kind: 'thing', domain: thing.domain, expiresAtMs }
}

/** The user of a token is nobody but the token: the token's scope says it all. */
export function userPrincipal(token: Token, domainName: string): Principal {
  return {
    id: `user:${token.id}`,
    kind: 'user',
    domain: token.domain,
    domainName,
    grants: toGrants(token.scope),
    ...(typeof token.scope === 'string' && { control: token.scope }),
    credentialId: token.id,
    ...(token.expiresAtMs !== undefined && { expiresAtMs: token.expiresAtMs }),
  }
}

function toGrants(scope: TokenScope): readonly PrincipalGrant[] {
  if (scope === 'admin') return [{ actions: ['publish', 'subscribe', 'read', 'command'], filter: '#' }]
  if (scope === 'read') return [{ actions: ['subscribe', 'read'], filter: '#' }]
  return scope.channels.map(channel => ({ actions: ['publish', 'subscribe', 'read'], filter: `${channel}/#` }))
}
