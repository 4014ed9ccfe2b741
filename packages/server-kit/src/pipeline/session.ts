import {
  type Draft,
  isShare,
  type Message,
  type Principal,
  parseFilter,
  parseShare,
  ThingmeshError,
  toThingmeshError,
} from '@thingmesh/core'
import type {
  Control,
  Credential,
  Cursor,
  FollowRequest,
  Outlet,
  ReadPage,
  ReadRequest,
  Receipt,
  Rights,
  Session,
  SubscribeRequest,
  SubscribeResult,
  SubscriptionRecord,
  UsableChannel,
  Will,
} from '../contracts/index.ts'
import { AcceptedMessage, type Origin } from './accepted.ts'
import type { Revocation } from './counters.ts'
import type { PayloadCheck } from './definitions.ts'
import { checkCarried } from './draft.ts'
import type { Feed } from './feed.ts'
import { sharedFilter } from './groups.ts'
import type { Reader } from './history.ts'
import type { Stay } from './presences.ts'
import type { Proof } from './proofs.ts'
import { isWantedAtLeastOnce } from './router.ts'
import { SparseMap } from './sparse.ts'
import { isSystemFilter } from './system-topics.ts'
import { isKept, type TopicEntry } from './topics.ts'
import type { Walk } from './walk.ts'

const admittedMax = 1024
/** What a channel can be used for by who is in a session. */
const channelActions = ['publish', 'subscribe', 'read'] as const

/** What a session is made of, once its peer is known. */
export interface SessionParts {
  readonly principal: Principal
  readonly feed: Feed
  readonly resumed: boolean
  readonly origin: Origin
  /** Whether the peer keeps a connection, or comes for each exchange. */
  readonly isConnection: boolean
  readonly outlet: Outlet | undefined
  readonly will: Will | undefined
  /** Who the credential proves. Rejects as `Ingress.open` does. */
  readonly prove: (credential: Credential) => Promise<Proof>
  readonly onClosed: (session: HubSession) => void
}

/** One connection or exchange, from `open` to `close`. What outlives it is its feed's. */
export class HubSession implements Session, Stay {
  readonly resumed: boolean
  readonly isConnection: boolean
  readonly openedAtMs = Date.now()
  readonly feed: Feed
  readonly #walk: Walk
  readonly #prove: SessionParts['prove']
  readonly #origin: Origin
  readonly #outlet: Outlet | undefined
  readonly #onClosed: (session: HubSession) => void
  #activeAtMs = this.openedAtMs
  #principal: Principal
  #will: Will | undefined
  #rights: Rights
  #rightsGeneration: number
  /** Topics that were weighed and found allowed, as of the registry's generation. */
  readonly #admitted = new SparseMap<string, TopicEntry>()
  /** Topics whose last value the principal may have, as of the registry's generation: none that has no value. */
  readonly #readable = new SparseMap<string, number>()
  #revoked: ThingmeshError | undefined
  #closed = false
  /** What is still being looked for, or followed, when the session closes is for nobody. */
  #closing: AbortController | undefined

  constructor(walk: Walk, parts: SessionParts) {
    this.#walk = walk
    this.#principal = parts.principal
    this.#prove = parts.prove
    this.resumed = parts.resumed
    this.isConnection = parts.isConnection
    this.feed = parts.feed
    this.#origin = parts.origin
    this.#outlet = parts.outlet
    this.#will = parts.will
    this.#onClosed = parts.onClosed
    this.#rights = walk.authorizer.compile(parts.principal)
    this.#rightsGeneration = walk.topics.generation
  }

  get principal(): Principal {
    return this.#principal
  }

  get protocol(): string {
    return this.#origin.protocol
  }

  get clientId(): string {
    return this.#origin.clientId
  }

  get activeAtMs(): number {
    return this.#activeAtMs
  }

  get revoked(): ThingmeshError | undefined {
    return this.#revoked
  }

  get expiresInSeconds(): number {
    return this.feed.expiresInSeconds
  }

