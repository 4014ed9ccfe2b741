import { hash } from 'node:crypto'
import type { ThingmeshError } from '@thingmesh/core'
import type { Credential, Ingress, Outlet, Peer, Session } from '../../contracts/index.ts'
import type { CoapCounters } from './counters.ts'
import type { Lease } from './lease.ts'
import type { ServiceLimits } from './options.ts'
import type { Remote } from './remote.ts'

/** A class, so that all of them are of one shape: an object with a getter of its own is unlike any other. */
class Entry implements Lease {
  readonly key: string
  readonly session: Session
  uses = 1
  /** When its last use began. */
  lastUsedMs: number
  /** When it was last put behind all that were used longer ago. */
  orderedAtMs: number
  /** No longer to be found: closed when the last use ends. */
  evicted = false
  endedByHub = false
  readonly #onUnused: (entry: Entry) => void

  /** `onUnused` when the last use of one that was evicted ends. */
  constructor(key: string, session: Session, nowMs: number, onUnused: (entry: Entry) => void) {
    this.key = key
    this.session = session
    this.lastUsedMs = nowMs
    this.orderedAtMs = nowMs
    this.#onUnused = onUnused
  }

  get isCurrent(): boolean {
    return !this.evicted
  }

  release(): void {
    this.uses -= 1
    if (this.evicted && this.uses === 0) this.#onUnused(this)
  }
}

/** Of use, which need not be noted more exactly. */
const orderMs = 1_000

export interface SessionsContext {
  readonly ingress: Ingress
  readonly limits: ServiceLimits
  readonly counters: CoapCounters
  readonly onFault: (error: unknown) => void
  readonly nowMs: () => number
}

/**
 * Sessions of peers that came lately, so that a sensor that posts ten times a second is not proved ten times a second.
 * They share nothing between two credentials or two addresses. One that the hub ends is forgotten at once.
 */
export class Sessions {
  readonly #context: SessionsContext
  /** The one used longest ago comes first, to a second. */
  readonly #entries = new Map<string, Entry>()
  /** What is being opened, so that a burst of requests opens one session. */
  readonly #opening = new Map<string, Promise<Entry>>()
  readonly #closing = new Set<Promise<void>>()
  #closed = false

  constructor(context: SessionsContext) {
    this.#context = context
  }

  get size(): number {
    return this.#entries.size
  }

  /** Throws what `Ingress.open` throws. */
  async lease(credential: Credential, remote: Remote): Promise<Lease> {
    const key = toKey(credential, remote)
    const found = this.#entries.get(key)
    if (found !== undefined) return this.#use(found, remote.heardAtMs)
    const pending = this.#opening.get(key)
    if (pending !== undefined) return this.#use(await pending, remote.heardAtMs)
    const opened = this.#open(key, credential, toPeer(remote)).finally(() => this.#opening.delete(key))
    this.#opening.set(key, opened)
    return opened
  }

  /** One more use of a session that is current: by a request that is known to be of the same credential and address. */
  again(lease: Lease, remote: Remote): Lease {
    return this.#use(lease as Entry, remote.heardAtMs)
  }

  /** Lets go of those that were not used for a while. */
  tick(): void {
    const now = this.#context.nowMs()
    for (const entry of this.#entries.values()) {
      if (entry.uses > 0) continue
      if (now - entry.lastUsedMs < this.#context.limits.sessionIdleMs) return
      this.#evict(entry)
    }
  }

  /** Says farewell to all that are not in use, and to those in use as soon as they are not. */
  async close(): Promise<void> {
    this.#closed = true
    for (const entry of this.#entries.values()) this.#evict(entry)
    await Promise.all(this.#closing)
  }

  /** A remote asks when it was heard: that is now, and the clock need not be read again. */
  #use(entry: Entry, nowMs: number): Entry {
    entry.uses += 1
    entry.lastUsedMs = nowMs
    if (!entry.evicted && nowMs - entry.orderedAtMs >= orderMs) {
      entry.orderedAtMs = nowMs
      this.#entries.delete(entry.key)
      this.#entries.set(entry.key, entry)
    }
    return entry
  }

  /** The entry is in use already, by who asked: between here and there nobody can evict it. */
  async #open(key: string, credential: Credential, peer: Peer): Promise<Entry> {
    let entry: Entry | undefined
    let endedBy: ThingmeshError | undefined
    const outlet: Outlet = {
      // Never called: what observes has a session of its own.
      deliver: () => false,
      release: () => undefined,
      revoke: () => undefined,
      close: reason => {
        endedBy = reason
        if (entry === undefined) return
        entry.endedByHub = true
        this.#evict(entry)
      },
    }
    const session = await this.#context.ingress.open({ protocol: 'coap', credential, peer, outlet })
    if (endedBy !== undefined) throw endedBy
    entry = new Entry(key, session, this.#context.nowMs(), this.#farewell)
    if (!this.#closed && this.#makeRoom()) this.#entries.set(key, entry)
    else entry.evicted = true
    return entry
  }

  #makeRoom(): boolean {
    if (this.#entries.size < this.#context.limits.sessionsMax) return true
    for (const entry of this.#entries.values()) {
      if (entry.uses > 0) continue
      this.#context.counters.forgotten.sessions.value += 1
      this.#evict(entry)
      return true
    }
    return false
  }

  #evict(entry: Entry): void {
    if (entry.evicted) return
    entry.evicted = true
    this.#entries.delete(entry.key)
    if (entry.uses === 0) this.#farewell(entry)
  }

  readonly #farewell = (entry: Entry): void => {
    if (entry.endedByHub) return
    const done = entry.session
      .close('farewell')
      .catch(this.#context.onFault)
      .finally(() => this.#closing.delete(done))
    this.#closing.add(done)
  }
}

/** Whoever may write anybody's address into a datagram is counted apart from who is there. */
export function toPeer({ peer, isProved }: Remote): Peer {
  return isProved ? peer : { ...peer, unproved: true }
}

/** Not the credential itself: a secret stays in memory no longer than the request. */
function toKey(credential: Credential, { peer }: Remote): string {
  return hash('sha256', `${JSON.stringify(credential)}\n${peer.address}`, 'base64')
}
