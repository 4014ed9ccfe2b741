import type { Presence, PresenceUpdate } from '@thingmesh/core'
import type { Page, PageQuery } from './page.ts'

/** Who of one domain is connected, and who was there since the hub started: an account of sessions, kept in memory. */
export interface PresenceDirectory {
  /** In the order in which they were first seen. */
  list(query?: PresenceQuery): Promise<Page<Presence>>
  /** Of a thing, by id or name. One that was not seen has no connections and no last time. Throws `not-found`. */
  get(thing: string): Promise<Presence>
  /**
   * Everybody who is known, and then who comes and goes: a reader that is slow gets the newest of each. That a principal
   * does something is no event of its own, so `lastSeenAtMs` is as of the last coming or going. Ends with the signal, the
   * session, or the hub.
   */
  follow(options: { readonly signal: AbortSignal }): AsyncIterable<PresenceUpdate>
}

export interface PresenceQuery extends PageQuery {
  /** Only those that are connected, or only those that are not. */
  readonly connected?: boolean | undefined
}
