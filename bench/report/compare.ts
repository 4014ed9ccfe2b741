import { readFileSync } from 'node:fs'
import { NONE, toTable } from './text.ts'

export const COMPARE_HELP = `Usage: npm run bench -- compare BEFORE AFTER

Both are result files that \`--out\` wrote. Lines that both have are shown side by side, figure by figure.`

/** A table of a result file: the text columns of a line name it, the right-aligned ones are its figures. */
export interface ResultTable {
  readonly title: string
  readonly keys: readonly string[]
  readonly columns: readonly string[]
  readonly lines: ReadonlyMap<string, { readonly key: readonly string[]; readonly cells: readonly string[] }>
}

/** Throws a `TypeError` for a wrong call, and the system's error for a file that cannot be read. */
export function runCompare(args: readonly string[]): string {
  if (args[0] === '--help') return `${COMPARE_HELP}\n`
  const [before, after, ...rest] = args
  if (before === undefined || after === undefined || rest.length > 0) {
    throw new TypeError('compare takes two result files')
  }
  return compare(parseTables(readFileSync(before, 'utf8')), parseTables(readFileSync(after, 'utf8')))
}

/** What lines of the same name say in both, as Markdown. */
export function compare(before: readonly ResultTable[], after: readonly ResultTable[]): string {
  const lines = after.flatMap(table => {
    const old = before.find(candidate => candidate.title === table.title)
    if (!old) return []
    const columns = table.columns.filter(column => old.columns.includes(column))
    const body = [...table.lines].flatMap(([name, { key, cells }]) => {
      const was = old.lines.get(name)
      if (!was) return []
      const figures = columns.map(column =>
        change(was.cells[old.columns.indexOf(column)]!, cells[table.columns.indexOf(column)]!),
      )
      return [[...key, ...figures]]
    })
    if (body.length === 0) return []
    return [`## ${table.title}`, '', ...toTable([...table.keys, ...columns], table.keys.length, body)]
  })
  return ['# Before and after', '', ...lines].join('\n')
}

/** Every table that has figures, under the heading it stands under. */
export function parseTables(markdown: string): ResultTable[] {
  const lines = markdown.split('\n')
  const tables: ResultTable[] = []
  let title = ''
  for (let at = 0; at < lines.length; at++) {
    const heading = /^#+ (.*)$/.exec(lines[at]!)
    if (heading) title = heading[1]!
    if (!/^\|(:?-+:?\|)+$/.test(lines[at]!)) continue
    const names = cellsOf(lines[at - 1] ?? '')
    const keys = lines[at]!.split('|').filter(mark => mark === '---').length
    const entries = new Map<string, { key: string[]; cells: string[] }>()
    while (lines[at + 1]?.startsWith('|')) {
      const cells = cellsOf(lines[++at]!)
      const key = cells.slice(0, keys)
      entries.set(key.join(' | '), { key, cells: cells.slice(keys) })
    }
    if (keys < names.length)
      tables.push({ title, keys: names.slice(0, keys), columns: names.slice(keys), lines: entries })
  }
  return tables
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim())
}

function change(before: string, after: string): string {
  if (before === after) return after
  const [from, to] = [figureIn(before), figureIn(after)]
  const times = from !== undefined && to !== undefined && from > 0 ? ` (× ${(to / from).toFixed(2)})` : ''
  return `${before || NONE} → ${after || NONE}${times}`
}

/** A figure may be followed by a mark. A range is none. */
function figureIn(cell: string): number | undefined {
  const match = /^(-?[\d,]+(?:\.\d+)?)(?: \*)?$/.exec(cell)
  return match ? Number(match[1]!.replaceAll(',', '')) : undefined
}
