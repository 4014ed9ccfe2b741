import type { Counter, Histogram, Meter } from '../contracts/index.ts'

/** Why an accepted message, or a copy of one, did not arrive. The list is closed: nothing is lost for a reason not on it. */
export const dropReasons = [
  'slow-reader',
  'expired',
  'no-right-any-more',
  'will-refused',
  /** No member of a shared subscription had room: at most once. */
  'no-member',
  /** A member's session ended during an exactly-once exchange: nobody else may have the message. */
  'member-gone',
] as const
export type DropReason = (typeof dropReasons)[number]

/** Where the hub ended what nothing of the right was left for: a peer that was there, one that came back, or a reader of the log. */
export const revocations = ['connected', 'returning', 'reading'] as const
export type Revocation = (typeof revocations)[number]

export const refusals = [
  'permission',
  'no-channel',
  'topic',
  'payload-size',
  'definition',
  /** The program's own schema threw. */
  'definition-fault',
  'retained-count',
  'retained-size',
  'store-behind',
  'subscriptions',
  'shared-members',
  'transfers',
  'sessions',
  'sessions-per-principal',
  'authentication',
  'client-id',
  'will-size',
] as const
export type Refusal = (typeof refusals)[number]

/** What the pipeline counts. Fields, so that counting on the hot path is an addition. */
export interface Counters {
  readonly in: Readonly<Record<'at-most-once' | 'at-least-once' | 'exactly-once', Counter>>
  readonly out: Counter
  readonly dropped: Readonly<Record<DropReason, Counter>>
  readonly refused: Readonly<Record<Refusal, Counter>>
  readonly revoked: Readonly<Record<Revocation, Counter>>
  readonly repeated: Counter
  readonly keysForgotten: Readonly<Record<'keys-per-publisher' | 'keys', Counter>>
  readonly presencesForgotten: Counter
  readonly notRecorded: Counter
  readonly pruned: Counter
  readonly fellBehind: Counter
  readonly windowFull: Counter
  readonly sharedHeld: Counter
  readonly batchMessages: Histogram
  readonly batchSeconds: Histogram
  readonly commitFailures: Counter
}

export function pipelineCounters(meter: Meter): Counters {
  const accepted = (delivery: string) =>
    meter.counter('thingmesh_messages_in_total', 'Messages accepted.', { delivery })
  const entries = <Name extends string>(names: readonly Name[], make: (name: Name) => Counter) =>
    Object.fromEntries(names.map(name => [name, make(name)])) as Record<Name, Counter>
  return {
    in: {
      'at-most-once': accepted('at-most-once'),
      'at-least-once': accepted('at-least-once'),
      'exactly-once': accepted('exactly-once'),
    },
    out: meter.counter('thingmesh_messages_out_total', 'Messages handed to peers.'),
    dropped: entries(dropReasons, reason =>
      meter.counter('thingmesh_messages_dropped_total', 'Accepted messages, or copies of them, that did not arrive.', {
        reason,
      }),
    ),
    refused: entries(refusals, limit =>
      meter.counter('thingmesh_refused_total', 'Requests refused before they were accepted.', { limit }),
    ),
    revoked: entries(revocations, at =>
      meter.counter(
        'thingmesh_subscriptions_revoked_total',
        'Subscriptions, and readers that followed or waited, that the hub ended because nothing of the right to them was left.',
        { at },
      ),
    ),
    repeated: meter.counter(
      'thingmesh_messages_repeated_total',
      'Drafts under an idempotency key that their publisher had used: answered as the first one was.',
    ),
    keysForgotten: entries(['keys-per-publisher', 'keys'], limit =>
      meter.counter('thingmesh_idempotency_keys_forgotten_total', 'Idempotency keys that gave way to newer ones.', {
        limit,
      }),
    ),
    presencesForgotten: meter.counter(
      'thingmesh_presences_forgotten_total',
      'Principals that the hub no longer remembers to have seen.',
    ),
    notRecorded: meter.counter(
      'thingmesh_messages_not_recorded_total',
      'At-most-once messages that were delivered but not recorded, because the store was behind.',
    ),
    pruned: meter.counter(
      'thingmesh_messages_pruned_total',
      'Messages that the retention of their channel has removed from the log.',
    ),
    fellBehind: meter.counter('thingmesh_sessions_behind_total', 'Times a session was turned over to the log.'),
    windowFull: meter.counter(
      'thingmesh_sessions_window_full_total',
      'Times a session had as many un-acknowledged deliveries as it takes.',
    ),
    sharedHeld: meter.counter(
      'thingmesh_shared_subscriptions_held_total',
      'Times a shared subscription had passed over as many messages as it may, for members without room, and waited.',
    ),
    batchMessages: meter.histogram(
      'thingmesh_commit_batch_messages',
      'Messages in a commit batch.',
      [1, 4, 16, 64, 256, 1024, 4096, 16384],
    ),
    batchSeconds: meter.histogram(
      'thingmesh_commit_seconds',
      'From the start of a commit to its end.',
      [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
    ),
    commitFailures: meter.counter('thingmesh_commit_failures_total', 'Commit batches that the store refused.'),
  }
}