  /** As the registry has them at this moment. */
  readonly rights = (): Rights => {
    const { generation } = this.#walk.topics
    if (generation !== this.#rightsGeneration) {
      this.#rights = this.#walk.authorizer.compile(this.principal)
      this.#rightsGeneration = generation
    }
    return this.#rights
  }

  publish(draft: Draft, transfer?: number): Receipt | undefined {
    this.#checkOpen()
    if (transfer === undefined) return this.#publish(draft)
    const { transfers } = this.feed
    const known = transfers.get(transfer)
    if (known !== undefined) return known
    const { transfersMax } = this.#walk.limits
    if (transfers.size >= transfersMax) {
      this.#walk.counters.refused.transfers.value += 1
      throw new ThingmeshError(
        'rate-limited',
        `${transfers.size} transfers are not released, the limit is ${transfersMax}`,
      )
    }
    const receipt = this.#publish(draft, transfer)
    if (receipt !== undefined) this.#noteTransfer(transfer, receipt)
    return receipt
  }

  async release(transfer: number): Promise<boolean> {
    this.#checkOpen()
    return this.#walk.feeds.release(this.feed, transfer)
  }

  async received(tag: number): Promise<boolean> {
    this.#checkOpen()
    return this.feed.received(tag)
  }

  async subscribe(requests: readonly SubscribeRequest[]): Promise<readonly SubscribeResult[]> {
    this.#checkOpen()
    this.#activeAtMs = Date.now()
    const { router, feeds, replay, sequencer } = this.#walk
    const routed = { committed: router.head, atMostOnce: sequencer.last }
    const replayed: string[] = []
    const results = requests.map((request): SubscribeResult => {
      const refused = this.#checkSubscription(request)
      if (refused !== undefined) return { ok: false, error: refused }
      if (isShare(request.filter)) return this.#share(request)
      const known = this.feed.subscriptions.get(request.filter)
      this.feed.subscribe(toSubscription(request, known?.since ?? router.head))
      if (known === undefined) router.add(request.filter, this.feed)
      else router.invalidate()
      const when = request.replay ?? 'always'
      if (when === 'always' || (when === 'if-new' && known === undefined)) replayed.push(request.filter)
      return { ok: true, delivery: request.delivery, isNew: known === undefined }
    })
    await feeds.save(this.feed)
    // After the answer: a peer learns that it is subscribed before it is sent anything for it.
    if (replayed.length > 0) setImmediate(() => replay.start(this.feed, replayed, routed))
    return results
  }

  checkSubscribe(filter: string): void {
    this.#checkOpen()
    const refused = this.#checkSubscription({ filter })
    if (refused !== undefined) throw refused
  }

  async unsubscribe(filters: readonly string[]): Promise<readonly boolean[]> {
    this.#checkOpen()
    const { router, feeds } = this.#walk
    const left: Promise<void>[] = []
    const results = filters.map(filter => {
      if (this.feed.shares.has(filter)) {
        left.push(feeds.groups.leave(this.feed, filter))
        return true
      }
      const known = this.feed.unsubscribe(filter)
      if (known) router.remove(filter, this.feed)
      return known
    })
    await Promise.all([feeds.save(this.feed), ...left])
    return results
  }

  acknowledge(tag: number): boolean {
    return !this.#closed && this.feed.acknowledge(tag)
  }

