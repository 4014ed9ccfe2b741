import type { Key, Thing, Token } from '@thingmesh/core'

/** What a registry secret stands for while it is valid. */
export type ProvedSecret =
  /** The thing is enabled. */
  | { readonly kind: 'key'; readonly key: Key; readonly thing: Thing; readonly domainName: string }
  | { readonly kind: 'token'; readonly token: Token; readonly domainName: string }

/** What the authenticators ask of the registry. Every look-up is synchronous and costs the same, found or not. */
export interface CredentialDirectory {
  /** Tells by the form alone, not by the content; `undefined` where the text is not of this registry's making. */
  formOf(secret: string): 'key' | 'token' | undefined
  /** `undefined` alike for what is malformed, unknown, wrong, expired, revoked, or of a disabled thing. */
  prove(secret: string): ProvedSecret | undefined
  /**
   * Whether this key or token is valid now. For who has proved a credential, has waited for something since, and wants
   * to know that no revocation came in between.
   */
  isValid(credentialId: string): boolean
}
