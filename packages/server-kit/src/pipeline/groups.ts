import { randomUUID } from 'node:crypto'
import { parseShare, ThingmeshError } from '@thingmesh/core'
import type { GroupRecords, LoanRecord, SubscriptionRecord } from '../contracts/index.ts'
import type { Feed } from './feed.ts'
import { Group, type GroupContext, type GroupIdentity } from './group.ts'
import type { Router } from './router.ts'
import { WriteBatcher } from './write-batcher.ts'

const advanceMs = 200

/**
 * The shared subscriptions of the hub's sessions: finds them by name and filter, keeps the records of those that last, ends them
 * with their last member.
 */
export class Groups {
  readonly #records: GroupRecords
  readonly #router: Router
  readonly #context: GroupContext
  readonly #onFault: (error: unknown) => void
  readonly #groups = new Map<string, Group>()
  readonly #saves: WriteBatcher<Group>
  readonly #loans: WriteBatcher<LoanRecord & { readonly group: string }>
  readonly #progressed = new Set<Group>()
  #advanceTimer: NodeJS.Timeout | undefined

  constructor(records: GroupRecords, router: Router, context: Omit<GroupContext, 'onProgress' | 'noteLoan'>) {
    this.#records = records
    this.#router = router
    this.#onFault = context.onFault
    this.#loans = new WriteBatcher(loans => records.lend(loans))
    this.#saves = new WriteBatcher(groups => {
      const wanted = groups.filter(group => group.recorded !== undefined)
      return wanted.length > 0 ? records.save(wanted.map(group => group.toRecord())) : Promise.resolve()
    })
    this.#context = {
      ...context,
      onProgress: group => this.#progress(group),
      noteLoan: async (group, loan) => {
        // There is nothing to note it with before.
        await group.recorded
        await this.#loans.add({ group: group.identity.id, ...loan })
      },
    }
  }

  get size(): number {
    return this.#groups.size
  }

  /** With the shared subscriptions that the sessions' records hold. */
  async start(
    shares: readonly { readonly feed: Feed; readonly subscription: SubscriptionRecord }[],
    feedOf: (session: string) => Feed | undefined,
  ): Promise<void> {
    const records = new Map((await this.#records.load()).map(record => [keyOf(record), record]))
    const positions = new Map<Group, number>()
    for (const { feed, subscription } of shares) {
      const identity = identify(feed, subscription.filter)
      const group = this.#findOrCreate({ ...identity, id: records.get(keyOf(identity))?.id ?? randomUUID() })
      this.#enter(group, feed, subscription)
      positions.set(group, Math.min(positions.get(group) ?? Number.POSITIVE_INFINITY, subscription.since))
    }
    for (const [key, group] of this.#groups) {
      const record = records.get(key)
      records.delete(key)
      if (record !== undefined) group.recorded = Promise.resolve()
      // Killed between the session's record and the group's: it has given nothing yet.
      group.restore(record ?? { ...group.identity, position: positions.get(group)!, owed: [] }, feedOf)
      await this.#settle(group)
    }
    await this.#records.remove(Array.from(records.values(), ({ id }) => id))
  }

  async stop(): Promise<void> {
    clearTimeout(this.#advanceTimer)
    this.#advanceTimer = undefined
    await this.#advance()
    for (const group of this.#groups.values()) this.#router.remove(group.identity.filter, group)
    this.#groups.clear()
  }

  /** Throws `rate-limited` where the group has as many members as it may. */
  join(feed: Feed, subscription: SubscriptionRecord, membersMax: number): void {
    const identity = identify(feed, subscription.filter)
    const known = this.#groups.get(keyOf(identity))
    if (known !== undefined && !known.members.has(feed) && known.members.count >= membersMax) {
      throw new ThingmeshError(
        'rate-limited',
        `the shared subscription has ${known.members.count} members, the limit is ${membersMax}`,
      )
    }
    this.#enter(this.#findOrCreate({ ...identity, id: randomUUID() }), feed, subscription)
    this.#router.invalidate()
  }

  /** Settles when it is on disk that a group has ended. */
  async leave(feed: Feed, filter: string): Promise<void> {
    const group = this.#groups.get(keyOf(identify(feed, filter)))
    feed.shares.delete(filter)
    if (group === undefined) return
    group.leave(feed)
    this.#router.invalidate()
    if (group.members.count === 0) this.#end(group)
    await this.#settle(group)
  }

  /** Settles when the records of a session's groups say what its own says. */
  async save(feed: Feed): Promise<void> {
    if (feed.shares.size === 0) return
    const groups = Array.from(feed.shares.keys(), filter => this.#groups.get(keyOf(identify(feed, filter))))
    await Promise.all(groups.map(group => group && this.#settle(group)))
  }

  /** The lowest sequence that some group still has to give, `undefined` where there is none. */
  lowestCursor(): number | undefined {
    let lowest: number | undefined
    for (const { cursor } of this.#groups.values()) if (lowest === undefined || cursor < lowest) lowest = cursor
    return lowest
  }

  #findOrCreate(identity: GroupIdentity): Group {
    const key = keyOf(identity)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = new Group(identity, this.#context)
      this.#groups.set(key, group)
      this.#router.add(identity.filter, group)
    }
    return group
  }

  #enter(group: Group, feed: Feed, subscription: SubscriptionRecord): void {
    feed.shares.set(subscription.filter, { subscription, group })
    group.join(feed, subscription)
  }

  #end(group: Group): void {
    this.#groups.delete(keyOf(group.identity))
    this.#router.remove(group.identity.filter, group)
    this.#progressed.delete(group)
    group.dispose()
  }

  /** A group has a record exactly while one of its members lasts. */
  async #settle(group: Group): Promise<void> {
    if (group.members.isDurable) {
      if (group.recorded === undefined) {
        group.recorded = this.#saves.add(group)
        // What is with its members already is noted too.
        for (const loan of group.loans()) this.#context.noteLoan(group, loan).catch(this.#onFault)
      }
      const { recorded } = group
      try {
        await recorded
      } catch (error) {
        if (group.recorded === recorded) group.recorded = undefined
        throw error
      }
    } else if (group.recorded !== undefined) {
      group.recorded = undefined
      await this.#records.remove([group.identity.id])
    }
  }

  #progress(group: Group): void {
    if (group.recorded === undefined) return
    this.#progressed.add(group)
    this.#advanceTimer ??= setTimeout(() => {
      this.#advanceTimer = undefined
      this.#advance().catch(this.#onFault)
    }, advanceMs).unref()
  }

  async #advance(): Promise<void> {
    const moves = Array.from(this.#progressed, group => group.toRecord())
    this.#progressed.clear()
    if (moves.length > 0) await this.#records.advance(moves)
  }
}

/** What the members of a shared subscription share. */
export function sharedFilter(share: string): string {
  return parseShare(share, unlimited).filter
}

function identify({ domain }: Feed, share: string): Omit<GroupIdentity, 'id'> {
  // It was checked when it came; limits may have been others then.
  return { domain, ...parseShare(share, unlimited) }
}

const unlimited = {
  topicBytesMax: Number.POSITIVE_INFINITY,
  topicLevelsMax: Number.POSITIVE_INFINITY,
  topicControlCharacters: true,
}

function keyOf({ domain, name, filter }: Omit<GroupIdentity, 'id'>): string {
  // Neither a domain's id nor a share's name holds a slash.
  return `${domain}/${name}/${filter}`
}
