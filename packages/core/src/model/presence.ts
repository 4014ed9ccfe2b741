import type { PrincipalId, PrincipalKind } from './principal.ts'

/**
 * Whether a principal is connected, and when it was there last, as far back as the hub has run. Exchanges (HTTP, CoAP)
 * are no connections: they only show when it was seen.
 */
export interface Presence {
  readonly principal: PrincipalId
  readonly kind: PrincipalKind
  /** What it keeps open, the oldest first, 100 of them at most. Empty: it is not connected. */
  readonly connections: readonly PresenceConnection[]
  /** Milliseconds since 1970 of what it last did: connect, publish, subscribe, read, leave. Absent where it was not seen. */
  readonly lastSeenAtMs?: number | undefined
  /** Over which protocol that was. */
  readonly lastProtocol?: string | undefined
}

export interface PresenceConnection {
  readonly protocol: string
  /** The peer's own name for its session; `''` where it has none. */
  readonly clientId: string
  readonly connectedAtMs: number
}

/** What has changed, for a reader who keeps the whole. */
export interface PresenceUpdate {
  /** All that was known before is void: what is present comes in this update and those after it. */
  readonly reset: boolean
  /** As they are now, each in place of what was known of it. */
  readonly items: readonly Presence[]
  /** No longer known: things that were deleted, and those unseen for so long that the hub let go of them. */
  readonly gone: readonly PrincipalId[]
}