  resume(): void {
    if (!this.#closed) this.feed.resume()
  }

  checkPublish(topic: string): void {
    this.#checkOpen()
    this.#admit(topic)
  }

  async read(request: ReadRequest): Promise<ReadPage> {
    this.#checkOpen()
    return this.#walk.history.read(this.#reader(), request)
  }

  follow(request: FollowRequest): AsyncIterable<ReadPage> {
    this.#checkOpen()
    return this.#walk.history.follow(this.#reader(), request)
  }

  cursorOf(message: Message): Cursor {
    return this.#walk.cursors.toCursor(message.sequence)
  }

  async latest(filter: string): Promise<readonly Message[]> {
    this.#checkOpen()
    return this.#walk.history.latest(this.#reader(), filter)
  }

  latestAtHand(topic: string): Message | undefined {
    this.#checkOpen()
    const { history, topics } = this.#walk
    const message = history.latestAtHand(this.#principal.domain, topic)
    if (message === undefined) return undefined
    if (this.#readable.get(topic) !== topics.generation) {
      if (!history.mayHaveLatest(this.#reader(), topic)) return undefined
      if (this.#readable.size >= admittedMax) this.#readable.clear()
      this.#readable.set(topic, topics.generation)
    }
    this.#activeAtMs = Date.now()
    return message
  }

  /** What waits is weighed again when it comes: by then the rights may be others, and the session over. */
  #reader(): Reader {
    this.#activeAtMs = Date.now()
    return { domain: this.principal.domain, rights: this.rights, signal: this.#ended() }
  }

  #ended(): AbortSignal {
    this.#closing ??= new AbortController()
    return this.#closing.signal
  }

  channels(): readonly UsableChannel[] {
    this.#checkOpen()
    const rights = this.rights()
    const usable: UsableChannel[] = []
    for (const { domain, name, enabled } of this.#walk.channels.list()) {
      if (domain !== this.principal.domain || !enabled) continue
      const allowed = channelActions.filter(action => rights.mayOnSome(action, `${name}/#`))
      if (allowed.length > 0) usable.push({ name, actions: allowed })
    }
    return usable
  }

  control(): Control {
    this.#checkOpen()
    this.#activeAtMs = Date.now()
    return this.#walk.controlOf(this.principal, this.#ended())
  }

  async renew(credential: Credential): Promise<void> {
    this.#checkOpen()
    const proof = await this.#prove(credential)
    this.#checkOpen()
    const principal = proof.take()
    const { id, domain, grants } = this.#principal
    if (principal.id !== id || principal.domain !== domain) {
      throw new ThingmeshError('permission-denied', 'the proof is of another principal than the session is of')
    }
    this.#principal = principal
    // Weighed by them is much, and kept: it is as if the registry had changed. Most proofs change nothing.
    if (JSON.stringify(principal.grants) === JSON.stringify(grants)) return
    this.#walk.topics.invalidate()
    this.#walk.router.invalidate()
    // After the answer: the peer learns first that its proof was taken.
    setImmediate(() => this.review())
  }

  /** The session was there before. What rights its peer would come back with nobody knew while it was away. */
  takeUp(): void {
    this.#revoked = this.#revoke('returning')?.reason
  }

  /** Ends the subscriptions that nothing is left of the right to, and tells the peer. */
  review(): void {
    if (this.#closed) return
    const ended = this.#revoke('connected')
    if (ended !== undefined) this.#outlet?.revoke(ended.filters, ended.reason)
  }

  async close(how: 'farewell' | 'farewell-with-will' | 'lost', expiresInSeconds?: number): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#closing?.abort()
    const will = how === 'farewell' ? undefined : this.#will
    this.#will = undefined
    this.#onClosed(this)
    const { sessionExpirySecondsMax } = this.#walk.limits
    if (expiresInSeconds !== undefined) this.feed.expiresInSeconds = Math.min(expiresInSeconds, sessionExpirySecondsMax)
    if (will !== undefined) this.#settleWill(will)
    this.feed.detach()
    const { feeds } = this.#walk
    if (this.feed.isDurable) {
      await feeds.save(this.feed)
    } else await feeds.discard(this.feed)
  }

  /** The hub ends it: the peer is told, and the session is closed as lost. */
  end(reason: ThingmeshError): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#outlet?.close(reason)
    // Who may not be here any more has no last word.
    if (reason.code === 'unauthenticated') this.#will = undefined
    return this.close('lost')
  }

  #revoke(at: Revocation): { readonly filters: readonly string[]; readonly reason: ThingmeshError } | undefined {
    const { feed } = this
    const { counters, router, feeds, onFault } = this.#walk
    const own = [...feed.subscriptions.keys()].filter(filter => !this.#maySubscribe(filter))
    const shared = [...feed.shares.keys()].filter(filter => !this.#maySubscribe(sharedFilter(filter)))
    const filters = [...own, ...shared]
    if (filters.length === 0) return undefined
    counters.revoked[at].value += filters.length
    for (const filter of own) {
      feed.revoke(filter)
      router.remove(filter, feed)
    }
    const left = shared.map(filter => feeds.groups.leave(feed, filter))
    // One whose record still has them is looked at again when its peer is back.
    Promise.all([feeds.save(feed), ...left]).catch(error => onFault(error, 'sessions'))
    return { filters, reason: noRightAnyMore(filters) }
  }

  /** Some of what it asks for, at least: a wildcard stands for what of it one may have. */
  #maySubscribe(filter: string): boolean {
    return this.rights().mayOnSome('subscribe', filter)
  }

  /** What the store refused was not transferred: the peer may try again under the same tag. */
  #noteTransfer(transfer: number, receipt: Receipt): void {
    const { transfers } = this.feed
    transfers.set(transfer, receipt)
    receipt.committed.catch(() => {
      if (transfers.get(transfer) === receipt) transfers.delete(transfer)
    })
  }

  #publish(draft: Draft, transfer?: number): Receipt | undefined {
    const { counters, router, committer, sequencer, limits, retained, repeats } = this.#walk
    const entry = this.#admit(draft.topic)
    if (draft.contentType !== '' || draft.properties !== undefined) checkCarried(draft)
    const { byteLength } = draft.payload
    if (byteLength > limits.payloadBytesMax) {
      counters.refused['payload-size'].value += 1
      throw new ThingmeshError('too-large', `a payload of ${byteLength} bytes, the limit is ${limits.payloadBytesMax}`)
    }
    const isAcknowledged = draft.delivery !== 'at-most-once'
    const key = isAcknowledged ? draft.key : undefined
    if (key !== undefined) {
      const known = repeats.find(entry.domain, this.#principal.id, key)
      if (known !== undefined) return known
    }
    // Behind the keys: what was stored once is not refused when it is said again, whatever is defined by then.
    if (entry.definition !== undefined) this.#checkPayload(entry.definition, draft)
    if (isAcknowledged) committer.admit()
    if (draft.retain) retained.admit(entry.domain, draft)

    const nowMs = Date.now()
    this.#activeAtMs = nowMs
    const message = new AcceptedMessage(entry, this.#origin, draft, sequencer.next(), nowMs)
    counters.in[draft.delivery].value += 1
    const claim = draft.retain ? retained.claim(entry.domain, draft, message.sequence) : undefined

    if (!isAcknowledged) {
      router.route(message)
      const recorded = entry.record === 'all'
      if (!recorded && claim === undefined) return undefined
      const written = committer.record(message, recorded)
      if (written === undefined) claim?.takeBack()
      else if (claim !== undefined) written.catch(() => claim.takeBack())
      return undefined
    }
    const recorded = entry.record !== 'none' || isWantedAtLeastOnce(router.targets(entry), message)
    const begun = transfer !== undefined && this.feed.isDurable
    const transfers = begun ? { session: this.feed.identity.id, tag: transfer } : undefined
    const note = key === undefined ? undefined : repeats.note(entry.domain, message.publisher, key, message.sequence)
    const receipt = committer.commit(message, recorded, transfers, note)
    if (note !== undefined) repeats.hold(note, receipt)
    if (claim !== undefined) receipt.committed.catch(() => claim.takeBack())
    return receipt
  }

  #checkPayload(definition: PayloadCheck, draft: Draft): void {
    // That is no value: it clears the last one.
    if (draft.retain && draft.payload.byteLength === 0) return
    try {
      definition.check(draft)
    } catch (error) {
      const { refused } = this.#walk.counters
      refused[toThingmeshError(error).code === 'internal' ? 'definition-fault' : 'definition'].value += 1
      throw error
    }
  }

  #admit(topic: string): TopicEntry {
    const { topics } = this.#walk
    const known = this.#admitted.get(topic)
    if (known !== undefined && known.generation === topics.generation) return known
    const entry = this.#weigh(topic)
    if (!isKept(topic)) return entry
    if (this.#admitted.size >= admittedMax) this.#admitted.clear()
    this.#admitted.set(topic, entry)
    return entry
  }

  #weigh(topic: string): TopicEntry {
    const { topics, counters } = this.#walk
    let entry: TopicEntry
    try {
      entry = topics.find(this.principal.domain, topic)
    } catch (error) {
      counters.refused.topic.value += 1
      throw error
    }
    // Rights first: whoever may not publish there does not learn whether the channel exists.
    if (!this.rights().may('publish', topic)) {
      counters.refused.permission.value += 1
      throw new ThingmeshError('permission-denied', 'no right to publish to this topic')
    }
    if (entry.record === undefined) {
      counters.refused['no-channel'].value += 1
      throw entry.disabled
        ? new ThingmeshError('permission-denied', 'the channel is disabled')
        : new ThingmeshError('not-found', 'there is no such channel')
    }
    return entry
  }

  /** No last values come with it (MQTT 5, section 3.8.4). */
  #share(request: SubscribeRequest): SubscribeResult {
    const { router, feeds, limits, counters } = this.#walk
    const known = this.feed.shares.get(request.filter)?.subscription
    try {
      feeds.groups.join(this.feed, toSubscription(request, known?.since ?? router.head), limits.sharedMembersMax)
      return { ok: true, delivery: request.delivery, isNew: known === undefined }
    } catch (error) {
      counters.refused['shared-members'].value += 1
      return { ok: false, error: toThingmeshError(error) }
    }
  }

