import type { CoapShape } from '../coap-shapes.ts'
import type { CoapResult } from '../load/coap/job.ts'
import { isDisturbed, type Measured, medianOf, type Outcome } from './rows.ts'

/** One line of a table: a shape on a server, run one or more times. */
export interface CoapRow {
  readonly shape: CoapShape
  readonly server: string
  readonly profile: string
  readonly outcomes: readonly Outcome[]
}

export function labelOf({ server, profile, shape }: CoapRow): string {
  return `${server} (${profile}), ${shape.title}`
}

export function findRow(
  rows: readonly CoapRow[],
  id: CoapShape['id'],
  server: string,
  profile?: string,
): CoapRow | undefined {
  return rows.find(
    row => row.shape.id === id && row.server === server && (profile === undefined || row.profile === profile),
  )
}

/** The run that stands for the row. The shape of a row says which kind of result it has. */
export function measuredIn<R extends CoapResult>(row: CoapRow | undefined): Measured<R> | undefined {
  return row && (medianOf(row.outcomes) as Measured<R> | undefined)
}

export function requestsRate(result: { answered: number; window: { seconds: number } }): number {
  return result.answered / result.window.seconds
}

/** `undefined` where one of them is missing, or was disturbed. */
export function requestsRatio(
  result: Parameters<typeof requestsRate>[0] & CoapResult,
  base: (Parameters<typeof requestsRate>[0] & CoapResult) | undefined,
): number | undefined {
  if (base === undefined || isDisturbed(base) || isDisturbed(result)) return undefined
  return requestsRate(result) / requestsRate(base)
}
