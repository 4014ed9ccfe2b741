import type { Principal } from '@thingmesh/core'

/** What a peer shows to prove who it is. */
export type Credential =
  /** A thing's key. `identity` is the name or id that it claims (the MQTT user name); where it claims one, it must fit. */
  | { readonly kind: 'key'; readonly identity?: string | undefined; readonly secret: string }
  /** An operator's token, or a token of somebody else's identity provider. */
  | { readonly kind: 'token'; readonly token: string }
  | ChallengeCredential
  /** A client certificate, where the peer gave no password. `identity` as with a key. */
  | { readonly kind: 'certificate'; readonly certificate: PeerCertificate; readonly identity?: string | undefined }
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

/**
 * What the hub believes of a client certificate: the chain was verified, up to an authority that the listener was given, and the peer has the
 * key. The subject's common name is not in here: it names nobody (RFC 9525, section 2).
 */
export interface PeerCertificate {
  /**
   * The subject alternative names (RFC 5280, section 4.2.1.6) that are URIs, as they stand in the certificate. No names of either kind where
   * anything about them is not as it should be.
   */
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
  /** SHA-256 of the certificate, in lower-case hexadecimal. */
  readonly fingerprint: string
}

/** Where a peer is. */
export interface Peer {
  /** Address without the port: what failures are counted by. */
  readonly address: string
  readonly port?: number | undefined
  /** Which door it is at, as messages will carry it. The hub sets it, from `Hello.protocol`. */
  readonly protocol?: string | undefined
  /** The client certificate, whatever else it shows to prove who it is. */
  readonly certificate?: PeerCertificate | undefined
  /**
   * Nothing shows yet that the peer is at that address: over UDP anybody can write from any. Its failures count apart from
   * those of who is there, so that nobody can lock out somebody else in his name.
   */
  readonly unproved?: boolean | undefined
}

/**
 * Proves a credential, or answers `undefined` where the credential is not of a kind it knows, so that the next one is
 * asked. Throws `unauthenticated` for one that it knows and refuses: nobody else is asked then.
 */
export type Authenticate = (credential: Credential, peer: Peer) => Promise<Principal | undefined>
