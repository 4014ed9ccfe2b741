/** How figures are written, everywhere in a report. */

export const NONE = '—'

export function optional(value: number | undefined, format: (value: number) => string): string {
  return value === undefined || Number.isNaN(value) ? NONE : format(value)
}

export function whole(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

export function percent(part: number, total: number): string {
  return Math.round((part / total) * 100).toString()
}

export function milliseconds(value: number): string {
  return value.toFixed(value < 1 ? 3 : 2)
}

export function mebibytes(bytes: number): string {
  return whole(bytes / 1_048_576)
}

export function kibibytes(bytes: number): string {
  return (bytes / 1_024).toFixed(1)
}

/** A Markdown table. The first `keys` columns are text and name the line, the others are figures. */
export function toTable(columns: readonly string[], keys: number, lines: readonly (readonly string[])[]): string[] {
  return [
    `| ${columns.join(' | ')} |`,
    `|${columns.map((_, index) => (index < keys ? '---|' : '---:|')).join('')}`,
    ...lines.map(cells => `| ${cells.join(' | ')} |`),
    '',
  ]
}
