import { type LogId, type Principal, parseTopic, ThingmeshError, toThingmeshError } from '@thingmesh/core'
import type { Authenticate, Health, Hello, Ingress, Peer, RightsChange, Session, Will } from '../contracts/index.ts'
import type { Feed } from './feed.ts'
import { concerns, Proofs, type Throttle } from './proofs.ts'
import { RightsReview } from './rights-review.ts'
import { HubSession } from './session.ts'
import type { Walk } from './walk.ts'

const expirySweepMs = 500

/** The front door, and the list of who is inside. */
export class HubIngress implements Ingress {
  readonly #walk: Walk
  readonly #proofs: Proofs
  readonly #logId: () => LogId
  readonly #review: RightsReview
  readonly #sessions = new Map<Feed, HubSession>()
  /** Those that keep a connection, by principal. */
  readonly #connections = new Map<string, number>()
  #connectionCount = 0
  #open = false
  #expiryTimer: NodeJS.Timeout | undefined

  constructor(walk: Walk, parts: { authenticate: Authenticate; throttle: Throttle; logId: () => LogId }) {
    this.#walk = walk
    this.#proofs = new Proofs(parts.authenticate, parts.throttle, walk.counters)
    this.#logId = parts.logId
    this.#review = new RightsReview(this.#sessions, walk.history)
  }

  get connectionCount(): number {
    return this.#connectionCount
  }

  start(): void {
    this.#open = true
    this.#expiryTimer = setInterval(() => this.#endExpired(), expirySweepMs).unref()
  }

