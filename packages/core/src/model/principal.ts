/** A tenant. It comes from the authenticated principal, never from a topic or a header. */
export type DomainId = string
/** One running hub, for as long as its data lives. */
export type HubId = string
/** `thing:<id>`, `user:<id>`, `hub:<id>`. */
export type PrincipalId = string

export type PrincipalKind = 'thing' | 'user' | 'hub'

/** What a grant lets its holder do. */
export const actions = ['publish', 'subscribe', 'read', 'command', 'relay'] as const
export type Action = (typeof actions)[number]

/** What an operator's token lets its holder do with the registry. `read` looks, `admin` changes. */
export type ControlScope = 'admin' | 'read'

/**
 * An authenticated peer. Its rights over channels are not in here: they are compiled from its grants when a session
 * opens, and compiled again whenever the registry changes.
 */
export interface Principal {
  readonly id: PrincipalId
  readonly kind: PrincipalKind
  readonly domain: DomainId
  /** What the domain is called, where that is not its id and whoever proved the principal knows. */
  readonly domainName?: string | undefined
  /** Rights over channels beyond the registry's grants, for principals that are not in the registry. */
  readonly grants?: readonly PrincipalGrant[] | undefined
  readonly control?: ControlScope | undefined
  /** The key or token that proved it: when this is revoked, the session ends. */
  readonly credentialId?: string | undefined
  /** Milliseconds since 1970 at which the proof ends, and the session with it. */
  readonly expiresAtMs?: number | undefined
}

export interface PrincipalGrant {
  readonly actions: readonly Action[]
  /** A filter over topics, `telemetry/#`; `#` is every channel of the domain. */
  readonly filter: string
}
