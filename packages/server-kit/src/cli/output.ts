import type { Call } from './command.ts'
import { print, toPrintable } from './terminal.ts'
import { flagOf } from './values.ts'

/** One item: as one line of JSON, or as the lines given. */
export async function printItem(call: Call, item: object, lines: readonly string[]): Promise<void> {
  if (flagOf(call.values, 'json')) return print(call.terminal, toJson(item))
  for (const line of lines) await print(call.terminal, line)
}

/** Many items: as lines of JSON as they come, or as a table with a heading. */
export async function printItems<Item extends object>(
  call: Call,
  items: AsyncIterable<Item> | Iterable<Item>,
  columns: Readonly<Record<string, (item: Item) => string>>,
): Promise<void> {
  if (flagOf(call.values, 'json')) {
    for await (const item of items) await print(call.terminal, toJson(item))
    return
  }
  const names = Object.keys(columns)
  const rows = [names]
  for await (const item of items) rows.push(names.map(name => toPrintable(columns[name]!(item))))
  const widths = names.map((_name, column) => Math.max(...rows.map(row => row[column]!.length)))
  for (const row of rows) {
    await print(
      call.terminal,
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
  }
}

/** As the HTTP API writes it: times are text, and named without their unit. */
function toJson(item: object): string {
  return JSON.stringify(item, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('createdAtMs' in value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) =>
        name.endsWith('Ms') && typeof member === 'number' ? [name.slice(0, -2), toTime(member)] : [name, member],
      ),
    )
  })
}

/** The fields of an item, one on each line, as people read them. */
export function toLines(item: object): readonly string[] {
  const fields = Object.entries(item).filter(([, value]) => value !== undefined)
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${toPrintable(toText(name, value))}`)
}

function toText(name: string, value: unknown): string {
  if (name.endsWith('Ms') && typeof value === 'number') return toTime(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function toTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
