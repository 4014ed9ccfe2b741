import type { SessionRecord, SessionRecords } from '../contracts/index.ts'
import { Feed, type FeedContext, type FeedIdentity } from './feed.ts'
import type { Router } from './router.ts'

const advanceMs = 200
const sweepMs = 5_000

/**
 * The sessions that outlive their connections: finds them by principal and client id, keeps their records in the store,
 * ends them when their time is over. A session's name holds its principal's, so nobody can name another's session.
 */
export class Feeds {
  readonly #records: SessionRecords
  readonly #router: Router
  readonly #context: FeedContext
  readonly #onFault: (error: unknown) => void
  readonly #feeds = new Map<string, Feed>()
  readonly #progressed = new Set<Feed>()
  #advanceTimer: NodeJS.Timeout | undefined
  #sweepTimer: NodeJS.Timeout | undefined

  constructor(
    records: SessionRecords,
    router: Router,
    context: Omit<FeedContext, 'onProgress'>,
    onFault: (error: unknown) => void,
  ) {
    this.#records = records
    this.#router = router
    this.#context = { ...context, onProgress: feed => this.#progress(feed) }
    this.#onFault = onFault
  }

  get size(): number {
    return this.#feeds.size
  }

  async start(): Promise<void> {
    const nowMs = Date.now()
    for (const record of await this.#records.load()) {
      const feed = new Feed(record, this.#context)
      // One that was connected when the hub died has been away since now, as far as anybody can tell.
      feed.restore({ ...record, disconnectedAtMs: record.disconnectedAtMs ?? nowMs })
      this.#feeds.set(record.id, feed)
      for (const filter of feed.subscriptions.keys()) this.#router.add(filter, feed)
    }
    this.#sweepTimer = setInterval(() => this.#sweep(), sweepMs).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweepTimer)
    clearTimeout(this.#advanceTimer)
    this.#advanceTimer = undefined
    await this.#advance()
  }

  find(identity: Omit<FeedIdentity, 'id'>): Feed | undefined {
    return this.#feeds.get(feedId(identity))
  }

  create(identity: Omit<FeedIdentity, 'id'>): Feed {
    const feed = new Feed({ ...identity, id: feedId(identity) }, this.#context)
    if (identity.clientId !== '') this.#feeds.set(feed.identity.id, feed)
    return feed
  }

  ofPrincipal(domain: string, principal: string): readonly Feed[] {
    return [...this.#feeds.values()].filter(
      ({ identity }) => identity.domain === domain && identity.principal === principal,
    )
  }

  /** The lowest sequence that some durable session still has to be given, `undefined` where there is none. */
  lowestCursor(): number | undefined {
    let lowest: number | undefined
    for (const feed of this.#feeds.values()) {
      if (feed.isDurable && (lowest === undefined || feed.cursor < lowest)) lowest = feed.cursor
    }
    return lowest
  }

  /** Settles when a durable session's subscriptions, cursor and term are on disk. */
  async save(feed: Feed): Promise<void> {
    if (feed.isDurable) await this.#records.save([toRecord(feed)])
  }

  /** Ends a session for good. */
  async discard(feed: Feed): Promise<void> {
    const { id } = feed.identity
    if (this.#feeds.get(id) === feed) this.#feeds.delete(id)
    for (const filter of feed.subscriptions.keys()) this.#router.remove(filter, feed)
    this.#progressed.delete(feed)
    feed.dispose()
    if (feed.isDurable) await this.#records.remove([id])
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
    const nowMs = Date.now()
    for (const feed of this.#feeds.values()) {
      const { disconnectedAtMs, expiresInSeconds } = feed
      if (feed.isConnected || disconnectedAtMs === undefined) continue
      if (nowMs >= disconnectedAtMs + expiresInSeconds * 1000) this.discard(feed).catch(this.#onFault)
    }
  }
}

function feedId({ domain, principal, clientId }: Omit<FeedIdentity, 'id'>): string {
  // As JSON, because a principal of a foreign identity provider may hold any character.
  return JSON.stringify([domain, principal, clientId])
}

function toRecord(feed: Feed): SessionRecord {
  return {
    ...feed.identity,
    expiresInSeconds: feed.expiresInSeconds,
    disconnectedAtMs: feed.disconnectedAtMs,
    cursor: feed.cursor,
    subscriptions: [...feed.subscriptions.values()],
  }
}
