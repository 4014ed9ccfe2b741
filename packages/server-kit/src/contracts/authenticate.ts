import type { Principal } from '@thingmesh/core'

/** What a peer shows to prove who it is. */
export type Credential =
  /** A thing's key. `identity` is the name or id that it claims (the MQTT user name); where it claims one, it must fit. */
  | { readonly kind: 'key'; readonly identity?: string | undefined; readonly secret: string }
  /** An operator's token, or a token of somebody else's identity provider. */
  | { readonly kind: 'token'; readonly token: string }
  | ChallengeCredential
  | { readonly kind: 'anonymous' }

/**
 * A peer that proves itself by challenge and response (MQTT 5, section 4.12). To its authenticator the exchange is a
 * straight line: it asks, and goes on with the answer. What it keeps between two questions dies with the connection.
 */
export interface ChallengeCredential {
  readonly kind: 'challenge'
  /** As the peer names it: `SCRAM-SHA-256`. */
  readonly method: string
  /** Whom the peer claims to be before the exchange (the MQTT user name). */
  readonly identity?: string | undefined
  /** The peer's own name for its session, `''` where it leaves that to the hub. */
  readonly clientId: string
  /** What the peer sent with the method; may be empty. */
  readonly data: Uint8Array
  /**
   * Sends a challenge and settles with the answer. Rejects when the peer leaves, is too slow, or goes beyond a limit:
   * let that through. One question at a time.
   */
  ask(challenge: Uint8Array): Promise<Uint8Array>
  /** What goes out with the hub's yes, if it says yes. */
  conclude(data: Uint8Array): void
  /**
   * Whom the peer turns out to claim to be in the exchange: failures are then counted against that too. Added by the
   * hub. Throws `rate-limited`: let that through.
   */
  readonly claim?: ((identity: string) => void) | undefined
}

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
