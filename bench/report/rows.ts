import type { DiskReading } from '../disk.ts'
import type { ObserversResult } from '../load/coap/job.ts'
import type { FlowResult, Qos, Window } from '../load/job.ts'
import type { LoadResult } from '../load/work.ts'
import type { Shape } from '../shapes.ts'
import type { ThreadProfile } from './profile.ts'

/** What one run of a row came to. `failed` says what happened instead of a measurement. */
export type Outcome =
  | {
      readonly result: LoadResult
      /** The bare disk right before and after, where acknowledgements wait for it. */
      readonly disk?: DiskReading
      readonly threads?: readonly ThreadProfile[]
    }
  | { readonly failed: string }

/** One line of a table: a shape on a broker, run one or more times. */
export interface Row {
  readonly shape: Shape
  readonly qos: Qos
  readonly broker: string
  readonly profile: string
  readonly outcomes: readonly Outcome[]
}

export type Measured<R extends LoadResult = LoadResult> = Exclude<Outcome, { failed: string }> & { readonly result: R }

// A disturbed broker can look better per message, not worse, because it finds larger batches: such a row gets no ratio.
// Kernel threads stay below this.
export const OTHERS_SHARE_MAX = 0.05
// With less to spare than this, a faster broker would have shown no better figure.
const LOAD_SHARE_MAX = 0.95

export function rateOf(result: FlowResult): number {
  return result.delivered / result.window.seconds
}

/** The stretches of time that a result's figures come from. */
export function windowsOf(result: LoadResult): readonly Window[] {
  return result.kind === 'filters' ? [result.few.window, result.many.window] : [result.window]
}

/** The larger share of the two cores that went to processes which are no part of the bench. */
export function othersShare(window: Window): number | undefined {
  const others = window.othersCpuSeconds
  return others && Math.max(others.brokerCore, others.loadCore) / window.seconds
}

export function isDisturbed(result: LoadResult): boolean {
  return windowsOf(result).some(window => (othersShare(window) ?? 0) > OTHERS_SHARE_MAX)
}

/** The generator had nothing to spare: the figure says what it can do, the broker may do more. */
export function isLoadBound(result: LoadResult): boolean {
  // It spins between two messages.
  if (result.kind === 'crossing') return false
  return windowsOf(result).some(window => window.loadCpuSeconds / window.seconds > LOAD_SHARE_MAX)
}

/** The one figure that the runs of a row are ordered by. */
export function figureOf(result: LoadResult): number {
  switch (result.kind) {
    case 'flow':
      return rateOf(result)
    case 'idle':
      return bytesPerConnection(result) ?? 0
    case 'filters':
      return costPerMessage(result.many.window, result.many.delivered) ?? 0
    case 'drain':
      return result.delivered / result.window.seconds
    case 'requests':
      return result.answered / result.window.seconds
    case 'observers':
      return slowestSeconds(result)
    case 'crossing':
      return result.latency.p50Ms
  }
}

/** The run that stands for the row: the median of the undisturbed ones, else of all that measured anything. */
export function medianOf(outcomes: readonly Outcome[]): Measured | undefined {
  const measured = outcomes.filter(outcome => 'result' in outcome)
  const calm = measured.filter(({ result }) => !isDisturbed(result))
  const from = (calm.length > 0 ? calm : measured).sort((a, b) => figureOf(a.result) - figureOf(b.result))
  return from[(from.length - 1) >> 1]
}

/** The same, where the shape is known to give that kind of result. */
export function medianFlow(row: Row | undefined): Measured<FlowResult> | undefined {
  const median = row && medianOf(row.outcomes)
  return median?.result.kind === 'flow' ? (median as Measured<FlowResult>) : undefined
}

/** Of the rounds; endless where a notification never came. */
export function slowestSeconds({ roundsMs }: ObserversResult): number {
  return Math.max(...roundsMs) / 1_000
}

export function bytesPerConnection(result: {
  readonly rssBeforeBytes: number | undefined
  readonly rssAfterBytes: number | undefined
  readonly connections: number
}): number | undefined {
  const { rssBeforeBytes, rssAfterBytes, connections } = result
  if (rssBeforeBytes === undefined || rssAfterBytes === undefined) return undefined
  return (rssAfterBytes - rssBeforeBytes) / connections
}

/** Microseconds of the broker's CPU. */
export function costPerMessage(window: Window, messages: number): number | undefined {
  if (window.brokerCpuSeconds === undefined || messages === 0) return undefined
  return (window.brokerCpuSeconds * 1e6) / messages
}
