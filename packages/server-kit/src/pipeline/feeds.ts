import { randomUUID } from 'node:crypto'
import { isShare } from '@thingmesh/core'
import type { SessionRecord, Store, SubscriptionRecord, Transfer } from '../contracts/index.ts'
import { Feed, type FeedContext, type FeedIdentity } from './feed.ts'
import { Groups } from './groups.ts'
import type { Router } from './router.ts'
import { WriteBatcher } from './write-batcher.ts'

const advanceMs = 200
const sweepMs = 5_000

/**
 * The sessions that outlive their connections: finds them by principal and client id, keeps their records in the store,
 * ends them when their time is over. A session's name holds its principal's, so nobody can name another's session.
 */
export class Feeds {
  readonly groups: Groups
  readonly #records: Store['sessions']
  readonly #router: Router
  readonly #context: FeedContext
  readonly #onFault: (error: unknown) => void
  readonly #feeds = new Map<string, Feed>()
  readonly #releases: WriteBatcher<Transfer>
  readonly #receptions: WriteBatcher<{ readonly id: string; readonly sequence: number }>
  readonly #saves: WriteBatcher<Feed>
  readonly #progressed = new Set<Feed>()
  #advanceTimer: NodeJS.Timeout | undefined
  #sweepTimer: NodeJS.Timeout | undefined