  /** Nobody comes in any more, and everybody goes. */
  async stop(): Promise<void> {
    this.#open = false
    clearInterval(this.#expiryTimer)
    this.#review.stop()
    const reason = new ThingmeshError('unavailable', 'the hub is stopping')
    await Promise.all([...this.#sessions.values()].map(session => session.end(reason)))
    this.#walk.presences.stop()
  }

  health(): Health {
    return this.#walk.health()
  }

  async open(hello: Hello): Promise<Session> {
    this.#checkOpen()
    checkClientId(hello, this.#walk)
    const proof = await this.#proofs.prove(hello.credential, peerOf(hello))
    this.#checkOpen()
    const principal = proof.take()
    hello.admit?.(principal)
    const session = this.#enter(hello, principal)
    try {
      await this.#walk.feeds.save(session.feed)
    } catch (error) {
      await session.close('farewell')
      throw error
    }
    return session
  }

  /** The registry changed: rights are weighed anew, and whoever lost the ground to be here goes. */
  rightsChanged(change: RightsChange): void {
    this.#walk.topics.invalidate()
    this.#walk.router.invalidate()
    if (change.kind === 'changed') {
      if (change.widens !== true) this.#review.add(change)
      return
    }
    this.#proofs.revoked(change)
    for (const session of this.#sessions.values()) {
      if (concerns(change, session.principal))
        this.#end(session, new ThingmeshError('unauthenticated', 'the credential is no longer valid'))
    }
    if (change.kind === 'principal-revoked' && change.deleted) {
      for (const feed of this.#walk.feeds.ofPrincipal(change.domain, change.principal)) {
        feed.postponedWill.drop()
        this.#walk.feeds.discard(feed).catch(error => this.#walk.onFault(error, 'sessions'))
      }
      this.#walk.presences.forget(change.domain, change.principal)
    }
  }

  /** From here to the end nothing waits: two connections of one client id cannot interleave. */
  #enter(hello: Hello, principal: Principal): HubSession {
    const { limits, feeds, router, counters, authorizer } = this.#walk
    // Not the hello itself: the session outlives it, and a secret is in it.
    const peer = peerOf(hello)
    const isConnection = hello.clientId !== undefined
    const clientId = hello.clientId ?? ''
    const identity = { domain: principal.domain, principal: principal.id, clientId }
    // Whatever can refuse the connection comes before it changes anything.
    const will = hello.will === undefined ? undefined : this.#admitWill(hello.will, principal)
    authorizer.compile(principal)
    let feed = clientId === '' ? undefined : feeds.find(identity)
    if (feed?.isConnected) {
      this.#endFeed(feed)
      feed = feeds.find(identity)
    }
    if (isConnection) this.#checkRoom(principal)
    if (feed !== undefined && hello.cleanStart) {
      feeds.discard(feed).catch(error => this.#walk.onFault(error, 'sessions'))
      feed = undefined
    }
    const resumed = feed !== undefined
    feed ??= feeds.create(identity)
    // Nobody can come back to a session without a name.
    const wantedSeconds = clientId === '' ? 0 : (hello.expiresInSeconds ?? 0)
    feed.expiresInSeconds = Math.min(wantedSeconds, limits.sessionExpirySecondsMax)
    if (hello.will !== undefined && will === undefined) counters.refused['will-size'].value += 1
    const session = new HubSession(this.#walk, {
      principal,
      feed,
      resumed,
      isConnection,
      origin: { log: this.#logId(), publisher: principal.id, clientId, protocol: hello.protocol },
      outlet: hello.outlet,
      will,
      prove: credential => this.#proofs.prove(credential, peer),
      onClosed: closed => this.#leave(closed),
    })
    // What is being gathered may be replaced yet; it is looked at with the others.
    if (resumed && !this.#review.isDue(principal)) session.takeUp()
    this.#sessions.set(feed, session)
    this.#walk.presences.came(session)
    if (isConnection) {
      this.#connectionCount += 1
      const key = connectionKey(principal)
      this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1)
    }
    if (hello.outlet !== undefined) {
      const windowMax = Math.max(1, Math.min(hello.windowMax ?? limits.windowMax, limits.windowMax))
      feed.attach({ outlet: hello.outlet, rights: session.rights, windowMax })
      if (feed.subscriptions.size > 0 || feed.shares.size > 0) router.invalidate()
    }
    return session
  }

  #leave(session: HubSession): void {
    this.#sessions.delete(session.feed)
    this.#walk.presences.left(session)
    if (!session.isConnection) return
    this.#connectionCount -= 1
    const key = connectionKey(session.principal)
    const rest = (this.#connections.get(key) ?? 1) - 1
    if (rest === 0) this.#connections.delete(key)
    else this.#connections.set(key, rest)
  }

  #checkRoom(principal: Principal): void {
    const { limits, counters } = this.#walk
    if (this.#connectionCount >= limits.sessionsMax) {
      counters.refused.sessions.value += 1
      throw new ThingmeshError(
        'unavailable',
        `the hub has ${this.#connectionCount} sessions, the limit is ${limits.sessionsMax}`,
      )
    }
    const own = this.#connections.get(connectionKey(principal)) ?? 0
    if (own >= limits.sessionsPerPrincipalMax) {
      counters.refused['sessions-per-principal'].value += 1
      throw new ThingmeshError(
        'rate-limited',
        `the principal has ${own} sessions, the limit is ${limits.sessionsPerPrincipalMax}`,
      )
    }
  }

  /** `undefined` where it is too large. Throws `invalid-argument` for what is no topic to publish to. */
  #admitWill(asked: NonNullable<Hello['will']>, principal: Principal): Will | undefined {
    const { limits, counters } = this.#walk
    let will: Will
    try {
      will = typeof asked === 'function' ? asked(principal) : asked
      parseTopic(will.draft.topic, limits)
    } catch (error) {
      counters.refused.topic.value += 1
      const { code, message, details } = toThingmeshError(error)
      throw new ThingmeshError(code, `will: ${message}`, { details: { ...details, part: 'will' } })
    }
    return will.draft.payload.byteLength <= limits.willBytesMax ? will : undefined
  }

  #endFeed(feed: Feed): void {
    const session = this.#sessions.get(feed)
    if (session !== undefined)
      this.#end(session, new ThingmeshError('conflict', 'another connection took the session over'))
  }

  #end(session: HubSession, reason: ThingmeshError): void {
    session.end(reason).catch(error => this.#walk.onFault(error, 'sessions'))
  }

  #endExpired(): void {
    const nowMs = Date.now()
    for (const session of this.#sessions.values()) {
      const { expiresAtMs } = session.principal
      if (expiresAtMs !== undefined && nowMs >= expiresAtMs) {
        this.#end(session, new ThingmeshError('unauthenticated', 'the credential has expired'))
      }
    }
  }

  #checkOpen(): void {
    if (!this.#open) throw new ThingmeshError('unavailable', 'the hub is not open')
  }
}

function peerOf({ peer, protocol }: Hello): Peer {
  return { ...peer, protocol }
}

function connectionKey({ domain, id }: Principal): string {
  return JSON.stringify([domain, id])
}

function checkClientId({ clientId = '' }: Hello, { limits, counters }: Walk): void {
  const { clientIdBytesMax } = limits
  const bytes = Buffer.byteLength(clientId)
  if (bytes <= clientIdBytesMax) return
  counters.refused['client-id'].value += 1
  throw new ThingmeshError('invalid-argument', `a client id of ${bytes} bytes, the limit is ${clientIdBytesMax}`, {
    details: { limit: clientIdBytesMax, found: bytes },
  })
}
