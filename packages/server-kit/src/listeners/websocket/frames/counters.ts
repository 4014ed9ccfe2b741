import type { ErrorCode } from '@thingmesh/core'
import type { Counter, Meter } from '../../../contracts/index.ts'

const limits = ['connections', 'connections-per-address', 'open-timeout', 'keep-alive', 'drain-timeout'] as const

export interface FramesCounters {
  /** Connections. */
  readonly refused: Readonly<Record<(typeof limits)[number], Counter>>
  /** Connections that ended because of what the peer sent, or who it is. */
  failed(code: ErrorCode): Counter
  /** Frames in an envelope that were answered with an error. */
  refusedFrame(code: ErrorCode): Counter
}

export function framesCounters(meter: Meter): FramesCounters {
  const refused = limits.map(limit => [
    limit,
    meter.counter('thingmesh_frames_refused_total', 'WebSockets for messages, refused or cut at a limit.', { limit }),
  ])
  return {
    refused: Object.fromEntries(refused) as FramesCounters['refused'],
    failed: code =>
      meter.counter('thingmesh_frames_failures_total', 'WebSockets for messages that the hub ended.', { code }),
    refusedFrame: code =>
      meter.counter('thingmesh_frames_requests_refused_total', 'Frames that were answered with an error.', { code }),
  }
}
