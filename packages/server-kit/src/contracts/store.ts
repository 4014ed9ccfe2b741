import type { Delivery, DomainId, JsonValue, LogId, Message, PrincipalId } from '@thingmesh/core'

/**
 * What "stored" means. `memory`: gone with the process. `process`: survives kill -9. `disk`: synced, survives a power cut.
 * A store states it and never falls back in silence: one that cannot keep it refuses to start.
 */
export const durabilities = ['memory', 'process', 'disk'] as const
export type Durability = (typeof durabilities)[number]

export interface Store {
  readonly durability: Durability
  /**
   * Opens, migrates, and settles when everything below may be called. Throws `conflict` where another process has the
   * data, `unavailable` where it cannot be opened, `unsupported` where a newer version wrote it. Idempotent.
   */
  start(): Promise<void>
  /** Finishes what is under way. Idempotent. */
  stop(): Promise<void>
  readonly log: MessageLog
  readonly retained: RetainedMessages
  readonly sessions: SessionRecords
  readonly groups: GroupRecords
  readonly keys: KeyRecords
  readonly registry: RegistryRecords
}

/** What was numbered from one start of a log on: from `first` up to where the next one begins. */
export interface LogEpoch {
  readonly epoch: string
  readonly first: number
}

/** The durable log of messages. Sequences rise within it; gaps are legal. */
export interface MessageLog {
  /**
   * Names what is numbered from this start on. Valid once the store has started.
   *
   * A store whose data outlive it begins a new epoch with every start, for it cannot know whether the data are those that it left or were put
   * back from a copy: behind the end of a copy the same sequences have been given out before. So no epoch and sequence name two messages.
   */
  readonly id: LogId
  /**
   * The log's epochs, ascending by `first`; the last one is that of `id`. Valid once the store has started. An epoch is written with its
   * first append, in the same transaction, and one in which nothing was appended is not among those of the next start. But for the first
   * one of all, which is there from the making of the log, with a `first` of 0. The oldest may go when there are more than 4,096.
   */
  readonly lineage: readonly LogEpoch[]
  /**
   * The sequence that the next message takes: above every one that was ever reserved or appended. Valid once the store has
   * started; it rises with what is reserved and appended after that. 1 in a new log.
   */
  readonly nextSequence: number
  /**
   * Promises that sequences below the bound may be given out: a restart, however rude, starts at or above it. Settles when that is durable.
   */
  reserve(below: number): Promise<void>
  /**
   * Appends messages in ascending sequence, all or none, durable when settled. Those with `retain` become the last value
   * of their topic in the same transaction (an empty payload clears it). Calls are carried out in order. The store keeps no reference to the messages after it returns.
   * Rejects with `unavailable` (disk full, I/O): nothing of the batch is stored then.
   */
  append(batch: readonly Message[], options?: AppendOptions): Promise<void>
  /** Sees every append that was called before it. */
  read(query: MessageQuery): Promise<MessagePage>
  /**
   * Deletes oldest first. Sees and does not disturb appends. Reports, exactly, on the plans under which something went.
   * By age and by size a store may keep more than was asked for, as far as its messages are stored in groups: a group goes when all of
   * it is past. `through` is exact.
   */
  prune(plans: readonly PrunePlan[]): Promise<readonly PruneReport[]>
}

export interface AppendOptions {
  /** For each message whether it enters the log. False: it is here for its last value, its transfer or its key only. */
  readonly recorded?: readonly boolean[] | undefined
  /** Exactly-once transfers that this batch begins, noted in the same transaction. */
  readonly transfers?: readonly Transfer[] | undefined
  /** Idempotency keys of messages of this batch, noted in the same transaction. */
  readonly keys?: readonly KeyRecord[] | undefined
  /** Sequences of messages, of this batch or earlier, whose keys go in the same transaction. */
  readonly forgottenKeys?: readonly number[] | undefined
}

/** Under which key a publisher has published a message. It outlives the message. */
export interface KeyRecord {
  readonly domain: DomainId
  readonly publisher: PrincipalId
  readonly key: string
  readonly sequence: number
}

export interface KeyRecords {
  /** By ascending sequence. Called once, at start. */
  load(): Promise<readonly KeyRecord[]>
}

/** A tag that a durable session's peer has given to what it publishes exactly once, from acceptance to release. */
export interface Transfer {
  /** The session record's id; where there is no such record, nothing is noted. */
  readonly session: string
  readonly tag: number
}

export interface MessageQuery {
  readonly domain: DomainId
  /** A message matches when its topic matches one of them; `after` is exclusive and may differ by filter. */
  readonly filters: readonly { readonly filter: string; readonly after: number }[]
  /** Exclusive. */
  readonly before?: number | undefined
  /** Accepted at or after. */
  readonly fromMs?: number | undefined
  /** Accepted before. */
  readonly toMs?: number | undefined
  readonly publisher?: PrincipalId | undefined
  /** Leaves out what was published at most once. */
  readonly ackedOnly?: boolean | undefined
  /** From the newest down. The page is in ascending order all the same. */
  readonly newest?: boolean | undefined
  readonly limit: number
  /** Payload bytes, roughly: a page always holds one message if there is one. */
  readonly bytesMax: number
}

export interface MessagePage {
  /** Ascending. */
  readonly messages: readonly Message[]
  /**
   * Everything that matches up to and including this sequence has been seen (ascending reads), or down to and including
   * it (newest first). A page may be empty and yet not the end: a look through much that does not match is bounded.
   */
  readonly scannedTo: number
  /** Nothing that matches lies beyond `scannedTo`, as of this read. */
  readonly complete: boolean
}

