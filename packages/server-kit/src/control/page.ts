import { type JsonValue, ThingmeshError } from '@thingmesh/core'
import type { DescribedQuery, Page, PageQuery } from '../contracts/index.ts'
import { parseWhole } from './described.ts'
import { equalJson } from './json.ts'
import type { RegistryLimits } from './limits.ts'
import type { ChannelRow, ThingRow } from './rows.ts'
import type { Table } from './table.ts'

const defaultItems = 100
const cursorForm = /^[A-Za-z0-9_-]{1,400}$/

export interface PageStart {
  /** The key of the last row of the page before; `undefined` at the beginning. */
  readonly after: string | undefined
  readonly limit: number
}

/** A cursor is the key of the last row seen: rows that come and go in between neither repeat nor hide others. */
export function parsePageQuery(limits: RegistryLimits, query: PageQuery): PageStart {
  return {
    after: query.cursor === undefined ? undefined : parseCursor(query.cursor),
    limit: query.limit === undefined ? defaultItems : parseWhole('limit', query.limit, 1, limits.pageItemsMax),
  }
}

/** The first rows that match, as a page. `rows` are behind the cursor and in the order of their keys. */
export function toPage<Row extends { readonly item: unknown }>(
  rows: Iterable<Row>,
  keyOf: (row: Row) => string,
  limit: number,
  matches: (row: Row) => boolean = () => true,
): Page<Row['item']> {
  const items: Row['item'][] = []
  let last: Row | undefined
  for (const row of rows) {
    if (!matches(row)) continue
    if (items.length === limit && last !== undefined) {
      return { items, next: Buffer.from(keyOf(last)).toString('base64url') }
    }
    items.push(row.item)
    last = row
  }
  return { items }
}

/** A page of things or of channels. */
export function describedPage<Row extends ThingRow | ChannelRow>(
  limits: RegistryLimits,
  table: Table<Row>,
  query: DescribedQuery,
): Page<Row['item']> {
  const { after, limit } = parsePageQuery(limits, query)
  const prefix = query.name ?? ''
  const rows = after === undefined || after < prefix ? table.from(prefix, false) : table.from(after, true)
  const wanted = Object.entries(query.metadata ?? {})
  return toPage(
    whileNamed(rows, prefix),
    row => row.item.name,
    limit,
    row => (query.tag === undefined || row.item.tags.includes(query.tag)) && hasMembers(row.item.metadata, wanted),
  )
}

/** Rows are in the order of their names, so those that start alike are together. */
function* whileNamed<Row extends ThingRow | ChannelRow>(rows: Iterable<Row>, prefix: string): Generator<Row> {
  for (const row of rows) {
    if (!row.item.name.startsWith(prefix)) return
    yield row
  }
}

function hasMembers(
  metadata: Readonly<Record<string, JsonValue>>,
  wanted: readonly (readonly [string, JsonValue])[],
): boolean {
  return wanted.every(([name, value]) => Object.hasOwn(metadata, name) && equalJson(metadata[name], value))
}

function parseCursor(cursor: string): string {
  if (!cursorForm.test(cursor)) throw new ThingmeshError('invalid-argument', 'cursor: found one that no page gave out')
  return Buffer.from(cursor, 'base64url').toString()
}