  constructor(
    { sessions: records, groups }: Pick<Store, 'sessions' | 'groups'>,
    router: Router,
    context: Omit<FeedContext, 'onProgress' | 'noteReceived' | 'onFault'>,
    onFault: (error: unknown) => void,
  ) {
    this.#records = records
    this.#router = router
    this.#releases = new WriteBatcher(transfers => records.release(transfers))
    this.#receptions = new WriteBatcher(receptions => records.receive(receptions))
    // However often a session is saved while a save is under way, there is one more, with its latest state.
    this.#saves = new WriteBatcher(feeds => {
      const wanted = [...new Set(feeds)].filter(feed => feed.isRecorded)
      return wanted.length > 0 ? records.save(wanted.map(toRecord)) : Promise.resolve()
    })
    this.#context = {
      ...context,
      onProgress: feed => this.#progress(feed),
      onFault,
      noteReceived: (feed, sequence) => this.#receptions.add({ id: feed.identity.id, sequence }),
    }
    this.#onFault = onFault
    this.groups = new Groups(groups, router, { ...context, onFault })
  }

  get size(): number {
    return this.#feeds.size
  }

  async start(): Promise<void> {
    const shares: { readonly feed: Feed; readonly subscription: SubscriptionRecord }[] = []
    const byId = new Map<string, Feed>()
    const cutOff: Feed[] = []
    for (const record of await this.#records.load()) {
      const { id, domain, principal, clientId } = record
      const feed = new Feed({ id, domain, principal, clientId }, this.#context)
      feed.restore(record)
      if (record.disconnectedAtMs === undefined) cutOff.push(feed)
      this.#feeds.set(keyOf(record), feed)
      for (const filter of feed.subscriptions.keys()) this.#router.add(filter, feed)
      for (const subscription of record.subscriptions) {
        if (isShare(subscription.filter)) shares.push({ feed, subscription })
      }
      byId.set(id, feed)
    }
    await this.groups.start(shares, id => byId.get(id))
    // Since when they are away, and how far they had come at most: were the hub killed again, that would be later and further.
    if (cutOff.length > 0) await this.#records.save(cutOff.map(toRecord))
    this.#sweepTimer = setInterval(() => this.#sweep(), sweepMs).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweepTimer)
    // Whether their peers would have been back in time nobody will know.
    for (const feed of this.#feeds.values()) feed.postponedWill.publish()
    clearTimeout(this.#advanceTimer)
    this.#advanceTimer = undefined
    await this.#advance()
    // A listener that stops does not wait until it is noted that its connections are gone.
    await Promise.all([this.#saves.settled(), this.#releases.settled(), this.#receptions.settled()])
    await this.groups.stop()
    // A hub that starts again reads them anew.
    for (const feed of this.#feeds.values()) {
      for (const filter of feed.subscriptions.keys()) this.#router.remove(filter, feed)
    }
    this.#feeds.clear()
  }

  find(identity: Omit<FeedIdentity, 'id'>): Feed | undefined {
    const feed = this.#feeds.get(keyOf({ ...identity, id: '' }))
    if (!feed?.hasEnded) return feed
    this.discard(feed).catch(this.#onFault)
    return undefined
  }

  create(identity: Omit<FeedIdentity, 'id'>): Feed {
    // Of its own for every new session: what was under way for the one before it, in batches not yet written, is not noted for this one.
    const feed = new Feed({ ...identity, id: randomUUID() }, this.#context)
    this.#feeds.set(keyOf(feed.identity), feed)
    return feed
  }

  ofPrincipal(domain: string, principal: string): readonly Feed[] {
    return [...this.#feeds.values()].filter(
      ({ identity }) => identity.domain === domain && identity.principal === principal,
    )
  }

  /** The lowest sequence that some session still has to be given, `undefined` where there is none. */
  lowestCursor(): number | undefined {
    let lowest = this.groups.lowestCursor()
    for (const feed of this.#feeds.values()) {
      if ((feed.isDurable || feed.isConnected) && (lowest === undefined || feed.cursor < lowest)) lowest = feed.cursor
    }
    return lowest
  }

  /** Settles when a durable session's subscriptions, cursor and term are on disk. */
  async save(feed: Feed): Promise<void> {
    if (feed.isDurable) {
      feed.isRecorded = true
      await Promise.all([this.#saves.add(feed), this.groups.save(feed)])
    } else {
      const wasRecorded = feed.isRecorded
      feed.isRecorded = false
      await Promise.all([wasRecorded && this.#records.remove([feed.identity.id]), this.groups.save(feed)])
    }
  }

  /** Ends a transfer. Settles when that is durable; false where there is no such transfer. */
  async release(feed: Feed, tag: number): Promise<boolean> {
    const receipt = feed.transfers.get(tag)
    if (receipt === undefined) return false
    if (feed.isDurable) await this.#releases.add({ session: feed.identity.id, tag })
    // Not before: where the store refused it, or the peer says it once more on another connection, there is still something to end.
    if (feed.transfers.get(tag) === receipt) feed.transfers.delete(tag)
    return true
  }

  /** Ends a session for good. */
  async discard(feed: Feed): Promise<void> {
    const { id } = feed.identity
    const key = keyOf(feed.identity)
    if (this.#feeds.get(key) === feed) this.#feeds.delete(key)
    for (const filter of feed.subscriptions.keys()) this.#router.remove(filter, feed)
    this.#progressed.delete(feed)
    feed.dispose()
    const left = Promise.all(Array.from(feed.shares.keys(), filter => this.groups.leave(feed, filter)))
    if (feed.isRecorded) {
      feed.isRecorded = false
      await this.#records.remove([id])
    }
    await left
  }

  #progress(feed: Feed): void {
    this.#progressed.add(feed)
    this.#advanceTimer ??= setTimeout(() => {
      this.#advanceTimer = undefined
      this.#advance().catch(this.#onFault)
    }, advanceMs).unref()
  }

  async #advance(): Promise<void> {
    const cursors = Array.from(this.#progressed, feed => ({ id: feed.identity.id, cursor: feed.cursor }))
    this.#progressed.clear()
    if (cursors.length > 0) await this.#records.advance(cursors)
  }

  #sweep(): void {
    for (const feed of this.#feeds.values()) {
      if (feed.hasEnded) this.discard(feed).catch(this.#onFault)
    }
  }
}

/** A session without a name is found by nobody. */
function keyOf({ domain, principal, clientId, id }: FeedIdentity): string {
  // As JSON, because a principal of a foreign identity provider may hold any character.
  return JSON.stringify(clientId === '' ? [id] : [domain, principal, clientId])
}

function toRecord(feed: Feed): SessionRecord {
  return {
    ...feed.identity,
    expiresInSeconds: feed.expiresInSeconds,
    disconnectedAtMs: feed.disconnectedAtMs,
    cursor: feed.cursor,
    sentTo: feed.sentTo,
    unacknowledged: feed.isConnected ? undefined : feed.unacknowledged,
    subscriptions: [
      ...feed.subscriptions.values(),
      ...Array.from(feed.shares.values(), ({ subscription }) => subscription),
    ],
  }
}