export interface PrunePlan {
  readonly domain: DomainId
  readonly channel: string
  /** Accepted before this: goes. */
  readonly beforeMs?: number | undefined
  /** Newest bytes to keep. */
  readonly bytesMax?: number | undefined
  /** Everything up to and including this sequence goes, whatever the rest says. */
  readonly through?: number | undefined
}

export interface PruneReport {
  readonly domain: DomainId
  readonly channel: string
  readonly messages: number
  /** What payloads and properties took, and a constant for the rest of each message: as `bytesMax` counts. */
  readonly bytes: number
  /** The highest sequence that went. */
  readonly through: number
}

/** The last value of each topic: what was published with `retain`. */
export interface RetainedMessages {
  /** Every topic that has one, for counting against the limit. Called once, at start. */
  topics(): Promise<readonly { readonly domain: DomainId; readonly topic: string; readonly sequence: number }[]>
  /**
   * Sees every append that was called before it. At most `limit`, ordered by topic, in an order that is always the same, from
   * behind `afterTopic`.
   */
  match(domain: DomainId, filters: readonly string[], limit: number, afterTopic?: string): Promise<readonly Message[]>
}

/** A session that outlives its connection: its subscriptions and how far it has come. */
export interface SessionRecord {
  /** Of the hub's making, unique. */
  readonly id: string
  readonly domain: DomainId
  readonly principal: PrincipalId
  readonly clientId: string
  readonly expiresInSeconds: number
  /** Milliseconds since 1970; absent while connected. */
  readonly disconnectedAtMs?: number | undefined
  /** Everything up to and including this sequence has been delivered and acknowledged. */
  readonly cursor: number
  /** Nothing above this sequence had been sent to the peer when it disconnected. Means nothing while connected. */
  readonly sentTo?: number | undefined
  /** What of that was not acknowledged then; absent while connected, and where nobody knows. */
  readonly unacknowledged?: UnacknowledgedRecord | undefined
  readonly subscriptions: readonly SubscriptionRecord[]
  /** As loaded: tags of transfers that have begun and are not released. `save` leaves them as they are. */
  readonly transfers?: readonly number[] | undefined
  /** As loaded: sequences above the cursor that the peer has received exactly-once. `save` leaves them as they are. */
  readonly received?: readonly number[] | undefined
}

/** Sequences, ascending. */
export interface UnacknowledgedRecord {
  readonly atLeastOnce: readonly number[]
  /** Those that the peer has received, and whose end is still to come, are among them. */
  readonly exactlyOnce: readonly number[]
}

export interface SubscriptionRecord {
  readonly filter: string
  readonly delivery: Delivery
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly subscriptionId?: number | undefined
  /** The dialect that the filter was written in, and its variant. Means nothing to the hub. */
  readonly dialect?: string | undefined
  /** Messages above this sequence are meant by it. */
  readonly since: number
}

export interface SessionRecords {
  load(): Promise<readonly SessionRecord[]>
  /** Inserts or replaces. Durable when settled. */
  save(records: readonly SessionRecord[]): Promise<void>
  /** Ends transfers. Durable when settled. */
  release(transfers: readonly Transfer[]): Promise<void>
  /** Notes that peers have received these sequences; where there is no such record, nothing is noted. Durable when settled. */
  receive(receptions: readonly { readonly id: string; readonly sequence: number }[]): Promise<void>
  /**
   * Moves cursors of records that exist, never back, and forgets receptions at or below them; a crash may lose the latest moves, never more than moves.
   */
  advance(cursors: readonly { readonly id: string; readonly cursor: number }[]): Promise<void>
  /** With their transfers and receptions. */
  remove(ids: readonly string[]): Promise<void>
}

/** A shared subscription that lasts, because a lasting session is a member: how far its members have come together. */
export interface GroupRecord {
  /** Of the hub's making, unique. */
  readonly id: string
  readonly domain: DomainId
  readonly name: string
  readonly filter: string
  /** Everything up to and including this sequence has been given to a member, and but for what is owed it is done. */
  readonly position: number
  /** Sequences up to the position that are not done, ascending. */
  readonly owed: readonly number[]
  /** As loaded: by ascending sequence. `save` leaves them as they are. */
  readonly loans?: readonly LoanRecord[] | undefined
}

/** What a group has given to one member exactly-once: nobody else is given it (MQTT 5, section 4.8.2). */
export interface LoanRecord {
  readonly sequence: number
  /** The session record's id. */
  readonly session: string
  /** Under which the peer has it. */
  readonly tag: number
  /** The peer has said that it has it. */
  readonly received: boolean
}

export interface GroupRecords {
  load(): Promise<readonly GroupRecord[]>
  /** Inserts or replaces. Durable when settled. */
  save(records: readonly GroupRecord[]): Promise<void>
  /** Notes loans, each in place of one of that group and sequence; where there is no such group, nothing is noted. Durable when settled. */
  lend(loans: readonly (LoanRecord & { readonly group: string })[]): Promise<void>
  /**
   * Moves positions of records that exist, never back, with what is owed there, and forgets loans up to the position that are
   * not owed; a crash may lose the latest moves, never more than moves.
   */
  advance(moves: readonly Pick<GroupRecord, 'id' | 'position' | 'owed'>[]): Promise<void>
  /** With their loans. */
  remove(ids: readonly string[]): Promise<void>
}

/** One row of the registry. What the values mean is the registry's business, not the store's. */
export interface RegistryRecord {
  readonly kind: string
  readonly id: string
  readonly value: JsonValue
}

export interface RegistryRecords {
  load(): Promise<readonly RegistryRecord[]>
  /** Puts and deletes, all or none, durable when settled. */
  write(changes: readonly RegistryWrite[]): Promise<void>
}

export type RegistryWrite =
  | { readonly op: 'put'; readonly record: RegistryRecord }
  | { readonly op: 'delete'; readonly kind: string; readonly id: string }