  #checkSubscription(request: Pick<SubscribeRequest, 'filter'>): ThingmeshError | undefined {
    const { limits, counters } = this.#walk
    let { filter } = request
    try {
      // Who shares a subscription needs the rights that it takes to have it alone.
      if (isShare(filter)) filter = parseShare(filter, limits).filter
      else parseFilter(filter, { ...limits, allowDollar: isSystemFilter(filter) })
    } catch (error) {
      counters.refused.topic.value += 1
      return toThingmeshError(error)
    }
    if (!this.#maySubscribe(filter)) {
      counters.refused.permission.value += 1
      return new ThingmeshError('permission-denied', 'no right to subscribe to any topic that matches')
    }
    const { subscriptions, shares } = this.feed
    const size = subscriptions.size + shares.size
    const isNew = !subscriptions.has(request.filter) && !shares.has(request.filter)
    if (size >= limits.subscriptionsPerSessionMax && isNew) {
      counters.refused.subscriptions.value += 1
      return new ThingmeshError(
        'rate-limited',
        `the session has ${size} subscriptions, the limit is ${limits.subscriptionsPerSessionMax}`,
      )
    }
    return undefined
  }

  #settleWill(will: Will): void {
    const delaySeconds = Math.min(will.delaySeconds ?? 0, this.feed.expiresInSeconds)
    if (delaySeconds > 0) this.feed.postponedWill.set(() => this.#publishWill(will), delaySeconds)
    else this.#publishWill(will)
  }

  #publishWill({ draft }: Will): void {
    try {
      // A will is said again whenever it comes to that.
      this.#publish(draft.key === undefined ? draft : { ...draft, key: undefined })
    } catch {
      this.#walk.counters.dropped['will-refused'].value += 1
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new ThingmeshError('canceled', 'the session is closed')
  }
}

function toSubscription(request: SubscribeRequest, since: number): SubscriptionRecord {
  return {
    filter: request.filter,
    delivery: request.delivery,
    noLocal: request.noLocal ?? false,
    retainAsPublished: request.retainAsPublished ?? false,
    subscriptionId: request.subscriptionId,
    dialect: request.dialect,
    since,
  }
}

const namedMax = 8

function noRightAnyMore(filters: readonly string[]): ThingmeshError {
  const named = filters.slice(0, namedMax).join(', ')
  const rest = filters.length > namedMax ? ` and ${filters.length - namedMax} more` : ''
  return new ThingmeshError('permission-denied', `no right any more to subscribe to ${named}${rest}`)
}
