import type { Qos, Tally } from './job.ts'
import type { Publisher } from './publisher.ts'
import type { Subscriber } from './subscriber.ts'

/** Holds everything sent against everything seen. `listeners` are the subscribers that publisher `i` has. */
export function tallyOf(options: {
  qos: Qos
  publishers: readonly Publisher[]
  subscribers: readonly Subscriber[]
  listeners: (publisher: number) => readonly Subscriber[]
}): Tally {
  const { qos, publishers, subscribers, listeners } = options
  const tally = { sent: 0, acked: 0, expected: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, corrupt: 0 }
  publishers.forEach((publisher, index) => {
    const { sent } = publisher.flow
    // Nobody promised anything about a message that was not acknowledged: it is not lost when it does not come.
    const unacked = qos === 1 ? publisher.unackedSequences() : []
    tally.sent += sent
    tally.acked += publisher.acked
    for (const subscriber of listeners(index)) {
      const tracker = subscriber.trackers[index]!
      const excused = unacked.filter(sequence => !tracker.has(sequence)).length
      tally.expected += sent - excused
      tally.delivered += tracker.unique
      tally.lost += sent - excused - tracker.unique
    }
  })
  for (const subscriber of subscribers) {
    tally.corrupt += subscriber.corrupt
    for (const tracker of subscriber.trackers) {
      tally.duplicated += tracker.duplicated
      tally.reordered += tracker.reordered
    }
  }
  return tally
}
