import type { Qos, Tally } from './job.ts'

/** What a tally needs of a publisher. */
export interface Sent {
  readonly acked: number
  readonly flow: { readonly sent: number }
  untakenSequences(): readonly number[]
}

/** What a tally needs of a subscriber: a tracker per publisher. */
export interface Seen {
  readonly corrupt: number
  readonly misused: number
  readonly unreleased: number
  readonly trackers: readonly {
    readonly duplicated: number
    readonly reordered: number
    readonly unique: number
    has(sequence: number): boolean
  }[]
}

/** Holds everything sent against everything seen. `listeners` are the subscribers that publisher `i` has. */
export function tallyOf(options: {
  qos: Qos
  publishers: readonly Sent[]
  subscribers: readonly Seen[]
  listeners: (publisher: number) => readonly Seen[]
}): Tally {
  const { qos, publishers, subscribers, listeners } = options
  const tally = {
    sent: 0,
    acked: 0,
    expected: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    unreleased: 0,
    misused: 0,
  }
  publishers.forEach((publisher, index) => {
    const { sent } = publisher.flow
    // Nobody promised anything about a message that was not acknowledged: it is not lost when it does not come.
    const untaken = qos > 0 ? publisher.untakenSequences() : []
    tally.sent += sent
    tally.acked += publisher.acked
    for (const subscriber of listeners(index)) {
      const tracker = subscriber.trackers[index]!
      const excused = untaken.filter(sequence => !tracker.has(sequence)).length
      tally.expected += sent - excused
      tally.delivered += tracker.unique
      tally.lost += sent - excused - tracker.unique
    }
  })
  for (const subscriber of subscribers) {
    tally.corrupt += subscriber.corrupt
    tally.unreleased += subscriber.unreleased
    tally.misused += subscriber.misused
    for (const tracker of subscriber.trackers) {
      tally.duplicated += tracker.duplicated
      tally.reordered += tracker.reordered
    }
  }
  return tally
}
