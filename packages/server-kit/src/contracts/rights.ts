import type { Action, Principal } from '@thingmesh/core'

/** A principal's grants, compiled: every look-up is synchronous. */
export interface Rights {
  /** Whether the action is allowed on exactly this topic. */
  may(action: Action, topic: string): boolean
  /** Whether the action is allowed on at least one topic that the filter matches. */
  mayOnSome(action: Action, filter: string): boolean
}

/** What happened to rights. `principal` absent: everybody of the domain may be concerned. */
export type RightsChange =
  /** Grants or channels changed: compile again. `widens`: nobody has less than before. */
  | {
      readonly kind: 'changed'
      readonly domain: string
      readonly principal?: string | undefined
      readonly widens?: true | undefined
    }
  /** The key or token is no longer valid: sessions that it opened must end. */
  | { readonly kind: 'credential-revoked'; readonly credentialId: string }
  /** The thing or user is gone or disabled: its sessions must end, durable ones included. */
  | {
      readonly kind: 'principal-revoked'
      readonly domain: string
      readonly principal: string
      readonly deleted: boolean
    }

export interface Authorizer {
  compile(principal: Principal): Rights
  /** The listener is called after the change is durable and before the call that made it settles. */
  onChange(listener: (change: RightsChange) => void): () => void
}
