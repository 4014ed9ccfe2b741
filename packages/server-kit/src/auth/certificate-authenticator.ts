import type { Thing } from '@thingmesh/core'
import type { Authenticate, CredentialDirectory, PeerCertificate } from '../contracts/index.ts'
import { certifiedPrincipal } from './principals.ts'
import { refusal } from './refusal.ts'

/** What the URI of a thing begins with; its id follows. */
const thingUri = 'urn:thingmesh:thing:'

/**
 * Proves client certificates that name one thing of this hub among their subject alternative names: by the URI
 * `urn:thingmesh:thing:<thing id>`, or, where there is no such URI, by a DNS name that is the thing's name in the domain `default`. Compared
 * byte by byte. Refuses a certificate that names none, or more than one, and one whose peer also says that it is another thing. The session ends with the certificate.
 */
export function certificateAuthenticator(credentials: CredentialDirectory): Authenticate {
  return async credential => {
    if (credential.kind !== 'certificate') return undefined
    const { certificate, identity } = credential
    const thing = thingOf(certificate, credentials)
    if (thing?.enabled !== true) throw refusal()
    if (identity !== undefined && identity !== thing.name && identity !== thing.id) throw refusal()
    return certifiedPrincipal(thing, certificate)
  }
}

function thingOf({ uris, dnsNames }: PeerCertificate, credentials: CredentialDirectory): Thing | undefined {
  const ids = uris.filter(uri => uri.startsWith(thingUri)).map(uri => uri.slice(thingUri.length))
  // Who is named by id need not be named by a host's name too.
  if (ids.length > 0) return new Set(ids).size === 1 ? credentials.thingById(ids[0]!) : undefined
  const named = new Map<string, Thing>()
  for (const name of dnsNames) {
    const thing = name.includes('*') ? undefined : credentials.thingByName(name)
    if (thing !== undefined) named.set(thing.id, thing)
  }
  return named.size === 1 ? [...named.values()][0] : undefined
}
