import type { Principal } from '@thingmesh/core'
import type { Authenticate, Credential, CredentialDirectory } from '../contracts/index.ts'
import { thingPrincipal, userPrincipal } from './principals.ts'
import { refusal } from './refusal.ts'

/**
 * Proves the keys of things. Where the peer says which thing it is, by name or id, the key must be that thing's;
 * where it says nothing, the key alone tells. Answers `undefined` for what is not in the form of a key of this hub.
 */
export function keyAuthenticator(credentials: CredentialDirectory): Authenticate {
  return async credential => prove(credentials, credential, 'key')
}

/** Proves the tokens that the hub's own registry has given out. Answers `undefined` for tokens of another form. */
export function operatorTokenAuthenticator(credentials: CredentialDirectory): Authenticate {
  return async credential => prove(credentials, credential, 'token')
}

/**
 * A secret says by its form what it is, whatever field it came in: protocols that have one place for a password take
 * keys and tokens there alike, and a token then goes with any user name.
 */
function prove(credentials: CredentialDirectory, credential: Credential, form: 'key' | 'token'): Principal | undefined {
  if (credential.kind !== 'key' && credential.kind !== 'token') return undefined
  const secret = credential.kind === 'key' ? credential.secret : credential.token
  if (credentials.formOf(secret) !== form) return undefined
  const proved = credentials.prove(secret)
  if (proved === undefined) throw refusal()
  if (proved.kind === 'token') return userPrincipal(proved.token, proved.domainName)
  const { thing, key } = proved
  const identity = credential.kind === 'key' ? credential.identity : undefined
  if (identity !== undefined && identity !== thing.name && identity !== thing.id) throw refusal()
  return thingPrincipal(thing, key, proved.domainName)
}
