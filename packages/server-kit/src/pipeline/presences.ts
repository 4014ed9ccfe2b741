import {
  type Presence,
  type PresenceConnection,
  type Principal,
  type PrincipalId,
  type PrincipalKind,
  ThingmeshError,
} from '@thingmesh/core'
import type { Counter, Page, PresenceDirectory, PresenceQuery } from '../contracts/index.ts'
import { PresenceFollower } from './presence-follower.ts'

/** What is to be known of a session for as long as it lasts. */
export interface Stay {
  readonly principal: Principal
  readonly protocol: string
  readonly clientId: string
  /** It keeps a connection; otherwise it stands for exchanges, and shows only when they were. */
  readonly isConnection: boolean
  readonly openedAtMs: number
  /** What its peer did last. */
  readonly activeAtMs: number
}

interface Entry {
  readonly id: PrincipalId
  readonly kind: PrincipalKind
  readonly domain: string
  /** Counts up: where a page goes on. */
  readonly number: number
  /** The oldest first. */
  readonly stays: Set<Stay>
  /** Of what is over. */
  seenAtMs: number
  protocol: string
}

const pageItems = 100
const pageItemsMax = 1_000
/** A hub that lets one principal have thousands does not tell of each. */
const connectionsShownMax = 100

/**
 * Who is there, by principal. Told of sessions when they open and close and never in between: what a session did last it
 * knows itself, and is asked. Whoever has no session is remembered within a bound, the one seen longest ago forgotten first.
 */
export class Presences {
  readonly #max: number
  readonly #forgotten: Counter
  readonly #domains = new Map<string, Map<PrincipalId, Entry>>()
  /** Those without a session, the one that left longest ago first. */
  readonly #away = new Set<Entry>()
  readonly #followers = new Map<PresenceFollower, string>()
  #numbers = 0

  constructor(max: number, forgotten: Counter) {
    this.#max = max
    this.#forgotten = forgotten
  }

  /** Principals that are away and remembered. */
  get awayCount(): number {
    return this.#away.size
  }

  came(stay: Stay): void {
    const { id, kind, domain } = stay.principal
    const entries = this.#domains.get(domain) ?? new Map<PrincipalId, Entry>()
    this.#domains.set(domain, entries)
    let entry = entries.get(id)
    if (entry === undefined) {
      const { openedAtMs: seenAtMs, protocol } = stay
      entry = { id, kind, domain, number: ++this.#numbers, stays: new Set(), seenAtMs, protocol }
      entries.set(id, entry)
    }
    entry.stays.add(stay)
    this.#away.delete(entry)
    this.#changed(domain, id)
  }

  left(stay: Stay): void {
    const { id, domain } = stay.principal
    const entry = this.#domains.get(domain)?.get(id)
    if (entry?.stays.delete(stay) !== true) return
    // A connection shows that its peer is there until it ends; a session for exchanges outlives the last of them.
    const seenAtMs = stay.isConnection ? Date.now() : stay.activeAtMs
    if (seenAtMs >= entry.seenAtMs) {
      entry.seenAtMs = seenAtMs
      entry.protocol = stay.protocol
    }
    if (entry.stays.size === 0) {
      this.#away.add(entry)
      this.#makeRoom()
    }
    this.#changed(domain, id)
  }

  /** The principal is no more. Its sessions have ended before. */
  forget(domain: string, id: PrincipalId): void {
    const entry = this.#domains.get(domain)?.get(id)
    if (entry !== undefined && entry.stays.size === 0) this.#remove(entry)
  }

  /** Ends whoever follows. */
  stop(): void {
    for (const follower of this.#followers.keys()) follower.end()
  }

  /** For one domain. `ended` bounds what is followed; `thingId` looks a thing up by id or name, and throws where there is none. */
  directory(
    domain: string,
    { ended, thingId }: { readonly ended?: AbortSignal | undefined; thingId(thing: string): Promise<string> },
  ): PresenceDirectory {
    return {
      list: async query => this.#list(domain, query),
      get: async thing => {
        const id = `thing:${await thingId(thing)}`
        return this.find(domain, id) ?? { principal: id, kind: 'thing', connections: [] }
      },
      follow: ({ signal }) => this.#follow(domain, ended === undefined ? [signal] : [signal, ended]),
    }
  }

  find(domain: string, id: PrincipalId): Presence | undefined {
    const entry = this.#domains.get(domain)?.get(id)
    return entry && toPresence(entry)
  }

  /** Of a domain, in the order in which they came first; goes on over what changes meanwhile. */
  *known(domain: string): Generator<Presence, void, undefined> {
    for (const entry of this.#domains.get(domain)?.values() ?? []) yield toPresence(entry)
  }

  #list(domain: string, { cursor, limit = pageItems, connected }: PresenceQuery = {}): Page<Presence> {
    const after = cursor === undefined ? 0 : parseCursor(cursor)
    if (!Number.isInteger(limit) || limit < 1 || limit > pageItemsMax) {
      throw new ThingmeshError('invalid-argument', `limit: found ${limit}, allowed is 1 to ${pageItemsMax}`)
    }
    const items: Presence[] = []
    let last = after
    for (const entry of this.#domains.get(domain)?.values() ?? []) {
      if (entry.number <= after) continue
      if (connected !== undefined && isConnected(entry) !== connected) continue
      if (items.length === limit) return { items, next: String(last) }
      items.push(toPresence(entry))
      last = entry.number
    }
    return { items }
  }

  async *#follow(domain: string, signals: readonly AbortSignal[]) {
    const follower = new PresenceFollower(this, domain)
    const end = () => follower.end()
    for (const signal of signals) signal.addEventListener('abort', end)
    if (signals.some(signal => signal.aborted)) end()
    this.#followers.set(follower, domain)
    try {
      yield* follower.updates()
    } finally {
      this.#followers.delete(follower)
      for (const signal of signals) signal.removeEventListener('abort', end)
    }
  }

  #makeRoom(): void {
    if (this.#away.size <= this.#max) return
    const [oldest] = this.#away
    if (oldest === undefined) return
    this.#forgotten.value += 1
    this.#remove(oldest)
  }

  #remove(entry: Entry): void {
    const { domain, id } = entry
    this.#away.delete(entry)
    const entries = this.#domains.get(domain)
    entries?.delete(id)
    if (entries?.size === 0) this.#domains.delete(domain)
    this.#changed(domain, id)
  }

  #changed(domain: string, id: PrincipalId): void {
    if (this.#followers.size === 0) return
    for (const [follower, of] of this.#followers) if (of === domain) follower.note(id)
  }
}

function isConnected({ stays }: Entry): boolean {
  for (const { isConnection } of stays) if (isConnection) return true
  return false
}

function toPresence({ id, kind, stays, seenAtMs, protocol }: Entry): Presence {
  let last = { activeAtMs: seenAtMs, protocol }
  const connections: PresenceConnection[] = []
  for (const stay of stays) {
    if (stay.activeAtMs >= last.activeAtMs) last = stay
    if (!stay.isConnection || connections.length === connectionsShownMax) continue
    connections.push({ protocol: stay.protocol, clientId: stay.clientId, connectedAtMs: stay.openedAtMs })
  }
  return {
    principal: id,
    kind,
    connections,
    lastSeenAtMs: last.activeAtMs,
    lastProtocol: last.protocol,
  }
}

function parseCursor(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) {
    throw new ThingmeshError('invalid-argument', 'cursor: found one that no page gave out')
  }
  return Number(cursor)
}
