import type { Window } from '../load/job.ts'
import type { LoadResult } from '../load/work.ts'
import { figureOf, type Measured, medianOf, type Outcome, othersShare } from './rows.ts'
import { NONE, optional, percent, toTable, whole } from './text.ts'

interface AnyRow {
  readonly shape: { readonly kind: string }
  readonly outcomes: readonly Outcome[]
}

/** How rows of one kind of result are shown. */
export interface Table<R extends LoadResult, Row extends AnyRow> {
  readonly keys: readonly string[]
  readonly keysOf: (row: Row) => readonly string[]
  readonly columns: readonly string[]
  readonly cells: (measured: Measured<R>, row: Row, rows: readonly Row[]) => readonly string[]
}

/** The rows of one kind of shape, as Markdown; nothing where there are none. */
export function tableOf<R extends LoadResult, Row extends AnyRow>(
  title: string,
  table: Table<R, Row>,
  kind: Row['shape']['kind'],
  all: readonly Row[],
): string[] {
  const rows = all.filter(row => row.shape.kind === kind)
  if (rows.length === 0) return []
  const lines = rows.map(row => {
    const median = medianOf(row.outcomes)
    const figures = median ? table.cells(median as Measured<R>, row, rows) : failedCells(row, table.columns.length)
    return [...table.keysOf(row), ...figures]
  })
  return [`## ${title}`, '', ...toTable([...table.keys, ...table.columns], table.keys.length, lines)]
}

function failedCells(row: AnyRow, columns: number): string[] {
  const died = row.outcomes.some(outcome => 'failed' in outcome && /\bdied\b/.test(outcome.failed))
  return [died ? 'died' : 'failed', ...Array.from({ length: columns - 1 }, () => NONE)]
}

export function cpuCells(window: Window): string[] {
  return [
    optional(window.brokerCpuSeconds, value => percent(value, window.seconds)),
    percent(window.loadCpuSeconds, window.seconds),
    optional(othersShare(window), share => Math.round(share * 100).toString()),
  ]
}

/** Between the lowest and the highest run, where there were several. */
export function rangeOf(row: AnyRow): string {
  const rates = row.outcomes.flatMap(outcome => ('result' in outcome ? [figureOf(outcome.result)] : []))
  return rates.length < 2 ? NONE : `${whole(Math.min(...rates))}–${whole(Math.max(...rates))}`
}
