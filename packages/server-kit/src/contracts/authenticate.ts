import type { Principal } from '@thingmesh/core'

/** What a peer shows to prove who it is. */
export type Credential =
  /** A thing's key. `identity` is the name or id that it claims (the MQTT user name); where it claims one, it must fit. */
  | { readonly kind: 'key'; readonly identity?: string | undefined; readonly secret: string }
  /** An operator's token, or a token of somebody else's identity provider. */
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'anonymous' }

/** Where a peer is. */
export interface Peer {
  /** Address without the port: what failures are counted by. */
  readonly address: string
  readonly port?: number | undefined
  /** Which door it is at, as messages will carry it. The hub sets it, from `Hello.protocol`. */
  readonly protocol?: string | undefined
}

/**
 * Proves a credential, or answers `undefined` where the credential is not of a kind it knows, so that the next one is
 * asked. Throws `unauthenticated` for one that it knows and refuses: nobody else is asked then.
 */
export type Authenticate = (credential: Credential, peer: Peer) => Promise<Principal | undefined>
