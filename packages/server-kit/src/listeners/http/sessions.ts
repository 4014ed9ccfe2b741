import { hash } from 'node:crypto'
import type { ThingmeshError } from '@thingmesh/core'
import type { Outlet, Peer, Session } from '../../contracts/index.ts'
import { parseAuthorization } from './authorization.ts'
import type { HandlerContext } from './handler-context.ts'

export interface SessionsOptions {
  readonly sessionsMax: number
  readonly sessionIdleMs: number
}

/** The use of a session by one request. */
export interface Lease {
  readonly session: Session
  /** Once, when the request is answered. */
  release(): void
}

/**
 * Sessions of peers that came lately, so that a peer that posts ten times a second is not proved ten times a second.
 * They share nothing between two credentials or two addresses. One that the hub ends (a revoked key, a stop) is
 * forgotten at once, so the promise that revocation cuts within a second holds as for a connection.
 */
export interface Sessions {
  readonly size: number
  /** Throws what `Ingress.open` throws, and `unauthenticated` for a header that is absent, without a certificate, or malformed. */
  lease(authorization: string | null, peer: Peer): Promise<Lease>
  /** Says farewell to all that are not in use, and to those in use as soon as they are not. */
  close(): Promise<void>
}

interface Entry extends Lease {
  readonly key: string
  uses: number
  lastUsedMs: number
  /** No longer to be found: closed when the last use ends. */
  evicted: boolean
  endedByHub: boolean
}

export function openSessions(context: HandlerContext, options: SessionsOptions): Sessions {
  /** The one used longest ago comes first. */
  const entries = new Map<string, Entry>()
  /** What is being opened, so that a burst of requests opens one session. */
  const opening = new Map<string, Promise<Entry>>()
  const closing = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function lease(authorization: string | null, peer: Peer): Promise<Lease> {
    // Not the header itself: a secret stays in memory no longer than the request. The separator is in neither part.
    const key = hash('sha256', `${authorization}\n${peer.address}\n${peer.certificate?.fingerprint}`, 'base64')
    const found = entries.get(key)
    if (found !== undefined) return use(found)
    const pending = opening.get(key)
    if (pending !== undefined) return use(await pending)
    const opened = open(key, authorization, peer).finally(() => opening.delete(key))
    opening.set(key, opened)
    return opened
  }

  function use(entry: Entry): Lease {
    entry.uses++
    if (!entry.evicted) {
      entries.delete(entry.key)
      entries.set(entry.key, entry)
    }
    return entry
  }

  /** The entry is in use already, by who asked: between here and there nobody can evict it. */
  async function open(key: string, authorization: string | null, peer: Peer): Promise<Entry> {
    const credential = parseAuthorization(authorization, peer.certificate)
    let entry: Entry | undefined
    let endedByHub: ThingmeshError | undefined
    const outlet: Outlet = {
      // Never called: a session of this listener subscribes to nothing.
      deliver: () => false,
      release: () => undefined,
      revoke: () => undefined,
      close(reason) {
        endedByHub = reason
        if (entry === undefined) return
        entry.endedByHub = true
        evict(entry)
      },
    }
    const session = await context.ingress.open({ protocol: 'http', credential, peer, outlet })
    if (endedByHub !== undefined) throw endedByHub
    entry = toEntry(key, session)
    if (!closed && makeRoom()) {
      entries.set(key, entry)
      timer ??= setTimeout(sweep, options.sessionIdleMs / 2).unref()
    } else entry.evicted = true
    return entry
  }

  function toEntry(key: string, session: Session): Entry {
    const entry: Entry = {
      key,
      session,
      uses: 1,
      lastUsedMs: 0,
      evicted: false,
      endedByHub: false,
      release() {
        entry.uses--
        entry.lastUsedMs = performance.now()
        if (entry.evicted && entry.uses === 0) farewell(entry)
      },
    }
    return entry
  }

  function makeRoom(): boolean {
    if (entries.size < options.sessionsMax) return true
    for (const entry of entries.values()) {
      if (entry.uses > 0) continue
      evict(entry)
      return true
    }
    return false
  }

  function evict(entry: Entry): void {
    if (entry.evicted) return
    entry.evicted = true
    entries.delete(entry.key)
    if (entry.uses === 0) farewell(entry)
  }

  function farewell(entry: Entry): void {
    if (entry.endedByHub) return
    const done = entry.session
      .close('farewell')
      .catch(error => context.onFault(error, { part: 'http' }))
      .finally(() => closing.delete(done))
    closing.add(done)
  }

  function sweep(): void {
    const now = performance.now()
    for (const entry of entries.values()) {
      if (entry.uses === 0 && now - entry.lastUsedMs >= options.sessionIdleMs) evict(entry)
    }
    timer = entries.size === 0 ? undefined : setTimeout(sweep, options.sessionIdleMs / 2).unref()
  }

  return {
    get size() {
      return entries.size
    },
    lease,
    async close() {
      closed = true
      clearTimeout(timer)
      timer = undefined
      for (const entry of entries.values()) evict(entry)
      await Promise.all(closing)
    },
  }
}
