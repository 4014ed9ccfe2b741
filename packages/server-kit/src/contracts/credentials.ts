import type { Key, Thing, Token } from '@thingmesh/core'

/** What a registry secret stands for while it is valid. */
export type ProvedSecret =
  /** The thing is enabled. */
  | { readonly kind: 'key'; readonly key: Key; readonly thing: Thing; readonly domainName: string }
  | { readonly kind: 'token'; readonly token: Token; readonly domainName: string }

/** A key that a thing may be proved by without showing a secret. */
interface Provable {
  readonly key: Key
  readonly thing: Thing
  readonly domainName: string
}

export interface PublicKeyEntry extends Provable {
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array
}

/** What is kept of a secret for SCRAM-SHA-256 (RFC 5802, section 3): it proves a peer, and does not let its reader be one. */
export interface ScramVerifier extends Provable {
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** Of a thing that is not there everything but the verifiers is there all the same, and always the same. */
export interface ScramAccount {
  readonly salt: Uint8Array
  readonly iterations: number
  /** One for each valid key: a thing has two while it changes one for the other. */
  readonly verifiers: readonly ScramVerifier[]
}

/** What the authenticators ask of the registry. Every look-up is synchronous and costs the same, found or not. */
export interface CredentialDirectory {
  /** Tells by the form alone, not by the content; `undefined` where the text is not of this registry's making. */
  formOf(secret: string): 'key' | 'token' | undefined
  /** `undefined` alike for what is malformed, unknown, wrong, expired, revoked, or of a disabled thing. */
  prove(secret: string): ProvedSecret | undefined
  /**
   * The valid public keys of the thing that a peer claims to be: by its id, or by its name in the domain `default`. A
   * name says nothing about the domain, and whoever is not proved has none. Empty where there are none.
   */
  publicKeysOf(identity: string): readonly PublicKeyEntry[]
  /** The same for SCRAM-SHA-256. */
  scramOf(identity: string): ScramAccount
  /**
   * Whether this key or token is valid now. For who has proved a credential, has waited for something since, and wants
   * to know that no revocation came in between.
   */
  isValid(credentialId: string): boolean
  /** Enabled or not, in whatever domain. */
  thingById(id: string): Thing | undefined
  /** The one with exactly this name in the domain `default`, enabled or not. */
  thingByName(name: string): Thing | undefined
}
