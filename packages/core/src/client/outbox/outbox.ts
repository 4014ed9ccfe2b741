import type { Delivery, MessageProperties } from '../../model/index.ts'

/** One draft on its way, as an outbox keeps it. */
export interface OutboxEntry {
  /** Counts up within the outbox, over restarts too. A safe integer from 1. */
  readonly sequence: number
  /** The idempotency key: 1 to 64 printable ASCII characters, never used twice. */
  readonly key: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly contentType: string
  readonly delivery: Delivery
  readonly retain: boolean
  readonly properties?: MessageProperties | undefined
  /** Milliseconds since 1970, by the device's clock. */
  readonly storedAtMs: number
  /** After this the draft is not worth sending. */
  readonly expiresAtMs?: number | undefined
}

/**
 * Where drafts are kept until the hub has acknowledged them. It keeps what it is told to and bounds nothing: the client
 * does that. One client uses it at a time.
 */
export interface Outbox {
  /** What was written is there after the process died. Then a publish is safe as soon as it is here. */
  readonly durable: boolean
  /** What is kept, oldest first. Before everything else, and once. Throws where what is kept cannot be read. */
  open(): Promise<readonly OutboxEntry[]>
  /**
   * Keeps the entries, all or none of them, and forgets those of the sequences that are gone. Settles when the entries are as safe
   * as this outbox makes them. What is gone need not be safe: after a crash an entry may be there again, and because its key
   * is the same the hub stores it once. Called again when it has settled, with all that came meanwhile.
   */
  write(entries: readonly OutboxEntry[], gone: readonly number[]): Promise<void>
  /** After the last write. Idempotent. */
  close(): Promise<void>
}

/**
 * What to do with a publish while its channel's share of the outbox is full. `block`: the publish waits. `drop-oldest`:
 * the oldest of the channel that is not under way goes. `latest-only`: of each topic only the newest is kept, at any time;
 * what is then too much waits. `none`: nothing is kept, a publish without a connection fails at once.
 */
export type OutboxPolicy = 'block' | 'drop-oldest' | 'latest-only' | 'none'

/** `oldest`: to make room. `superseded`: a newer one of its topic came. `expired`: it became too old. */
export type DropReason = 'oldest' | 'superseded' | 'expired'

export interface OutboxLimits {
  /** `block` by default. */
  readonly policy?: OutboxPolicy | undefined
  /** How old a draft may become before it is dropped; no limit by default. */
  readonly ageMaxMs?: number | undefined
  /** Drafts of one channel. 10,000 by default. */
  readonly countMax?: number | undefined
  /** Payload and topic bytes of one channel's drafts. 16,777,216 by default. */
  readonly bytesMax?: number | undefined
}

export interface OutboxStats {
  readonly count: number
  readonly bytes: number
  /** Absent where the outbox is empty. */
  readonly oldestAgeMs?: number | undefined
  /** At the pace of the last acknowledgements; absent while there is none. */
  readonly drainEstimateMs?: number | undefined
  readonly dropped: number
  readonly setAside: number
}
