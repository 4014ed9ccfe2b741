import type { Principal } from '@thingmesh/core'
import type { Authorizer, ChannelDirectory, Control, Health } from '../contracts/index.ts'
import type { Committer } from './committer.ts'
import type { Counters } from './counters.ts'
import type { Cursors } from './cursors.ts'
import type { Feeds } from './feeds.ts'
import type { HistoryReader } from './history.ts'
import type { HubLimits } from './limits.ts'
import type { Presences } from './presences.ts'
import type { Repeats } from './repeats.ts'
import type { RetainedReplay } from './replay.ts'
import type { RetainedIndex } from './retained.ts'
import type { Router } from './router.ts'
import type { Sequencer } from './sequencer.ts'
import type { TopicTable } from './topics.ts'

/** The parts of one hub that a session's calls pass through, in the order of the walk. */
export interface Walk {
  readonly limits: HubLimits
  readonly counters: Counters
  readonly authorizer: Authorizer
  readonly channels: ChannelDirectory
  readonly topics: TopicTable
  readonly sequencer: Sequencer
  readonly retained: RetainedIndex
  readonly repeats: Repeats
  readonly committer: Committer
  readonly router: Router
  readonly feeds: Feeds
  readonly replay: RetainedReplay
  readonly cursors: Cursors
  readonly history: HistoryReader
  readonly presences: Presences
  /** `ended` when the session is. */
  controlOf(principal: Principal, ended: AbortSignal): Control
  health(): Health
  onFault(error: unknown, part: string): void
}
